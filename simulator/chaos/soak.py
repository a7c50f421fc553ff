"""The soak: simulated days of ordinary work in which every fault happens at a low rate, and the resulting figures."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulator.clock import Crashed
from simulator.ec2 import Ec2Instance
from simulator.errors import AwsError, throttled
from simulator.faults import Fault, Partial, TimedOut, Try
from simulator.outcome import waits
from simulator.workload.plan import Job
from simulator.workload.submit import Launcher
from simulator.world import World
from steady.cluster import Size

# The fraction of calls that each kind of fault hits. All kinds together hit about one call in a thousand.
RATE = 0.0002
# The fractions of events that arrive twice, arrive late, or are lost.
TWICE, LATE, LOST = 0.05, 0.01, 0.01
# Seconds by which a late event is late.
LATE_S = 600.0
DAY_S = 86_400.0
MINIMUM, MAXIMUM = 2, 40
NOTICES = ("EC2 Spot Instance Interruption Warning", "EC2 Instance-terminate Lifecycle Action")
# A task that has waited longer than this counts as forgotten. A boot takes two minutes, and its first try may fail.
FORGOTTEN_S = 1800.0


class AtRandom(Fault):
    """A fault at random calls: throttled, failed, denied, no answer, half an answer, or a crash of the process."""

    def __init__(self, seed: int, rate: float) -> None:
        self.rng, self.rate = random.Random(f"faults {seed}"), rate
        self.happened: Counter[str] = Counter()

    def before(self, tried: Try) -> None:
        errors: dict[str, Callable[[], BaseException]] = {
            "throttled": lambda: throttled(tried.name),
            "failed": lambda: AwsError("InternalError", "We encountered an internal error.", 500),
            "denied": lambda: AwsError("AccessDeniedException", f"not authorized to perform: {tried.name}", 403),
            "no answer, without effect": lambda: TimedOut(connected=False),
            "crashed before": lambda: Crashed(f"crashed before {tried.name}"),
        }
        for kind, error in errors.items():
            if self._happens(kind):
                raise error()

    def answered(self, tried: Try, answer: dict[str, Any]) -> dict[str, Any]:
        if self._happens("no answer, with effect"):
            raise TimedOut(connected=True)
        if self._happens("crashed after"):
            raise Crashed(f"crashed after {tried.name}")
        if tried.name in Partial.LISTS and self._happens("answered by half"):
            return Partial(tried.name).answered(tried, answer)
        return answer

    def _happens(self, kind: str) -> bool:
        happens = self.rng.random() < self.rate
        self.happened[kind] += happens
        return happens


@dataclass(frozen=True, slots=True)
class Soaked:
    """The figures of a soak.

    Attributes:
        faults, events: how often each kind of fault hit a call or an event.
        tasks: how many tasks were placed.
        tasks_killed_forced, failed_requests_forced: those on instances whose notice was lost or late. Nothing can
            prevent them.
        wants_forgotten: tasks that waited longer than `FORGOTTEN_S` at the end.
        seconds_out_of_bounds: for how long a target capacity was out of its bounds.
        waits_s: percentiles of the tasks' waits, in seconds.
    """

    days: float
    faults: dict[str, int]
    events: dict[str, int]
    notices: int
    tasks: int
    tasks_killed: int
    tasks_killed_forced: int
    failed_requests: int
    failed_requests_forced: int
    wants_forgotten: int
    seconds_out_of_bounds: float
    waits_s: dict[str, float]
    dead_letters: int

    def broken_promises(self) -> list[str]:
        """Return one line for each promise that does not hold."""
        found = {
            "tasks killed in service although their notice arrived": self.tasks_killed - self.tasks_killed_forced,
            "requests failed although the notice arrived": self.failed_requests - self.failed_requests_forced,
            f"tasks waited longer than {FORGOTTEN_S:g} s": self.wants_forgotten,
            "seconds with a target capacity out of its bounds": self.seconds_out_of_bounds,
        }
        return [f"{count:g} {what}" for what, count in found.items() if count]


class Soak:
    """One soak: a cluster on an Auto Scaling group and one on a Spot Fleet, with a daily cycle of work."""

    def __init__(self, days: float, seed: int = 0, rate: float = RATE) -> None:
        self.days, self.rng = days, random.Random(f"soak {seed}")
        self.world = World(seed, duplicates=TWICE)
        self.faults = AtRandom(seed, rate)
        self.events: Counter[str] = Counter()
        self.out_of_bounds_s = 0.0
        self.waited: list[float] = []
        self.notices = 0
        self.unwarned: set[str] = set()
        self.forced_kills = 0
        bounds: dict[str, Any] = {"min_capacity": MINIMUM, "max_capacity": MAXIMUM}
        self.web = self.world.group_cluster("web", 4, "m5.xlarge", **bounds)
        self.batch = self.world.spot_cluster("batch", 4, "m5.xlarge", **bounds)
        self.launcher = Launcher(self.batch, seed, lambda job, waited_s, task: self.waited.append(waited_s))
        self._build()

    def run(self, passed: Callable[[float], None] = lambda days: None) -> Soaked:
        """Run the soak, and return its figures. `passed` is called each simulated hour with the days so far."""
        self.world.account.endpoint.fault = self.faults
        for hour in range(round(self.days * 24)):
            self.world.run(3600)
            passed((hour + 1) / 24)
        # An hour without faults: late events arrive, and all work that is under way ends.
        self.world.account.endpoint.fault = Fault()
        self.world.run(2 * FORGOTTEN_S)
        return self._soaked()

    def _build(self) -> None:
        account, clock = self.world.account, self.world.clock
        self.api = self.web.service("api", 8, cpu=512, memory=1000, requests_per_s=0.2)
        self.spot_api = self.batch.service("spot-api", 8, cpu=512, memory=1000, requests_per_s=0.2)
        self._lose_and_delay()
        account.scheduler.observer.killed = self._killed
        account.scheduler.observer.placed = lambda task, waited_s: self.waited.append(waited_s)
        clock.every(3600, self._change_services)
        clock.every(1200, self._submit_jobs)
        clock.every(4 * 3600, self._reclaim, first_after_s=5400)
        clock.every(6 * 3600, self._end_one, first_after_s=9000)
        clock.every(10, self._watch)

    def _lose_and_delay(self) -> None:
        messaging = self.world.account.messaging
        deliver, put_event = messaging.deliver, messaging.put_event

        def deliver_or_lose(queue: Any, body: str) -> None:
            luck = self.rng.random()
            if luck < LOST:
                self.events["lost"] += 1
            elif luck < LOST + LATE:
                self.events["late"] += 1
                self.world.clock.after(LATE_S, lambda: deliver(queue, body))
            else:
                deliver(queue, body)

        def count_notice(event: dict[str, Any]) -> None:
            before = self.events["lost"] + self.events["late"]
            put_event(event)
            detail = event.get("detail", {})
            named = detail.get("EC2InstanceId", detail.get("instance-id"))
            if event["detail-type"] in NOTICES:
                self.notices += 1
                if self.events["lost"] + self.events["late"] > before:
                    self.unwarned.add(named)

        messaging.deliver = deliver_or_lose  # type: ignore[method-assign]
        messaging.put_event = count_notice  # type: ignore[method-assign]

    def _killed(self, task: Any) -> None:
        self.world.account.killed_tasks += 1
        self.forced_kills += task.instance.ec2_id in self.unwarned

    def _change_services(self) -> None:
        hour = (self.world.clock.now % DAY_S) / 3600
        by_day = 8 + round(10 * max(0.0, 1 - abs(hour - 13) / 7))
        services = self.world.account.scheduler.services
        services.set_desired(self.api, by_day + self.rng.randrange(3))
        services.set_desired(self.spot_api, by_day + self.rng.randrange(3))

    def _submit_jobs(self) -> None:
        count = self.rng.choice((0, 0, 1, 2, 6))
        jobs = tuple(
            Job(self.rng.uniform(0, 300), "job", Size(self.rng.choice((512, 1024)), 2000), self.rng.uniform(60, 2400))
            for _ in range(count)
        )
        self.launcher.submit(jobs)

    def _reclaim(self) -> None:
        here = len(self.batch.ec2_instances())
        self.batch.reclaim(max(1, round(here * self.rng.choice((0.1, 0.3, 0.6)))))

    def _end_one(self) -> None:
        """Let an on-demand instance fail its health checks: its group replaces it, under its lifecycle hook."""
        alive: list[Ec2Instance] = [i for i in self.web.ec2_instances() if i.container_instance]
        if alive:
            self.world.account.groups.fail(self.rng.choice(alive))

    def _watch(self) -> None:
        for cluster in (self.web, self.batch):
            if not MINIMUM <= cluster.target <= MAXIMUM:
                self.out_of_bounds_s += 10

    def _soaked(self) -> Soaked:
        account, now = self.world.account, self.world.clock.now
        open_since = [run.since for run in self.launcher.waiting]
        open_since += [s for c in (self.web, self.batch) for v in c.state.services.values() for s in v.missing_since]
        dead = sum(len(q.dead_letters.messages) for q in account.messaging.queues.values() if q.dead_letters)
        return Soaked(
            days=self.days,
            faults=dict(self.faults.happened),
            events=dict(self.events),
            notices=self.notices,
            tasks=len(self.waited),
            tasks_killed=account.killed_tasks,
            tasks_killed_forced=self.forced_kills,
            failed_requests=account.balancing.failed_requests,
            failed_requests_forced=self._forced_requests(),
            wants_forgotten=sum(now - since > FORGOTTEN_S for since in open_since),
            seconds_out_of_bounds=self.out_of_bounds_s,
            waits_s=waits(self.waited),
            dead_letters=dead,
        )

    def _forced_requests(self) -> int:
        """Count the failed requests of targets on instances whose notice was lost or late."""
        failed = self.world.account.balancing.failed_by_target
        return sum(failed[id_] for id_ in self.unwarned)
