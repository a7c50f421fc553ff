"""Why a decision is what it is: one typed record a reason, each of which reads as a sentence."""

from collections.abc import Sequence
from dataclasses import dataclass

from steady.cluster import InstanceShape, Size, TaskShape
from steady.scaling.terminations import Refusals


@dataclass(frozen=True, slots=True)
class Reason:
    """The base of all reasons. `str()` of one is what operators read; its `name` is the rule's, and a metric's."""

    @property
    def name(self) -> str:
        return type(self).__name__


@dataclass(frozen=True, slots=True)
class ServiceDrift(Reason):
    """A service lacks tasks."""

    service: str
    missing: int

    def __str__(self) -> str:
        return f"service {self.service} lacks {some_tasks(self.missing)}"


@dataclass(frozen=True, slots=True)
class RunTaskFailures(Reason):
    """A batch launcher could not place `count` tasks, of `total` size together."""

    count: int
    total: Size

    def __str__(self) -> str:
        return (
            f"RunTask failed for {some_tasks(self.count)} "
            f"({self.total.cpu_units} CPU units, {self.total.memory_mib} MiB together)"
        )


@dataclass(frozen=True, slots=True)
class ScaleInShed(Reason):
    """Of `due` instances that might be emptied, the tasks of only `read` were read."""

    read: int
    due: int

    def __str__(self) -> str:
        return (
            f"scale-in considered {self.read} of {some_instances(self.due)}: the ECS API budget (api_share) is spent, "
            "the next tick considers the others"
        )


@dataclass(frozen=True, slots=True)
class WantsDoNotFit(Reason):
    """Tasks that wait fit no instance that is there or coming, and `add` new instances hold them."""

    tasks: int
    add: int

    def __str__(self) -> str:
        return f"{some_tasks(self.tasks)} of these fit no instance that is there or coming: +{some_instances(self.add)}"


@dataclass(frozen=True, slots=True)
class DriftIsNotCapacity(Reason):
    """A service lacks tasks although there is room for them."""

    service: str
    missing: int

    def __str__(self) -> str:
        return (
            f"service {self.service} lacks {some_tasks(self.missing)} although there is room: more instances "
            "would not help (look for a crash loop, an image that cannot be pulled, or a placement constraint)"
        )


@dataclass(frozen=True, slots=True)
class FitsNoInstance(Reason):
    """A task that no type of the pool can hold; `largest` is the largest of them."""

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
        asks += [f"capacity provider {name}" for name in sorted(self.task.providers)]
        return (
            f"a task of {', '.join(asks)} fits no instance of the pool "
            f"({largest.name}: {largest.size.cpu_units} CPU units, {largest.size.memory_mib} MiB, {largest.gpus} GPUs)"
        )


@dataclass(frozen=True, slots=True)
class TakenBack(Reason):
    """Instances that scale-in had chosen are set ACTIVE again."""

    instances: int

    def __str__(self) -> str:
        return f"{some_instances(self.instances)} that scale-in had chosen taken back"


@dataclass(frozen=True, slots=True)
class ReplacedAhead(Reason):
    """The target is raised for now, so that replacements boot before the interrupted instances are gone."""

    units: int

    def __str__(self) -> str:
        return f"interrupted instances are replaced before they are gone: +{self.units} units for now"


@dataclass(frozen=True, slots=True)
class FellBack(Reason):
    """A part of the target is on-demand, because Spot has been short."""

    units: int
    seconds: float

    def __str__(self) -> str:
        return f"the pool has been short of Spot for {self.seconds:.0f} s: {self.units} units of its target on-demand"


@dataclass(frozen=True, slots=True)
class SpotIsBack(Reason):
    """On-demand instances are emptied, because Spot instances have taken their place."""

    instances: int

    def __str__(self) -> str:
        return f"Spot has returned: {some_instances(self.instances)} on-demand to empty"


@dataclass(frozen=True, slots=True)
class BootTimedOut(Reason):
    """Instances that have not registered in time; `terminated` of them now, the others in their turn."""

    instances: int
    seconds: int
    terminated: int

    def __str__(self) -> str:
        return (
            f"{some_instances(self.instances)} not registered with ECS within {self.seconds} s: {self.terminated} "
            "terminated now (look at the AMI, the user data and the instance's role)"
        )


@dataclass(frozen=True, slots=True)
class AgentsLost(Reason):
    """Instances whose ECS agent is disconnected, or that ECS calls IMPAIRED; `drained` of them now, others later."""

    instances: int
    seconds: int
    drained: int

    def __str__(self) -> str:
        return (
            f"{some_instances(self.instances)} whose ECS agent has been disconnected, or that ECS has called "
            f"IMPAIRED, for more than {self.seconds} s: "
            f"{self.drained} drained now, to be terminated"
        )


@dataclass(frozen=True, slots=True)
class BackInService(Reason):
    """Instances that service-out had drained are set ACTIVE again, because `why`."""

    instances: int
    why: str

    def __str__(self) -> str:
        return f"{some_instances(self.instances)} drained by service-out ACTIVE again: {self.why}"


@dataclass(frozen=True, slots=True)
class Retired(Reason):
    """Instances that EC2 is about to retire are empty: they are terminated, and replaced."""

    instances: int

    def __str__(self) -> str:
        return f"{some_instances(self.instances)} that EC2 retires now empty: terminated, to be replaced"


@dataclass(frozen=True, slots=True)
class HealingHeldBack(Reason):
    """`tries` instances were terminated as ill, and no instance has registered since."""

    tries: int
    next_try_s: float

    def __str__(self) -> str:
        return (
            f"no instance has registered since {some_instances(self.tries)} terminated as ill: the next try is in "
            f"{self.next_try_s:.0f} s (look at the AMI, the user data, the network and the state of ECS)"
        )


@dataclass(frozen=True, slots=True)
class TerminationsRefused(Reason):
    """AWS refuses to terminate `instances`; `one` of them with the words `why`."""

    instances: int
    one: str
    why: str
    next_try_s: float

    @staticmethod
    def of(refusals: Refusals, now: float) -> "tuple[TerminationsRefused, ...]":
        """Return the reason for `refusals`; none if there are none."""
        if not refusals:
            return ()
        id_, last = max(refusals.items(), key=lambda one: (one[1].at, one[0]))
        next_try_at = min(one.next_try_at for one in refusals.values())
        return (TerminationsRefused(len(refusals), id_, last.why, max(0.0, next_try_at - now)),)

    def __str__(self) -> str:
        return (
            f"AWS refuses to terminate {some_instances(self.instances)}, such as {self.one} ({self.why}): the next try "
            f"is in {self.next_try_s:.0f} s, everything else goes on"
        )


@dataclass(frozen=True, slots=True)
class UnderMinimum(Reason):
    """The target is raised to the minimum."""

    target: int
    minimum: int

    def __str__(self) -> str:
        return f"target {self.target} is under the minimum: {self.minimum}"


@dataclass(frozen=True, slots=True)
class AtMaximum(Reason):
    """More capacity is wanted than the maximum allows."""

    wanted: int
    maximum: int

    def __str__(self) -> str:
        return f"{self.wanted} wanted, but the maximum is {self.maximum}"


@dataclass(frozen=True, slots=True)
class ReservationLow(Reason):
    """Reservation has stayed low: instances are emptied."""

    percent: float
    seconds: float
    empty: int

    def __str__(self) -> str:
        return f"reservation low ({self.percent:.0f} %) for {self.seconds:.0f} s: {some_instances(self.empty)} to empty"


@dataclass(frozen=True, slots=True)
class Emptied(Reason):
    """Instances that scale-in chose have no task left: they are terminated."""

    instances: int

    def __str__(self) -> str:
        return f"{some_instances(self.instances)} chosen for scale-in now empty: terminated"


def some_instances(count: int) -> str:
    """Return `count` with its noun: `1 instance`, `2 instances`."""
    return f"{count} instance{'' if count == 1 else 's'}"


def some_tasks(count: int) -> str:
    """Return `count` with its noun: `1 task`, `2 tasks`."""
    return f"{count} task{'' if count == 1 else 's'}"
