"""The capacity of a cluster, by whichever kind of pool gives it: reads and changes go to the module of that kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from steady.aws.capacity import auto_scaling_group, spot_fleet
from steady.aws.capacity.kind import CapacityKind, PoolIsChanging, Routes
from steady.aws.runtime import Runtime
from steady.pools import Pool, PoolKind, PoolName

# Characters of what AWS says of a launch that failed.
LONGEST_TROUBLE = 300
KINDS: Mapping[PoolKind, CapacityKind] = {
    PoolKind.AUTO_SCALING_GROUP: auto_scaling_group,
    PoolKind.SPOT_FLEET: spot_fleet,
}


def read_pool(runtime: Runtime, name: PoolName) -> Pool:
    """Return what the pool `name` is asked for and holds now.

    Raises:
        NoSuchPool: if there is no such pool in this account and Region.
    """
    pool = KINDS[name.kind].read_pool(runtime, name)
    if pool.held >= pool.target:
        return replace(pool, trouble="")
    if pool.trouble:
        return pool
    try:
        return replace(pool, trouble=KINDS[name.kind].read_trouble(runtime, name)[:LONGEST_TROUBLE])
    except Exception as error:
        runtime.telemetry.warning(f"why {name} is short of its target could not be read: {error}")
        return pool


def read_routes(runtime: Runtime, name: PoolName) -> Routes:
    """Return where the pool `name` registers its instances; nothing if there is no such pool."""
    return KINDS[name.kind].read_routes(runtime, name)


def set_target(runtime: Runtime, pool: Pool, target: int, on_demand: int = 0) -> None:
    """Ask `pool` for `target` units of capacity, an absolute figure: a repeat changes nothing.

    Args:
        on_demand: how many of the units are to be on-demand, for a pool that has such a part.

    Raises:
        PoolIsChanging: if the pool's last change is not done. Nothing was changed then.
    """
    _refuse_if_changing(pool)
    KINDS[pool.name.kind].set_target(runtime, pool, target, on_demand)


def delete_mark(runtime: Runtime, name: PoolName) -> None:
    """Delete the mark of the on-demand part of the pool `name`. One that is not there is no error."""
    KINDS[name.kind].delete_mark(runtime, name)


def terminate_instances(
    runtime: Runtime,
    pool: Pool,
    instance_ids: Sequence[str],
    target: int,
    on_demand: int = 0,
    before_call: Callable[[], None] = lambda: None,
) -> Mapping[str, str]:
    """Terminate instances of `pool` so that it launches none in their place, and ask it for `target` units.

    Args:
        before_call: called before each call.

    Returns:
        The instances that AWS refuses to terminate, from id to AWS's words. They stop no other.

    Raises:
        PoolIsChanging: if the pool's last change is not done. Nothing was terminated then.
    """
    _refuse_if_changing(pool)
    return KINDS[pool.name.kind].terminate_instances(runtime, pool, instance_ids, target, on_demand, before_call)


def _refuse_if_changing(pool: Pool) -> None:
    """Raise `PoolIsChanging` if the pool was read during a change: what is decided from its old target may be wrong."""
    if pool.is_changing:
        raise PoolIsChanging(f"the last change of {pool.name} is not done")
