"""Places that are kept free in a cluster with several pools, for tasks like those that have had to wait.

What the pools keep free is a sum (`steady.scaling.staffing`). On small instances of several pools it lies in pieces,
none of which may hold a large task. A single pool of a type that holds everything has it in one piece. So each kind of
task of batch launchers that has had to wait has one place kept free, as long as fewer tasks of the cluster
start at once than the operator asks (`start_at_once_share`). The tasks of services are left out: the rules of drift and
of recurring demand are for them.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from steady.cluster import Size, Snapshot, TaskShape, largest
from steady.scaling.candidate import Candidate
from steady.scaling.demand import Demand, RunShape, waiting
from steady.scaling.late_kinds import LateKind
from steady.scaling.state import ScalingState
from steady.scaling.tries import key_of
from steady.thresholds import Thresholds

# A place is kept for so long after the last task that waited for such a one.
KEPT_S = 6 * 3600.0
# The fraction of the price of the cluster's instances that places may cost at most.
MOST_OF_PRICE = 1 / 2
# The ledger holds so many kinds at most: those that waited last.
MOST_KINDS = 50


def learn_places(whole: Snapshot, state: ScalingState, thresholds: Thresholds) -> ScalingState:
    """Return the state of the cluster with the tasks that have begun to wait since the last look.

    Tasks that a notice has displaced teach nothing.
    """
    new = [d for d in waiting(state.demands, whole.at) if not d.seen]
    lacking = sum(s.missing for s in whole.services)
    waited = len(new) + max(0, lacking - state.staffing.lacking)
    started = waited if whole.started is None else max(0.0, whole.started.tasks - (state.started - whole.started.total))
    state = replace(
        state,
        started=state.started + started,
        staffing=replace(state.staffing, lacking=lacking),
        lately=state.lately if state.doomed else state.lately.count(max(started, waited), waited),
    )
    kinds = {key: one for key, one in state.late_kinds.items() if whole.at - one.at <= KEPT_S}
    if state.doomed or not thresholds.start_at_once_share:
        return replace(state, late_kinds=kinds)
    for one in new:
        run = state.run_shapes.get(one.key, RunShape())
        kinds[_key(one, run)] = _with(kinds.get(_key(one, run)), one, run)
    latest = sorted(kinds, key=lambda key: (-kinds[key].at, key))[:MOST_KINDS]
    return replace(state, late_kinds={key: kinds[key] for key in sorted(latest)})


def places_to_keep(state: ScalingState, candidates: Sequence[Candidate], thresholds: Thresholds) -> Counter[TaskShape]:
    """Return the places that the pools are to keep free, as tasks that are no tasks; the cheapest ones first.

    New instances for all of them cost at most a `MOST_OF_PRICE` of what the cluster's instances cost.
    """
    share = thresholds.start_at_once_share
    got = state.lately.at_once_percent
    if not share or (got is not None and got >= share):
        return Counter()
    places = [replace(one.run.task(one.size), is_spare=True) for one in state.late_kinds.values()]
    prices = sorted((min(_prices(place, candidates), default=math.inf), key_of(place), place) for place in places)
    left, found = MOST_OF_PRICE * sum(one.running_usd for one in candidates), Counter[TaskShape]()
    for usd, _, place in prices:
        left -= usd
        if left < 0:
            break
        found[place] = 1
    return found


def _prices(place: TaskShape, candidates: Sequence[Candidate]) -> Iterator[float]:
    """Yield the price of each instance that the pools launch next, and that holds `place`."""
    return (
        one.price(shape)
        for one in candidates
        for shape in one.likely
        if one.serves(place) and one.rooms[shape].holds(place)
    )


def _key(one: Demand, run: RunShape) -> str:
    """Return the key of a demand's kind: what it needs besides CPU and memory, and the magnitude of these."""
    size = Size(one.size.cpu_units.bit_length(), one.size.memory_mib.bit_length())
    return key_of(run.task(size))


def _with(known: LateKind | None, one: Demand, run: RunShape) -> LateKind:
    if known is None:
        return LateKind(one.size, run, one.first_said_at)
    return LateKind(largest(known.size, one.size), run, max(known.at, one.first_said_at))
