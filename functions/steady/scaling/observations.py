"""Observations of the capacity rules, and the reasons that they become.

An observation is what a rule has seen, whether the rule wants instances or not. It becomes a reason once it is known
how many instances it adds.
"""

from dataclasses import dataclass
from typing import Protocol

from steady.cluster import NOTHING, Size
from steady.scaling.reasons import Reason, some_instances


class CapacityObservation(Protocol):
    """The observation of a capacity rule, whether it asks for instances or not. Operators read `str()` of it."""

    def reason_to_add(self, instances: int) -> Reason:
        """Return the reason why `instances` are added."""
        ...


@dataclass(frozen=True, slots=True)
class ReservationSeen:
    """How much of the CPU or of the memory (`resource`) is reserved, beside its high threshold, in percent."""

    resource: str
    percent: float
    threshold: int

    def reason_to_add(self, instances: int) -> Reason:
        return ReservationHigh(self.resource, self.percent, self.threshold, instances)

    def __str__(self) -> str:
        return f"{self.resource} reservation {self.percent:.0f} % (threshold {self.threshold} %)"


@dataclass(frozen=True, slots=True)
class ReservationHigh(Reason):
    """Reservation is over its high threshold."""

    resource: str
    percent: float
    threshold: int
    add: int

    def __str__(self) -> str:
        return f"{self.resource} reservation {self.percent:.0f} % > {self.threshold} %: +{some_instances(self.add)}"


@dataclass(frozen=True, slots=True)
class SpareCapacitySeen:
    """The spare capacity (`room`) that lets `share` percent of the tasks start without waiting."""

    room: Size
    share: int

    def reason_to_add(self, instances: int) -> Reason:
        return RoomToStart(self.room, self.share, instances)

    def __str__(self) -> str:
        return (
            f"spare capacity of {self.room.cpu_units} CPU units and {self.room.memory_mib} MiB "
            f"lets {self.share} % of tasks start without waiting"
        )


@dataclass(frozen=True, slots=True)
class RoomToStart(Reason):
    """Instances are added as spare capacity."""

    room: Size
    share: int
    add: int

    def __str__(self) -> str:
        return f"{SpareCapacitySeen(self.room, self.share)}: +{some_instances(self.add)}"


@dataclass(frozen=True, slots=True)
class RecurringDemandSeen:
    """A demand that recurred at this time in `times` of the last `of` periods of `every_s` seconds.

    Attributes:
        spare: the spare capacity that it needs beside it.
    """

    demand: Size
    every_s: int
    times: int
    of: int
    spare: Size = NOTHING

    def reason_to_add(self, instances: int) -> Reason:
        return DemandComesBack(self.demand, self.every_s, self.times, self.of, instances, self.spare)

    def __str__(self) -> str:
        period = {3600: "hours", 86_400: "days"}.get(self.every_s, f"periods of {self.every_s} s")
        spare = "" if self.spare == NOTHING else f", with {self.spare.cpu_units} and {self.spare.memory_mib} to spare"
        return (
            f"a demand of {self.demand.cpu_units} CPU units and {self.demand.memory_mib} MiB is expected{spare}, "
            f"as in {self.times} of the last {self.of} {period}"
        )


@dataclass(frozen=True, slots=True)
class DemandComesBack(Reason):
    """Instances are added for a demand that recurs."""

    demand: Size
    every_s: int
    times: int
    of: int
    add: int
    spare: Size = NOTHING

    def __str__(self) -> str:
        seen = RecurringDemandSeen(self.demand, self.every_s, self.times, self.of, self.spare)
        return f"{seen}: +{some_instances(self.add)}"
