"""Replacements of a Spot Fleet's interrupted instances, asked for before these are gone."""

from steady.cluster import PoolKind, Snapshot
from steady.memory import Memory
from steady.scale_in import is_low
from steady.scale_out import leaving_capacity
from steady.thresholds import Thresholds


def units_ahead(snapshot: Snapshot, memory: Memory, thresholds: Thresholds, target: int, maximum: int) -> int:
    """By how much a fleet's `target` is to be raised for now, in its units.

    A fleet replaces an instance only once it is gone; a raised target makes it launch the replacement during the
    notice. Once it holds as much, the target goes back, so that the fleet launches nothing when the instance does go.
    An Auto Scaling group does so by itself. Where reservation is low without the instance, there is no hurry.
    """
    pool = snapshot.pool
    if pool.name.kind is not PoolKind.SPOT_FLEET or is_low(snapshot, thresholds):
        return 0
    leaving = leaving_capacity(snapshot, memory)
    held = sum(pool.weight(type_) for type_ in pool.members.values())
    if held >= target + leaving:
        return 0
    return max(0, min(leaving, maximum - target))
