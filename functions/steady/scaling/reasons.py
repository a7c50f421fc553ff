"""Why a decision is what it is: one typed record a reason, each of which reads as a sentence."""

from collections.abc import Sequence
from dataclasses import dataclass

from steady.cluster import InstanceShape, Size, TaskShape


@dataclass(frozen=True, slots=True)
class Reason:
    """Base of all reasons; `str()` of one is what operators read."""

    @property
    def name(self) -> str:
        return type(self).__name__

    @property
    def saw(self) -> str:
        """What the rule looked at, whether it wants anything or not."""
        return str(self)


@dataclass(frozen=True, slots=True)
class ReservationHigh(Reason):
    resource: str
    percent: float
    threshold: int
    add: int

    @property
    def saw(self) -> str:
        return f"{self.resource} reservation {self.percent:.0f} % (threshold {self.threshold} %)"

    def __str__(self) -> str:
        return f"{self.resource} reservation {self.percent:.0f} % > {self.threshold} %: +{_instances(self.add)}"


@dataclass(frozen=True, slots=True)
class ServiceDrift(Reason):
    service: str
    missing: int

    def __str__(self) -> str:
        return f"service {self.service} lacks {_tasks(self.missing)}"


@dataclass(frozen=True, slots=True)
class RunTaskFailures(Reason):
    count: int
    total: Size

    def __str__(self) -> str:
        return (
            f"RunTask failed for {_tasks(self.count)} "
            f"({self.total.cpu_units} CPU units, {self.total.memory_mib} MiB together)"
        )


@dataclass(frozen=True, slots=True)
class ScaleInShed(Reason):
    """Of `due` instances that might be emptied, only `read` were looked at."""

    read: int
    due: int

    def __str__(self) -> str:
        return (
            f"{self.read} of {_instances(self.due)} that might be emptied looked at: ECS calls are at the suite's "
            "share (api_share), and scale-in can wait"
        )


@dataclass(frozen=True, slots=True)
class WantsDoNotFit(Reason):
    tasks: int
    add: int

    def __str__(self) -> str:
        return f"{_tasks(self.tasks)} of these fit on nothing that is there or coming: +{_instances(self.add)}"


@dataclass(frozen=True, slots=True)
class DriftIsNotCapacity(Reason):
    service: str
    missing: int

    def __str__(self) -> str:
        return (
            f"service {self.service} lacks {_tasks(self.missing)} that would fit: not a want of capacity "
            "(look for a crash loop, an image that cannot be pulled, or a constraint)"
        )


@dataclass(frozen=True, slots=True)
class FitsNoInstance(Reason):
    """A task that none of the pool's types holds; `largest` is the roomiest of them."""

    task: TaskShape
    largest: InstanceShape

    @staticmethod
    def of(task: TaskShape, shapes: Sequence[InstanceShape]) -> "FitsNoInstance":
        return FitsNoInstance(task, max(shapes, key=lambda s: (s.gpus, s.size.memory_mib, s.size.cpu_units)))

    def __str__(self) -> str:
        size, largest = self.task.size, self.largest
        asks = [f"{size.cpu_units} CPU units", f"{size.memory_mib} MiB"]
        asks += [f"{self.task.gpus} GPUs"] if self.task.gpus else []
        asks += [f"memberOf {expression}" for expression in sorted(self.task.member_of)]
        return (
            f"a task of {', '.join(asks)} fits no instance of the pool "
            f"({largest.name}: {largest.size.cpu_units} CPU units, {largest.size.memory_mib} MiB, {largest.gpus} GPUs)"
        )


@dataclass(frozen=True, slots=True)
class RoomToStart(Reason):
    room: Size
    share: int
    add: int

    @property
    def saw(self) -> str:
        return (
            f"room of {self.room.cpu_units} CPU units and {self.room.memory_mib} MiB is kept, "
            f"so that {self.share} % of tasks start at once"
        )

    def __str__(self) -> str:
        return f"{self.saw}: +{_instances(self.add)}"


@dataclass(frozen=True, slots=True)
class DemandComesBack(Reason):
    demand: Size
    every_s: int
    times: int
    of: int
    add: int

    @property
    def saw(self) -> str:
        period = {3600: "hours", 86_400: "days"}.get(self.every_s, f"periods of {self.every_s} s")
        return (
            f"{self.demand.cpu_units} CPU units and {self.demand.memory_mib} MiB are due, "
            f"as in {self.times} of the last {self.of} {period}"
        )

    def __str__(self) -> str:
        return f"{self.saw}: +{_instances(self.add)}"


@dataclass(frozen=True, slots=True)
class TakenBack(Reason):
    instances: int

    def __str__(self) -> str:
        return f"{_instances(self.instances)} chosen for scale-in taken back"


@dataclass(frozen=True, slots=True)
class ReplacedAhead(Reason):
    units: int

    def __str__(self) -> str:
        return f"instances are about to go: {self.units} units asked for ahead of that"


@dataclass(frozen=True, slots=True)
class FellBack(Reason):
    units: int
    seconds: float

    def __str__(self) -> str:
        return f"no Spot for {self.seconds:.0f} s: {self.units} units of the target on-demand"


@dataclass(frozen=True, slots=True)
class SpotIsBack(Reason):
    instances: int

    def __str__(self) -> str:
        return f"Spot is back: {_instances(self.instances)} on-demand to empty"


@dataclass(frozen=True, slots=True)
class BootTimedOut(Reason):
    """Instances that are late; `terminated` of them now, the others in their turn."""

    instances: int
    seconds: int
    terminated: int

    def __str__(self) -> str:
        return (
            f"{_instances(self.instances)} not registered with ECS within {self.seconds} s: {self.terminated} "
            "terminated now (look at the AMI, the user data and the instance's role)"
        )


@dataclass(frozen=True, slots=True)
class AgentsLost(Reason):
    """Instances whose agent is away; `drained` of them from now on, the others in their turn."""

    instances: int
    seconds: int
    drained: int

    def __str__(self) -> str:
        return (
            f"the agent of {_instances(self.instances)} away for more than {self.seconds} s: {self.drained} drained "
            "now, to be terminated"
        )


@dataclass(frozen=True, slots=True)
class HealingHeldBack(Reason):
    """`tries` instances were terminated, and none has registered since."""

    tries: int
    next_try_s: float

    def __str__(self) -> str:
        return (
            f"no instance has registered since {_instances(self.tries)} terminated as ill: the next try is in "
            f"{self.next_try_s:.0f} s (look at the AMI, the user data, the network and the state of ECS)"
        )


@dataclass(frozen=True, slots=True)
class UnderMinimum(Reason):
    target: int
    minimum: int

    def __str__(self) -> str:
        return f"target {self.target} is under the minimum: {self.minimum}"


@dataclass(frozen=True, slots=True)
class AtMaximum(Reason):
    wanted: int
    maximum: int

    def __str__(self) -> str:
        return f"{self.wanted} wanted, but the maximum is {self.maximum}"


@dataclass(frozen=True, slots=True)
class ReservationLow(Reason):
    percent: float
    seconds: float
    empty: int

    def __str__(self) -> str:
        return f"reservation low ({self.percent:.0f} %) for {self.seconds:.0f} s: {_instances(self.empty)} to empty"


@dataclass(frozen=True, slots=True)
class Emptied(Reason):
    instances: int

    def __str__(self) -> str:
        return f"{_instances(self.instances)} chosen for scale-in now empty: terminated"


def _instances(count: int) -> str:
    return f"{count} instance{'' if count == 1 else 's'}"


def _tasks(count: int) -> str:
    return f"{count} task{'' if count == 1 else 's'}"
