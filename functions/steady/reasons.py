"""Why a decision is what it is: one typed record a reason, each of which reads as a sentence."""

from dataclasses import dataclass

from steady.cluster import Size


@dataclass(frozen=True, slots=True)
class Reason:
    """Base of all reasons; `str()` of one is what operators read."""

    @property
    def name(self) -> str:
        return type(self).__name__


@dataclass(frozen=True, slots=True)
class ReservationHigh(Reason):
    resource: str
    percent: float
    threshold: int
    add: int

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
class TaskTooLarge(Reason):
    size: Size
    instance: Size

    def __str__(self) -> str:
        return (
            f"a task of {self.size.cpu_units} CPU units and {self.size.memory_mib} MiB fits no instance of the pool "
            f"({self.instance.cpu_units} CPU units, {self.instance.memory_mib} MiB)"
        )


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
