"""Why places are kept free, as a reason that reads as a sentence."""

from collections.abc import Sequence
from dataclasses import dataclass

from steady.cluster import TaskShape
from steady.scaling.reasons import Reason
from steady.scaling.tries import key_of


@dataclass(frozen=True, slots=True)
class PlacesKept(Reason):
    """Places are kept free for tasks that have had to wait: each for `one` of these kinds."""

    kinds: tuple[str, ...]

    @staticmethod
    def of(places: Sequence[TaskShape]) -> "PlacesKept":
        return PlacesKept(tuple(key_of(one) for one in places))

    def __str__(self) -> str:
        return f"a place is kept free for tasks that have had to wait: {'; '.join(self.kinds)}"
