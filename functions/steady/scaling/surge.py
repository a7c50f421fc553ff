"""The surge of a pool: how many units may be under way beside those that last, and how many of these are left.

Renewal asks for replacements first. A pool that has fallen back asks Spot for the places of its on-demand instances,
and holds both for a while. Both share one budget, and renewal is served first.
"""

import math
from collections.abc import Collection

from steady.cluster import Snapshot
from steady.pools import units_to_ask
from steady.scaling.renewal_progress import RenewalProgress
from steady.scaling.state import ScalingState
from steady.thresholds import Thresholds


def one_instance(snapshot: Snapshot) -> int:
    """Return the units of one instance, of the largest type that the pool holds."""
    pool = snapshot.pool
    return units_to_ask(max((pool.weight(type_) for type_ in pool.members.values()), default=1))


def units_at_once(snapshot: Snapshot, progress: RenewalProgress, thresholds: Thresholds, lasting: int) -> int:
    """Return how many units may be under way at the same time: one instance's until the new kind is proven.

    Args:
        lasting: the units of the target that are there without renewal.
    """
    return max(one_instance(snapshot), lasting * thresholds.renew_budget // 100 if progress.is_proven else 0)


def emptied_units(snapshot: Snapshot, progress: RenewalProgress, going: Collection[str] = ()) -> int:
    """Return the units of the old instances that are being emptied, rounded up, without the instance ids `going`."""
    pool = snapshot.pool
    here = [i for i in snapshot.instances if i.arn in progress.old and i.instance_id in pool.members]
    return math.ceil(sum(pool.weight(pool.members[i.instance_id]) for i in here if i.instance_id not in going))


def units_left(
    snapshot: Snapshot, state: ScalingState, thresholds: Thresholds, target: int, going: Collection[str]
) -> int | None:
    """Return how many units Spot may be asked for beside what renewal has under way; None if nothing is to be renewed.

    While it cannot be read what is out of date, what was known of it holds.

    What the pool launches today takes nobody's place once it has proved to be no good.

    Args:
        state: with the progress of renewal as this decision leaves it.
        target: the target that lasts, with what renewal asks for, in units.
        going: the ids of the instances that the decision terminates.
    """
    progress, pool = state.renewal, snapshot.pool
    if not pool.drifted and not pool.drift_unread:
        return None
    if progress.stopped:
        return 0
    emptied = emptied_units(snapshot, progress, going)
    lasting = target - emptied - progress.asked
    return max(0, units_at_once(snapshot, progress, thresholds, lasting) - emptied - progress.asked)
