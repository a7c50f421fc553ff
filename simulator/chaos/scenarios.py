"""Scenarios of the suite's work. Each builds a world, lets something happen, and checks the promises at the end."""

from __future__ import annotations

from interruption_handler.notices import health_change
from simulator.ec2 import Ec2Instance
from simulator.timing import DEFAULT, Timing
from simulator.workload.plan import Job
from simulator.workload.submit import Launcher
from simulator.world import SimulatedCluster, World
from steady.cluster import Size

SEED = 7


class Trial:
    """One run of a scenario.

    Attributes:
        lasts_s: simulated seconds after which every promise must hold, with any fault.
        highest: the highest target capacity during the run.

    Args:
        duplicates: the fraction of messages that are delivered twice.
        seed, timing: of the world.
    """

    name = ""
    lasts_s = 0.0
    cluster: SimulatedCluster

    def __init__(self, duplicates: float = 0.0, seed: int = SEED, timing: Timing = DEFAULT) -> None:
        self.world = World(seed, duplicates=duplicates, timing=timing)
        self.highest = 0
        self.build()
        self.world.clock.every(5, self._watch)

    def build(self) -> None:
        """Build the world as it is before the scenario begins."""
        raise NotImplementedError

    def begin(self) -> None:
        """Let the scenario's events happen."""
        raise NotImplementedError

    def run(self) -> None:
        """Run the scenario for `lasts_s` simulated seconds."""
        self.begin()
        self.world.run(self.lasts_s)

    def broken_promises(self) -> list[str]:
        """Return one line for each promise that does not hold at the end."""
        account, found = self.world.account, []
        if account.killed_tasks:
            found.append(f"{account.killed_tasks} tasks killed in service")
        if account.balancing.failed_requests:
            found.append(f"{account.balancing.failed_requests} requests failed")
        for queue in account.messaging.queues.values():
            if queue.dead_letters and queue.dead_letters.messages:
                found.append(f"{len(queue.dead_letters.messages)} messages of {queue.name} in its dead-letter queue")
        return found + self.broken_promises_of_scenario()

    def broken_promises_of_scenario(self) -> list[str]:
        """Return one line for each promise of this scenario alone that does not hold at the end."""
        return []

    def _watch(self) -> None:
        self.highest = max(self.highest, self.cluster.target)

    def _all_running(self, service: str, tasks: int) -> list[str]:
        running = [t for t in self.cluster.running() if t.group == f"service:{service}"]
        return [] if len(running) == tasks else [f"{len(running)} of {tasks} tasks of {service} run"]


class Reclaim(Trial):
    """EC2 reclaims a Spot Fleet of 20 instances at once."""

    name = "a reclaim of 20 instances"
    lasts_s = 150.0

    def build(self) -> None:
        self.cluster = self.world.spot_cluster("web", 20, "m5.xlarge", mode="paused")
        self.cluster.service("api", 40, requests_per_s=1)
        for instance in self.cluster.instances()[:5]:
            self.cluster.batch_task(instance, run_s=3600)
        self.world.run(60)

    def begin(self) -> None:
        # The market has no capacity for the rest of the run: the instances are not replaced.
        self.world.account.spot.set_available(self.cluster.pool, 0.0)
        self.doomed: list[Ec2Instance] = [i for i in self.world.account.ec2.instances.values() if i.alive]

    def broken_promises_of_scenario(self) -> list[str]:
        left = [i.id for i in self.doomed if i.alive]
        return [f"{len(left)} instances were not reclaimed"] if left else []


class ScaleOut(Trial):
    """A service lacks tasks, and at the same time RunTask calls of a batch launcher fail."""

    name = "a scale-out"
    lasts_s = 900.0
    # Ten tasks and six jobs, each of half an instance, need eight instances. Some more are spare capacity.
    most = 12

    def build(self) -> None:
        self.cluster = self.world.spot_cluster("web", 2, max_capacity=20)
        self.launcher = Launcher(self.cluster, SEED, lambda job, waited_s, task: None)
        self.world.run(60)

    def begin(self) -> None:
        self.cluster.service("api", 10, cpu=1024, memory=1000, requests_per_s=1)
        self.launcher.submit(tuple(Job(5.0, "nightly", Size(1024, 1000), 3600.0) for _ in range(6)))

    def broken_promises_of_scenario(self) -> list[str]:
        found = self._all_running("api", 10)
        if self.launcher.waiting:
            found.append(f"{len(self.launcher.waiting)} jobs still wait")
        if self.highest > self.most:
            found.append(f"the target was {self.highest} instances; {self.most} are enough")
        return found


class ScaleIn(Trial):
    """An idle group shrinks. Meanwhile a service wants more tasks, and draining instances are taken back."""

    name = "a scale-in with take-back"
    lasts_s = 1500.0

    def build(self) -> None:
        self.cluster = self.world.group_cluster("web", 8, scale_in_after_seconds=60, scale_in_share=50)
        self.service = self.cluster.service("api", 6, cpu=512, memory=500, requests_per_s=1)
        self.world.run(60)

    def begin(self) -> None:
        self.world.clock.after(200, lambda: self._want(12))
        self.world.clock.after(700, lambda: self._want(6))

    def _want(self, tasks: int) -> None:
        self.world.account.scheduler.services.set_desired(self.service, tasks)

    def broken_promises_of_scenario(self) -> list[str]:
        found = self._all_running("api", 6)
        if self.highest > 8:
            found.append(f"the target was {self.highest} instances; 8 are enough")
        # Two instances hold six tasks of half a vCPU with headroom. At most four may be left.
        if not 2 <= self.cluster.target <= 4:
            found.append(f"{self.cluster.target} instances are left; 2 to 4 are needed")
        return found


class Hook(Trial):
    """A group terminates instances under a lifecycle hook: they are emptied, and the hook is completed."""

    name = "instances under a lifecycle hook"
    lasts_s = 700.0

    def build(self) -> None:
        self.cluster = self.world.group_cluster("web", 4, mode="paused")
        self.cluster.service("api", 8, requests_per_s=1)
        self.world.run(60)

    def begin(self) -> None:
        self.leaving = self.cluster.ec2_instances()[:2]
        for instance in self.leaving:
            self.world.account.groups.fail(instance)

    def broken_promises_of_scenario(self) -> list[str]:
        left = [i.id for i in self.leaving if i.alive]
        return [*([f"{len(left)} instances still wait under the hook"] if left else []), *self._all_running("api", 8)]


class ComingBack(Trial):
    """A maintenance of two instances is called off, and a third one is stopped and starts again: all come back."""

    name = "instances that come back"
    lasts_s = 1500.0

    def build(self) -> None:
        self.cluster = self.world.spot_cluster("web", 6, scale_in_after_seconds=86_400, learning="off")
        self.cluster.service("api", 12, requests_per_s=1)
        self.world.run(60)

    def begin(self) -> None:
        self.named = [i.ec2_id for i in self.cluster.instances()[:2]]
        [stopped] = [i for i in self.cluster.ec2_instances() if i.container_instance is self.cluster.instances()[-1]]
        self._say("upcoming")
        self.world.clock.after(20, lambda: self.world.account.spot.reclaim([stopped], "stop"))
        self.world.clock.after(200, lambda: self._say("closed"))
        self.world.clock.after(400, lambda: self.world.account.fleets.restart(stopped))

    def _say(self, status: str) -> None:
        sample = health_change.SAMPLE
        entities = [{"entityValue": id_, "status": "PENDING"} for id_ in self.named]
        detail = {**sample["detail"], "statusCode": status, "affectedEntities": entities}
        event = {"detail-type": sample["detail-type"], "source": sample["source"], "detail": detail}
        self.world.account.messaging.put_event(event)

    def broken_promises_of_scenario(self) -> list[str]:
        away = [i.ec2_id for i in self.cluster.instances() if i.status != "ACTIVE"]
        found = [f"{len(away)} instances have not come back"] if away else []
        return [*found, *self._all_running("api", 12)]


SCENARIOS: tuple[type[Trial], ...] = (Reclaim, ScaleOut, ScaleIn, Hook, ComingBack)
