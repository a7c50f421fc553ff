"""A published measurement, and what the simulated account does in its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

# A simulated figure is as published if it differs by at most this fraction.
TOLERANCE = 0.15


class Basis(StrEnum):
    """What a published figure is.

    Attributes:
        MEASURED: somebody has measured it on AWS.
        DOCUMENTED: AWS's documents name it.
        LIMIT: it is the most that a test or an objective allows.
    """

    MEASURED = "measured"
    DOCUMENTED = "documented"
    LIMIT = "at most"


@dataclass(frozen=True, slots=True)
class Known:
    """A known difference: why the simulated figure is another one, and how far from the published one it may be.

    Attributes:
        ratios: the lowest and the highest ratio, simulated to published, that the reason explains.
        effect: what the difference does to the figures of this project: flatters, harms or none.
    """

    why: str
    ratios: tuple[float, float]
    effect: str


@dataclass(frozen=True, slots=True)
class Measurement:
    """A published figure, and the function that measures the same on the simulated account.

    Attributes:
        what: what is measured.
        published: the figure, in `unit`.
        source: who published it, where and when.
        measure: takes the seed of the account; can be pickled.
        known: why the simulated figure is another one; None: it is as published.
    """

    what: str
    published: float
    unit: str
    basis: Basis
    source: str
    measure: Callable[[int], float]
    known: Known | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """A published figure beside the simulated one."""

    of: Measurement
    simulated: float

    @property
    def ratio(self) -> float:
        """The simulated figure divided by the published one."""
        return self.simulated / self.of.published

    @property
    def is_as_published(self) -> bool:
        """Whether the simulated figure is within the tolerance of the published one, or under a limit."""
        lowest = 0.0 if self.of.basis is Basis.LIMIT else 1 - TOLERANCE
        highest = 1.0 if self.of.basis is Basis.LIMIT else 1 + TOLERANCE
        return lowest <= self.ratio <= highest

    @property
    def is_explained(self) -> bool:
        """Whether the figure is as published, or differs as its known difference says."""
        if self.of.known is None:
            return self.is_as_published
        lowest, highest = self.of.known.ratios
        return lowest <= self.ratio <= highest
