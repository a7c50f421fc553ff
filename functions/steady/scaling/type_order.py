"""The order of a pool's types: the type that holds a waiting task is put first, and the order is restored afterwards.

The order is the operator's. So what it was is remembered before it is changed, and an order that is neither that one
nor ours is somebody else's, and stays. A crash at any point is mended by the next look: it compares what is with what
is wanted.
"""

from dataclasses import dataclass, replace

from steady.pools import Pool
from steady.scaling.change import Change
from steady.scaling.reasons import Reason
from steady.scaling.state import ScalingState


@dataclass(frozen=True, slots=True)
class TypePutFirst(Reason):
    """A type is put first among the pool's types while a task waits that the first one does not hold.

    `others`: the types after it that hold what it is there for, too. They come if EC2 does not have it.
    """

    first: str
    before: tuple[str, ...]
    others: tuple[str, ...] = ()

    def __str__(self) -> str:
        others = f", and {_listed(self.others)} next," if self.others else ""
        return (
            f"{self.first} is put first{others} in the group's overrides while such a task waits (now: "
            f"{_listed(self.before)})"
        )


@dataclass(frozen=True, slots=True)
class OrderRestored(Reason):
    """No task waits any more for which the order of the pool's types was changed."""

    order: tuple[str, ...]

    def __str__(self) -> str:
        return f"the group's overrides are put back in their order: {_listed(self.order)}"


def with_first(change: Change, front: tuple[str, ...], pool: Pool, state: ScalingState) -> Change:
    """Return `change` with the order of types that the pool is to have, and what is remembered of it.

    Args:
        front: the types that hold a waiting task, the one that should come first; (): the order should be the
            operator's.
    """
    before = state.order_before if is_known(pool, state) else ()
    own = before or pool.order
    front = tuple(type_ for type_ in front if type_ in own)
    wanted = (*front, *(type_ for type_ in own if type_ not in front))
    if before and pool.order not in (own, wanted):
        # From one order of ours to another it goes by the operator's: a crash in between never makes that unknown.
        wanted = own
    if wanted == pool.order:
        # Either nothing was changed, or it is as it should be.
        kept = (own, wanted) if wanted != own else ((), ())
        return replace(change, state={**change.state, "order_before": kept[0], "order_set": kept[1]})
    reason = OrderRestored(wanted) if wanted == own else TypePutFirst(front[0], pool.order, front[1:])
    return replace(
        change,
        order=wanted,
        reasons=(*change.reasons, reason),
        # What was launched in the other order says nothing about the next one.
        state={
            **change.state,
            "order_before": own,
            "order_set": pool.order if wanted == own else wanted,
            "launched": (),
        },
    )


def is_known(pool: Pool, state: ScalingState) -> bool:
    """Whether the pool's order is one that scaling has found or has set, and nobody else has changed since."""
    return bool(state.order_before) and pool.order in (state.order_before, state.order_set)


def _listed(types: tuple[str, ...]) -> str:
    return ", ".join(types)
