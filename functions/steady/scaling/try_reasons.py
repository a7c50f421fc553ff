"""Why an instance is tried for a demand that the pool may not be able to serve, and why it is given up."""

from dataclasses import dataclass

from steady.scaling.reasons import Reason
from steady.scaling.tries import MOST_TRIES, TRY_AGAIN_S


@dataclass(frozen=True, slots=True)
class NextTypeIsTooSmall(Reason):
    """The type that the pool launches next does not hold a task that another type would hold."""

    task: str
    fits: str
    comes: str
    tries: int

    def __str__(self) -> str:
        return (
            f"a task of {self.task} fits {self.fits}, but the pool may launch {self.comes}: "
            f"asked for {self.tries} of {MOST_TRIES} times"
        )


@dataclass(frozen=True, slots=True)
class StillRefused(Reason):
    """ECS refuses `what` although it would fit: one instance is added, at most one a boot."""

    what: str
    tries: int

    def __str__(self) -> str:
        return (
            f"ECS still refuses {self.what}, although there is room by CPU and memory: +1 instance "
            f"(try {self.tries} of {MOST_TRIES})"
        )


@dataclass(frozen=True, slots=True)
class DemandGivenUp(Reason):
    """Instances were asked for on account of `what`, and did not help: none is for some hours."""

    what: str
    tries: int
    why: str
    way_out: str

    def __str__(self) -> str:
        hours = f"{TRY_AGAIN_S / 3600:.0f} h"
        return f"given up for {hours} after {self.tries} tries: {self.what}: {self.why} ({self.way_out})"
