"""Kinds of tasks that have had to wait, as they are remembered."""

from dataclasses import dataclass

from steady.cluster import Size
from steady.scaling.demand import RunShape


@dataclass(frozen=True, slots=True)
class LateKind:
    """A kind of tasks that has had to wait: they are alike in all but their size, and that is within a factor of two.

    Attributes:
        size: the most CPU and the most memory of one of them.
        run: what one of them needs besides.
        at: when one last began to wait, in seconds since the epoch.
    """

    size: Size
    run: RunShape
    at: float
