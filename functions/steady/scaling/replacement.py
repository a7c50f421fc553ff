"""Replacements of a Spot Fleet's interrupted instances, asked for before these are gone."""

from steady.cluster import NOTHING, PoolKind, Snapshot
from steady.scaling.pool import leaving_units
from steady.scaling.state import Memory
from steady.thresholds import Thresholds


def units_ahead(snapshot: Snapshot, memory: Memory, thresholds: Thresholds, target: int, maximum: int) -> int:
    """By how much a fleet's `target` is to be raised for now, in its units.

    A fleet replaces an instance only once it is gone; a raised target makes it launch the replacement during the
    notice. Once it holds as much, the target goes back, so that the fleet launches nothing when the instance does go.
    An Auto Scaling group does so by itself. Where the others have room for all that runs, there is no hurry.
    """
    pool = snapshot.pool
    if pool.name.kind is not PoolKind.SPOT_FLEET or _others_have_room(snapshot, thresholds):
        return 0
    leaving = leaving_units(snapshot, memory)
    if pool.held >= target + leaving:
        return 0
    return max(0, min(leaving, maximum - target))


def _others_have_room(snapshot: Snapshot, thresholds: Thresholds) -> bool:
    """Whether all that runs, on the instances that stay, would be a low reservation."""
    running = sum((i.reserved for i in snapshot.instances), NOTHING)
    there = sum((i.registered for i in snapshot.active), NOTHING)
    return (
        running.cpu_units * 100 < there.cpu_units * thresholds.cpu_reservation_low
        and running.memory_mib * 100 < there.memory_mib * thresholds.memory_reservation_low
    )
