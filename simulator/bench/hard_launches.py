"""Requests that are hard on the launch queue: gangs, poison, ten thousand that wait, and an ECS that throttles."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from simulator.bench.launch import BOOT_S, DUPLICATES
from simulator.ecs.state import Task
from simulator.errors import AwsError
from simulator.outcome import waits
from simulator.processes import run_all
from simulator.timing import Timing
from simulator.world import SimulatedCluster, World
from steady.api_budget.limits import BUCKET_OF
from steady.queued_run import ROUND_S
from steady.thresholds import DEFAULTS

GANG, RUNS_S = 8, 300.0
# StopTask ends what was started of a gang whose room others took: a call for each task, and the answer of RunTask.
HALF_HELD_S = 3
# One wave of calls side by side (`task_launcher.rounds`): all of them may be under way when ECS begins to throttle.
# Then the first call of a round of each of the two environments may be throttled, too.
A_WAVE = 12
WINDOW_S = 60
# What a request that nothing can run costs the others, and the name of its figure.
COSTS = (
    ("p50 of the others, longer by (s)", "p50"),
    ("p95 of the others, longer by (s)", "p95"),
    ("others not run", "not run"),
)
_BUCKET = BUCKET_OF["RunTask"]
# Calls a second in a minute: of a token bucket, the burst comes once.
SHARE = (_BUCKET.per_minute + _BUCKET.burst) / WINDOW_S * int(DEFAULTS["api_share"]) / 100


@dataclass(frozen=True, slots=True)
class Check:
    """What was measured in a trial, and the most that is promised."""

    trial: str
    what: str
    measured: float
    at_most: float

    @property
    def kept(self) -> bool:
        """Whether the promise is kept."""
        return self.measured <= self.at_most

    def __str__(self) -> str:
        return f"{self.trial}: {self.what}: {self.measured:g}, at most {self.at_most:g}"


@dataclass
class Trial:
    """A cluster of a world, what was sent to the launch queue for it, and what was started.

    Attributes:
        sent_at: when each request was sent, by its id.
        started: the tasks of each request, by its id, which is their group.
        half_s: for each gang, the seconds in which some of its tasks ran before all of them did.
        called: when RunTask was called, and whether ECS throttled the call.
    """

    cluster: SimulatedCluster
    sent_at: dict[str, float] = field(default_factory=dict)
    started: dict[str, list[Task]] = field(default_factory=dict)
    half_s: Counter[str] = field(default_factory=Counter)
    called: list[tuple[float, bool]] = field(default_factory=list)
    whole: set[str] = field(default_factory=set)

    @staticmethod
    def of(seed: int, instances: int, maximum: int) -> Trial:
        """Build a world with a cluster whose instances hold eight tasks of the family `run` each."""
        world = World(seed, BOOT_S, DUPLICATES, timing=Timing.as_aws())
        cluster = world.group_cluster("runs", instances, maximum=maximum)
        cluster.define("run", 256, 512)
        cluster.define("quarter", 1024, 512)
        trial = Trial(cluster)
        world.account.scheduler.observer.started = trial._started
        world.account.endpoint.recorded = trial._recorded
        world.run(60)
        return trial

    @property
    def world(self) -> World:
        """The world of the trial."""
        return self.cluster.world

    def send(self, id_: str, family: str = "run", **fields: Any) -> None:
        """Send a request whose tasks are of the group `id_`."""
        self.sent_at[id_] = self.world.clock.now
        asked = {"cluster": "runs", "taskDefinition": family, "clientToken": id_, "group": id_, **fields}
        self.world.suite.launch(**asked)

    def send_within(self, seconds: float, seed: int, sends: Sequence[Callable[[], None]]) -> None:
        """Make each of `sends` at a time of its own within the next `seconds`."""
        rng = random.Random(f"hard {seed}")
        for send in sends:
            self.world.clock.at(self.world.clock.now + rng.uniform(0, seconds), send)

    def watch(self, seconds: int) -> None:
        """Let `seconds` pass, and look at the gangs each second."""
        for _ in range(seconds):
            self.world.run(1)
            for id_ in [i for i in self.started if i.startswith("gang") and i not in self.whole]:
                alive = sum(not task.stopping for task in self.started[id_])
                self.half_s[id_] += 0 < alive < GANG
                if alive >= GANG:
                    self.whole.add(id_)

    def waited(self) -> list[float]:
        """Return the seconds that each request for one task waited."""
        return [self.started[i][0].created_at - at for i, at in self.sent_at.items() if i in self.started]

    def not_run(self, start: str) -> int:
        """Return how many of the requests whose ids begin with `start` have no task."""
        return sum(id_.startswith(start) and id_ not in self.started for id_ in self.sent_at)

    def most_within(self, window_s: float, *, throttled: bool = False) -> int:
        """Return the most calls of RunTask within `window_s` seconds, or the most that ECS throttled."""
        times = sorted(at for at, is_throttled in self.called if is_throttled or not throttled)
        return max((sum(at <= t < at + window_s for t in times) for at in times), default=0)

    def _started(self, task: Task) -> None:
        task.run_s = RUNS_S
        self.started.setdefault(task.group, []).append(task)

    def _recorded(self, name: str, params: Mapping[str, Any], answer: Any, user_agent: str) -> None:  # noqa: ARG002
        if name == "ecs:RunTask" and user_agent:
            is_throttled = isinstance(answer, AwsError) and "Throttl" in answer.code
            self.called.append((self.world.clock.now, is_throttled))


def gangs(seed: int) -> list[Check]:
    """Send gangs of eight beside 200 single tasks to a cluster that may grow: none waits for the others for ever."""
    trial = Trial.of(seed, 7, 100)
    singles = [lambda id_=f"run-{n}": trial.send(id_) for n in range(200)]
    whole = [lambda id_=f"gang-{n}": trial.send(id_, count=GANG, all_or_nothing=True) for n in range(25)]
    trial.send_within(120, seed, [*singles, *whole])
    trial.watch(900)
    name = "gangs of 8 beside single tasks"
    return [
        Check(name, "seconds in which a gang is held half", max(trial.half_s.values(), default=0), HALF_HELD_S),
        Check(name, "gangs that did not run", 25 - len(trial.whole), 0),
        Check(name, "single tasks that did not run", trial.not_run("run"), 0),
        Check(name, "p95 of waiting (s)", waits(trial.waited())["p95"], 3 * BOOT_S),
    ]


def too_large_gangs(seed: int) -> list[Check]:
    """Send gangs of eight to a cluster that holds six, and cannot grow: they are given up, and hold nothing."""
    trial = Trial.of(seed, 3, 3)
    for number in range(5):
        trial.send(f"gang-{number}", "quarter", count=GANG, all_or_nothing=True, deadline=300)
    trial.send_within(200, seed, [lambda id_=f"run-{n}": trial.send(id_) for n in range(20)])  # type: ignore[misc]
    trial.watch(420)
    dead = trial.world.suite.launches.dead_letters
    name = "gangs of 8 where 6 fit"
    given_up = {m.attributes["error"]["StringValue"].split(" is given up")[0] for m in dead.messages} if dead else set()
    return [
        Check(name, "seconds in which a gang is held half", max(trial.half_s.values(), default=0), HALF_HELD_S),
        Check(name, "gangs that are neither run nor given up", 5 - len(given_up), 0),
        Check(name, "p95 of waiting of single tasks (s)", waits(trial.waited())["p95"], ROUND_S),
    ]


def poison(seed: int) -> list[Check]:
    """Send what nothing can run among 300 requests for which there is room: a pair, twenty pairs, and none."""
    waited = {}
    for pairs in (0, 1, 20):
        trial = Trial.of(seed, 40, 40)
        good = [lambda id_=f"run-{n}", to=trial: to.send(id_) for n in range(300)]
        trial.send_within(90, seed, good)
        for number in range(pairs):
            trial.send(f"unknown-{number}", f"no-such-family-{number}")
            trial.send(f"huge-{number}", overrides={"cpu": str(1_024_000 + number)}, deadline=120)
        trial.watch(240)
        waited[pairs] = {**waits(trial.waited()), "not run": trial.not_run("run")}
    name = "an unknown family, and 1,000 vCPUs"
    return [
        Check(f"{name}{of}", what, round(waited[pairs][p] - waited[0][p], 1), most)
        for pairs, of, limits in ((1, "", (1, 1, 0)), (20, ", twenty times", (ROUND_S, ROUND_S, 0)))
        for (what, p), most in zip(COSTS, limits, strict=True)
    ]


def many(seed: int) -> list[Check]:
    """Let ten thousand requests wait in a cluster that is full and cannot grow."""
    trial = Trial.of(seed, 7, 7)
    trial.send_within(60, seed, [lambda id_=f"run-{n}": trial.send(id_) for n in range(10_000)])  # type: ignore[misc]
    trial.world.run(300)
    name = "10,000 different requests that wait"
    unread = sum("round" not in message.body[:10] for message in trial.world.suite.launches.messages)
    return [
        Check(name, "RunTask calls a second, in the worst minute", trial.most_within(WINDOW_S) / WINDOW_S, SHARE),
        Check(name, "calls that ECS throttled", sum(throttled for _, throttled in trial.called), 0),
        Check(name, "requests that are not in the table after five minutes", unread, 0),
        Check(name, "rounds that Lambda had to end", _timeouts(trial), 0),
    ]


def throttled(seed: int) -> list[Check]:
    """Let somebody else use up the bucket of RunTask for two minutes, while 200 requests come."""
    trial = Trial.of(seed, 26, 30)
    world, ends = trial.world, trial.world.clock.now + 120

    def use_up() -> None:
        for _ in itertools.repeat(None, 60):
            try:
                world.account.endpoint.answer("somebody", "ecs:StopTask", {"cluster": "runs", "task": "none"})
            except AwsError:
                continue
        if world.clock.now < ends:
            world.clock.after(0.1, use_up)

    use_up()
    trial.send_within(60, seed, [lambda id_=f"run-{n}": trial.send(id_) for n in range(200)])  # type: ignore[misc]
    trial.world.run(300)
    name = "RunTask throttled for two minutes"
    return [
        Check(name, "throttled calls within ten seconds", trial.most_within(ROUND_S, throttled=True), A_WAVE),
        Check(name, "requests that did not run", trial.not_run("run"), 0),
    ]


def _timeouts(trial: Trial) -> int:
    launcher = trial.world.suite.task_launcher
    return launcher.timeouts if launcher else 0


TRIALS: tuple[Callable[[int], list[Check]], ...] = (gangs, too_large_gangs, poison, many, throttled)


@dataclass(frozen=True, slots=True)
class Case:
    """One of the trials, with a seed."""

    trial: Callable[[int], list[Check]]
    seed: int


def _run(case: Case) -> list[Check]:
    return case.trial(case.seed)


def measure(
    trials: Sequence[Callable[[int], list[Check]]],
    seed: int,
    at_once: int,
    done: Callable[[Case], None] = lambda case: None,
) -> list[Check]:
    """Run `trials`, each in a process of its own."""
    return list(itertools.chain(*run_all(_run, [Case(trial, seed) for trial in trials], at_once, done)))
