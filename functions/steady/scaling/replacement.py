"""Replacements of interrupted instances, asked for before the instances are gone."""

from steady.cluster import Snapshot
from steady.scaling.change import Change
from steady.scaling.pool import leaving_units
from steady.scaling.reasons import ReplacedAhead
from steady.scaling.reservation import registered_on, reserved_on
from steady.scaling.state import ScalingState
from steady.thresholds import Thresholds


def replace_ahead(snapshot: Snapshot, state: ScalingState, thresholds: Thresholds, target: int, maximum: int) -> Change:
    """Raise the target for now, so that the replacements of interrupted instances boot during the notice.

    A Spot Fleet replaces an instance only once it is gone. The target goes back once the fleet holds the replacements,
    so that the fleet launches nothing when the instances go. An Auto Scaling group with Capacity Rebalancing, or of
    on-demand instances, needs no raise.

    Args:
        target: the target that lasts, in units.
        maximum: the highest target, in units.
    """
    ahead = units_ahead(snapshot, state, thresholds, target, maximum)
    return Change(units=ahead, units_for_now=ahead, reasons=(ReplacedAhead(ahead),)) if ahead else Change()


def units_ahead(snapshot: Snapshot, state: ScalingState, thresholds: Thresholds, target: int, maximum: int) -> int:
    """Return by how many units to raise `target` for now; 0 where the other instances have room for all that runs."""
    pool = snapshot.pool
    if not pool.traits.replaces_only_once_gone or _others_have_room(snapshot, thresholds):
        return 0
    leaving = leaving_units(snapshot, state)
    if pool.held >= target + leaving:
        return 0
    return max(0, min(leaving, maximum - target))


def _others_have_room(snapshot: Snapshot, thresholds: Thresholds) -> bool:
    """Whether everything that runs, on the instances that stay, would be a low reservation."""
    running = reserved_on(snapshot.instances)
    there = registered_on(snapshot.active)
    return (
        running.cpu_units * 100 < there.cpu_units * thresholds.cpu_reservation_low
        and running.memory_mib * 100 < there.memory_mib * thresholds.memory_reservation_low
    )
