"""The reasons that renewal gives."""

from collections.abc import Mapping
from dataclasses import dataclass

from steady.scaling.reasons import Reason, some_instances


def by_cause(drifted: Mapping[str, int]) -> str:
    """Return the numbers of drifted instances with their causes.

    >>> by_cause({"image": 2, "age": 1})
    '2 by image, 1 by age'
    """
    return ", ".join(f"{count} by {cause}" for cause, count in drifted.items())


@dataclass(frozen=True, slots=True)
class RenewalBegun(Reason):
    """Replacements of old instances are asked for."""

    units: int
    drifted: Mapping[str, int]

    def __str__(self) -> str:
        return (
            f"{some_instances(sum(self.drifted.values()))} to renew ({by_cause(self.drifted)}): {self.units} more first"
        )


@dataclass(frozen=True, slots=True)
class RenewalEmpties(Reason):
    """The replacements are there: old instances are emptied."""

    instances: int
    left: int

    def __str__(self) -> str:
        return f"replacements are there: {some_instances(self.instances)} to renew emptied, {self.left} left"


@dataclass(frozen=True, slots=True)
class RenewalWaits(Reason):
    """Instances are to be renewed, and something keeps renewal from it."""

    drifted: Mapping[str, int]
    why: str

    def __str__(self) -> str:
        return f"{some_instances(sum(self.drifted.values()))} to renew ({by_cause(self.drifted)}): {self.why}"


@dataclass(frozen=True, slots=True)
class RenewalStopped(Reason):
    """What the pool launches is no good: nothing more is renewed until it launches something else."""

    why: str

    def __str__(self) -> str:
        return f"renewal stopped: {self.why}; it goes on once the pool launches another image or template"


@dataclass(frozen=True, slots=True)
class RenewalReturns(Reason):
    """Units that were asked for in place of old instances are not needed any more."""

    units: int

    def __str__(self) -> str:
        return f"asked for by renewal and not needed any more: {self.units} given back"


@dataclass(frozen=True, slots=True)
class RenewalUnread(Reason):
    """What the pool launches, or what its instances were launched from, cannot be read."""

    why: str

    def __str__(self) -> str:
        return f"which instances are out of date cannot be read, so none is renewed: {self.why}"
