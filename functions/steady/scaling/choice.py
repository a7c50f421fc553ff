"""Choices of new instances for tasks that wait, in plain numbers: a search looks at some ten thousand of them.

Tasks are counted by kind, and instances are named by the number of their option. A filling is a tuple of counts, one
for each kind of task.
"""

import math
import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

Filling = tuple[int, ...]
# For each instance, the number of its option, and the tasks on it.
Choice = Sequence[tuple[int, Filling]]
# CPU units, MiB, GPUs and network interfaces.
Amount = tuple[float, float, float, float]
# The network interfaces of an instance on which they are not limited.
NOT_LIMITED = math.inf


@dataclass(frozen=True, slots=True)
class Kind:
    """Tasks of one kind: how many there are, what one of them takes, and its fixed host ports."""

    count: int
    needs: Amount
    ports: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Offer:
    """An instance that may be launched.

    Attributes:
        price: USD an hour.
        weight: how many units of its pool it counts.
        has: what it has while it is empty.
        most: how many tasks of each kind it takes at most, beside no others of that kind's ports.
    """

    pool: str
    price: float
    weight: float
    has: Amount
    most: Sequence[int]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is to be held, and by what.

    Attributes:
        units: how many units each pool may add, by its name.
        worth: what a task of each kind is worth: its part of the cheapest instance that holds it, in USD an hour.
    """

    kinds: Sequence[Kind]
    offers: Sequence[Offer]
    units: Mapping[str, float]
    worth: Sequence[float] = field(init=False)

    def __post_init__(self) -> None:
        worth = [
            min(one.price * part_of(one, kind) for one in self.offers if one.most[number])
            for number, kind in enumerate(self.kinds)
        ]
        object.__setattr__(self, "worth", worth)

    def lacks(self, choice: Choice) -> int:
        """Return how many tasks `choice` leaves out."""
        return sum(kind.count for kind in self.kinds) - sum(sum(filling) for _, filling in choice)

    def usd(self, choice: Choice) -> float:
        """Return the price of `choice`."""
        return round(sum(self.offers[offer].price for offer, _ in choice), 9)

    def value(self, choice: Choice) -> tuple[int, float]:
        """Return how many tasks `choice` leaves out, and its price: the less, the better."""
        return self.lacks(choice), self.usd(choice)

    def units_left(self, offers: Sequence[int]) -> dict[str, float]:
        """Return how many units each pool may add beside instances of these offers."""
        left = dict(self.units)
        for offer in offers:
            left[self.offers[offer].pool] -= self.offers[offer].weight
        return left

    def needed(self) -> Amount:
        """Return what all tasks take together."""
        cpu, memory, gpus, enis = (
            sum(map(operator.mul, of, (kind.count for kind in self.kinds)))
            for of in zip(*(kind.needs for kind in self.kinds), strict=True)
        )
        return cpu, memory, gpus, enis


def part_of(offer: Offer, kind: Kind) -> float:
    """Return the largest part of the instance's CPU, memory or GPUs that a task takes."""
    return max(*(need / max(1, has) for need, has in zip(kind.needs[:3], offer.has[:3], strict=True)), 1e-9)


def draws() -> Iterator[float]:
    """Yield numbers from 0 to 1 as if drawn, the same each time, so that the same tasks get the same instances.

    They are those of a linear congruential generator (Knuth, "The Art of Computer Programming", volume 2, 3.3.4, the
    multiplier and the increment of MMIX); the upper bits alone are used.
    """
    state = 1
    while True:
        state = (6364136223846793005 * state + 1442695040888963407) % 2**64
        yield (state >> 32) / 2**32


@dataclass
class Search:
    """What the parts of a search share.

    Attributes:
        looked_at: how many numbers they have looked at: this limits their time, and not a clock, so that the same
            tasks get the same instances.
    """

    problem: Problem
    drawn: Iterator[float] = field(default_factory=draws)
    looked_at: int = 0

    def below(self, limit: float) -> float:
        """Draw a number from 0 to `limit`."""
        return next(self.drawn) * limit

    def whole_below(self, limit: int) -> int:
        """Draw a whole number from 0 to `limit` - 1."""
        return int(next(self.drawn) * limit)

    def around(self, spread: float) -> float:
        """Draw a number from 1 - `spread` to 1 + `spread`."""
        return 1 - spread + 2 * spread * next(self.drawn)

    def shuffled(self, some: Sequence[int]) -> list[int]:
        """Return `some` in an order that is drawn."""
        return [one for _, one in sorted((next(self.drawn), one) for one in some)]
