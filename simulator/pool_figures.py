"""What each pool of a simulated cluster took: its hours, what they cost, and how long its tasks had waited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from simulator.outcome import waits
from simulator.prices import listed_bill
from simulator.several_pools import name_of
from simulator.world import SimulatedCluster, World


def figures_by_pool(
    world: World, views: Mapping[str, SimulatedCluster], waits_in: Mapping[str, Sequence[float]]
) -> dict[str, dict[str, Any]]:
    """Return by pool what docs/simulator.md explains under `pools`.

    Args:
        views: a view of the cluster with each pool, by the pool's name.
        waits_in: for how many seconds each task of each pool waited, by the group's name or the fleet's id.
    """
    # A policy that launches instances itself has put one pool in the place of all.
    names = {name_of(view.pool): pool for pool, view in reversed(list(views.items()))}
    return {pool: _figures(world, view, waits_in) for pool, view in views.items() if names[name_of(view.pool)] == pool}


def _figures(world: World, view: SimulatedCluster, waits_in: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    name = name_of(view.pool)
    hours = world.account.ec2.hours.until(world.clock.now, view.name, name)
    paid = listed_bill(hours)
    waited = list(waits_in.get(name, ()))
    return {
        "capacity": name,
        "instance_hours_by": {
            bought: {type_: round(of_type, 2) for type_, of_type in by_type.items()}
            for bought, by_type in hours.items()
        },
        "usd": round(paid.cost or 0.0, 2),
        "list_usd": round(paid.on_demand_only_cost or 0.0, 2),
        "tasks": len(waited),
        "wait_seconds": waits(waited),
    }
