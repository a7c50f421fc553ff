"""Terminations that AWS refuses: each is tried again at growing intervals, and stops nothing else.

An instance may be protected from termination (in a fleet), be in a state that forbids it, or have another change
pending (ResourceContention).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

# A refusal may be over at the next tick. From there on, each interval is twice the one before it.
FIRST_WAIT_S = 60.0
LONGEST_WAIT_S = 3600.0
# A reason is kept in the ledger up to this length.
WHY_LENGTH = 120


@dataclass(frozen=True, slots=True)
class RefusedTermination:
    """An instance that AWS refused to terminate.

    Attributes:
        at: when it was tried last, in seconds since the epoch.
        tries: how often it was tried.
        why: AWS's words.
    """

    at: float
    tries: int = 1
    why: str = ""

    @property
    def next_try_at(self) -> float:
        """When it may be tried again, in seconds since the epoch.

        >>> [RefusedTermination(0.0, tries).next_try_at for tries in (1, 2, 3, 100)]
        [60.0, 120.0, 240.0, 3600.0]
        """
        return self.at + min(LONGEST_WAIT_S, FIRST_WAIT_S * float(1 << min(self.tries - 1, 10)))


Refusals = Mapping[str, RefusedTermination]


def held_back(refusals: Refusals, now: float) -> frozenset[str]:
    """Return the ids of the instances whose termination is not tried yet."""
    return frozenset(id_ for id_, one in refusals.items() if now < one.next_try_at)


def with_refused(refusals: Refusals, refused: Mapping[str, str], now: float) -> Refusals:
    """Return `refusals` with those of now: AWS's words, by instance id."""
    return {
        **refusals,
        **{
            id_: RefusedTermination(now, refusals[id_].tries + 1 if id_ in refusals else 1, why[:WHY_LENGTH])
            for id_, why in refused.items()
        },
    }


def still_here(refusals: Refusals, members: Collection[str]) -> Refusals:
    """Return those of `refusals` whose instances are still in the pool."""
    return {id_: one for id_, one in refusals.items() if id_ in members}
