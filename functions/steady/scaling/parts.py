"""The state of a cluster's pools: each pool's part of it, and the whole that the ledger holds."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from steady.scaling.pool_state import PoolState
from steady.scaling.state import ScalingState, with_refused_terminations

OF_POOL = tuple(f.name for f in fields(PoolState))
# What is about single container instances, by ARN: a cluster whose pools are named anew keeps it.
OF_INSTANCES = ("draining", "chosen_at", "spared_until", "interrupted", "leaving_since")


def part_of(state: ScalingState, name: str) -> ScalingState:
    """Return the state of the pool `name`, with what is the whole cluster's; "" is a cluster's only pool.

    A pool that the state does not know yet begins anew. The drains that scaling has begun go on: each pool keeps those
    of its own instances.
    """
    if not name:
        return replace(state, **_of_instances(state), pools={}) if state.pools else state
    known = state.pools.get(name) or PoolState(**_of_instances(state))
    return replace(state, **_fields_of(known), pools={})


def joined(before: ScalingState, parts: Mapping[str, ScalingState]) -> ScalingState:
    """Return the state of the cluster with what its pools' `parts` say, by the pools' names.

    The state of a pool that is not among them, because it could not be read, is as `before`. What the parts say of the
    cluster is put together: of services and notices, the earlier time counts.
    """
    if "" in parts:
        return parts[""]
    states = parts.values()
    return replace(
        before,
        demands=_merged(part.demands for part in states),
        run_shapes=_merged(part.run_shapes for part in states),
        drift_since=_earliest(part.drift_since for part in states),
        placement_failed_at=_earliest(part.placement_failed_at for part in states),
        doomed=_earliest(part.doomed for part in states),
        pools={**before.pools, **{name: PoolState(**_fields_of(part)) for name, part in parts.items()}},
    )


def instance_hours(state: ScalingState, now: float) -> Mapping[str, Mapping[str, float]]:
    """Return the instance-hours of each day until `now` (`steady.scaling.usage.Usage.hours`), of all pools together."""
    found: dict[str, Counter[str]] = {}
    for one in (state, *state.pools.values()):
        for day, of_day in one.usage.until(now).hours.items():
            found.setdefault(day, Counter()).update(of_day)
    return found


def with_part(state: ScalingState, name: str, part: ScalingState) -> ScalingState:
    """Return the state of the cluster with the state `part` of the pool `name`."""
    return part if not name else replace(state, pools={**state.pools, name: PoolState(**_fields_of(part))})


def with_refusals(state: ScalingState, name: str, refused: Mapping[str, str], now: float) -> ScalingState:
    """Return the state of the cluster with the instances of a pool that AWS refused to terminate `now`."""
    return with_part(state, name, with_refused_terminations(part_of(state, name), refused, now))


def _fields_of(state: PoolState) -> dict[str, Any]:
    return {name: getattr(state, name) for name in OF_POOL}


def _of_instances(state: ScalingState) -> dict[str, Any]:
    every: list[PoolState] = [state, *state.pools.values()]
    return {name: _merged(getattr(one, name) for one in every) for name in OF_INSTANCES}


def _merged(found: Any) -> dict[str, Any]:
    return {key: value for one in found for key, value in one.items()}


def _earliest(found: Any) -> dict[str, float]:
    earliest: dict[str, float] = {}
    for one in found:
        for key, at in one.items():
            earliest[key] = min(at, earliest.get(key, at))
    return earliest
