"""What the suite does, each as a trial: a world, what happens to it, and the promises that hold at the end."""

from __future__ import annotations

from simulator.ec2 import Ec2Instance
from simulator.workload.plan import Job
from simulator.workload.submit import Launcher
from simulator.world import SimulatedCluster, World
from steady.cluster import Size

SEED = 7


class Trial:
    """One run of a scenario. `lasts_s` is after how long everything is as it should be, if nothing lasts longer.

    Args:
        duplicates: the share of messages that come twice.
    """

    name = ""
    lasts_s = 0.0
    cluster: SimulatedCluster

    def __init__(self, duplicates: float = 0.0) -> None:
        self.world = World(SEED, duplicates=duplicates)
        self.highest = 0
        self.build()
        self.world.clock.every(5, self._watch)

    def build(self) -> None:
        """The world before anything happens."""
        raise NotImplementedError

    def begin(self) -> None:
        """What happens."""
        raise NotImplementedError

    def run(self) -> None:
        self.begin()
        self.world.run(self.lasts_s)

    def broken(self) -> list[str]:
        """The promises that do not hold at the end, each as one sees it."""
        account, found = self.world.account, []
        if account.killed_tasks:
            found.append(f"{account.killed_tasks} tasks killed in service")
        if account.balancing.failed_requests:
            found.append(f"{account.balancing.failed_requests} requests failed")
        for queue in account.messaging.queues.values():
            if queue.dead_letters and queue.dead_letters.messages:
                found.append(f"{len(queue.dead_letters.messages)} messages of {queue.name} lost to dead letters")
        return found + self.kept_in_bounds()

    def kept_in_bounds(self) -> list[str]:
        return []

    def _watch(self) -> None:
        self.highest = max(self.highest, self.cluster.target)

    def _all_running(self, service: str, tasks: int) -> list[str]:
        running = [t for t in self.cluster.running() if t.group == f"service:{service}"]
        return [] if len(running) == tasks else [f"{len(running)} of {tasks} tasks of {service} run"]


class Reclaim(Trial):
    """A Spot Fleet of 20 instances is taken back at once."""

    name = "a reclaim of 20 instances"
    lasts_s = 150.0

    def build(self) -> None:
        self.cluster = self.world.spot_cluster("web", 20, "m5.xlarge", mode="paused")
        self.cluster.service("api", 40, requests_per_s=1)
        for instance in self.cluster.instances()[:5]:
            self.cluster.batch_task(instance, run_s=3600)
        self.world.run(60)

    def begin(self) -> None:
        # A fleet whose capacity is gone gets none back for now: what is served out is not replaced.
        self.world.account.fleets.set_available(self.cluster.pool, 0.0)  # type: ignore[arg-type]
        self.doomed: list[Ec2Instance] = [i for i in self.world.account.ec2.instances.values() if i.alive]

    def kept_in_bounds(self) -> list[str]:
        left = [i.id for i in self.doomed if i.alive]
        return [f"{len(left)} instances were not taken"] if left else []


class ScaleOut(Trial):
    """A service lacks tasks, and a batch launcher's RunTask fails, at once."""

    name = "a scale-out"
    lasts_s = 900.0
    # Two instances are there; ten tasks and six jobs of half an instance each want eight, and some room is kept.
    most = 12

    def build(self) -> None:
        self.cluster = self.world.spot_cluster("web", 2, max_capacity=20)
        self.launcher = Launcher(self.cluster, SEED, lambda waited_s: None)
        self.world.run(60)

    def begin(self) -> None:
        self.cluster.service("api", 10, cpu=1024, memory=1000, requests_per_s=1)
        self.launcher.submit(tuple(Job(5.0, "nightly", Size(1024, 1000), 3600.0) for _ in range(6)))

    def kept_in_bounds(self) -> list[str]:
        found = self._all_running("api", 10)
        if self.launcher.waiting:
            found.append(f"{len(self.launcher.waiting)} jobs wait")
        if self.highest > self.most:
            found.append(f"{self.highest} instances asked for, where {self.most} are enough")
        return found


class ScaleIn(Trial):
    """An idle group shrinks; half way, a service wants more: what is being emptied is taken back."""

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

    def kept_in_bounds(self) -> list[str]:
        found = self._all_running("api", 6)
        if self.highest > 8:
            found.append(f"{self.highest} instances asked for, where 8 are enough")
        # Six tasks of half a vCPU: two instances hold them with room, and no more than four are kept.
        if not 2 <= self.cluster.target <= 4:
            found.append(f"{self.cluster.target} instances are left, where 2 to 4 are enough")
        return found


class Hook(Trial):
    """A group ends instances under a lifecycle hook: they are served out, and let go."""

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

    def kept_in_bounds(self) -> list[str]:
        left = [i.id for i in self.leaving if i.alive]
        return [*([f"{len(left)} instances were not let go"] if left else []), *self._all_running("api", 8)]


SCENARIOS: tuple[type[Trial], ...] = (Reclaim, ScaleOut, ScaleIn, Hook)
