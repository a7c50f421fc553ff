"""Bound the state: what is dropped, and in which order, if all of it does not fit into the ledger's item.

What costs least goes first. Of each part, the entries that are kept are those that have been there longest: so the same
ones are kept at each look, and what waits for a time to pass is not begun anew.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

from steady.scaling.parts import part_of, with_part
from steady.scaling.state import ScalingState

# How much of a part is tried to be kept, in percent, before all of it is dropped. Each try writes the whole state.
SHARES_KEPT = (75, 50, 25, 5)

Entry = tuple[str, Any]


@dataclass(frozen=True, slots=True)
class _Part:
    """A mapping of the state that can be cut.

    Attributes:
        name: what its entries are, as an operator reads it.
        read: how it is found in a state.
        write: how a state gets another one.
        rank: by what its entries are sorted: those that are kept first come first.
    """

    name: str
    read: Callable[[ScalingState], Mapping[str, Any]]
    write: Callable[[ScalingState, Mapping[str, Any]], ScalingState]
    rank: Callable[[ScalingState, Entry], Any]

    def cut(self, state: ScalingState, kept: int) -> ScalingState:
        """Return `state` with so many entries of this part."""
        ranked = sorted(self.read(state).items(), key=lambda entry: (self.rank(state, entry), entry[0]))
        return self.write(state, dict(ranked[:kept]))


def _own(field: str, name: str, rank: Callable[[ScalingState, Entry], Any]) -> _Part:
    def write(state: ScalingState, found: Any) -> ScalingState:
        return replace(state, **{field: found})

    return _Part(name, lambda state: getattr(state, field), write, rank)


def _of_healing(field: str, name: str) -> _Part:
    def write(state: ScalingState, found: Any) -> ScalingState:
        return replace(state, healing=replace(state.healing, **{field: found}))

    return _Part(name, lambda state: getattr(state.healing, field), write, _since)


def _since(state: ScalingState, entry: Entry) -> float:  # noqa: ARG001
    return float(entry[1])


def _latest(state: ScalingState, entry: Entry) -> float:  # noqa: ARG001
    return -float(entry[1].at)


def _waiting_longest(state: ScalingState, entry: Entry) -> float:
    demand = state.demands.get(entry[0])
    return demand.first_said_at if demand else float("inf")


def _chosen_first(state: ScalingState, entry: Entry) -> float:
    return state.chosen_at.get(entry[0], 0.0)


def _newest_day(state: ScalingState, entry: Entry) -> tuple[int, ...]:  # noqa: ARG001
    return tuple(-ord(sign) for sign in entry[0])


PARTS: tuple[_Part, ...] = (
    _Part(
        "days of instance-hours",
        lambda state: state.usage.hours,
        lambda state, found: replace(state, usage=replace(state.usage, hours=found)),
        _newest_day,
    ),
    _own("run_shapes", "launchers' constraints", _waiting_longest),
    _own("tries", "tries of what may not be servable", _latest),
    _own("demands", "RunTask failures", _waiting_longest),
    _own("placement_failed_at", "placement failures of services", _since),
    _own("drift_since", "services that lack tasks", _since),
    _own("refusals", "refused terminations", _latest),
    _own("leaving_since", "instances that others drain", _since),
    _own("doomed", "instances that a notice names", _since),
    _own("booting_since", "instances that boot", _since),
    _of_healing("lost_since", "ill instances"),
    _of_healing("emptying", "instances that healing drains"),
    _own("spared_until", "instances that cannot be emptied", _since),
    _own("chosen_at", "times at which scale-in chose an instance", _since),
    _own("interrupted", "instances of scale-in that a notice names", _chosen_first),
    _own("draining", "instances that scale-in drains", _chosen_first),
)


class Bounded(NamedTuple):
    """A state that fits, and how many entries were dropped, by what they are."""

    state: ScalingState
    dropped: Mapping[str, int]


def bound(state: ScalingState, fits: Callable[[ScalingState], bool]) -> Bounded:
    """Return as much of `state` as `fits`: one part after the other is cut, in the order of `PARTS`, pool by pool."""
    dropped: Counter[str] = Counter()
    for part in PARTS:
        for pool in ("", *state.pools):
            if fits(state):
                return Bounded(state, dict(dropped))
            before, count = state, len(part.read(_of(state, pool)))
            if count:
                cut = partial(_cut, before, part, pool)
                kept = next(k for k in _fewer(count) if not k or fits(cut(k)))
                state = cut(kept)
                dropped[part.name] += count - kept
    return Bounded(state, dict(dropped))


def _of(state: ScalingState, pool: str) -> ScalingState:
    """Return the state with what is remembered of `pool` in the place of the cluster's; "": the state itself."""
    # What is the cluster's is cut once.
    return part_of(ScalingState(pools=state.pools), pool) if pool else state


def _cut(state: ScalingState, part: _Part, pool: str, kept: int) -> ScalingState:
    found = part.cut(_of(state, pool), kept)
    return with_part(state, pool, found) if pool else found


def _fewer(count: int) -> list[int]:
    """Return how many of `count` entries to try to keep, the most first.

    >>> _fewer(40), _fewer(2)
    ([30, 20, 10, 2, 0], [1, 0])
    """
    tried = [count * share // 100 for share in SHARES_KEPT]
    return [*dict.fromkeys(kept for kept in tried if kept), 0]
