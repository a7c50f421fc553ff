"""Tasks with a network interface of their own: an instance takes few of them, and more with a trunk."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.ecs.state import Cluster
from simulator.world import SimulatedCluster, World
from tests.simulator.scaled_clusters import cluster

KINDS = ("spot", "group")
QUIET: dict[str, Any] = {"start_at_once_share": 0, "learning": "off", "scale_in_after_seconds": 120}


def web_of(world: World, kind: str, instances: int, *, trunking: bool) -> SimulatedCluster:
    world.account.scheduler.clusters["web"] = Cluster("web", trunking=trunking)
    return cluster(world, kind, instances, **QUIET)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("trunking", "tasks"), [(False, 6), (True, 24)])
@pytest.mark.parametrize("from_zero", [False, True])
def test_tasks_get_as_many_instances_as_their_network_interfaces_need(
    kind: str, trunking: bool, tasks: int, from_zero: bool
) -> None:
    world = World(seed=1)
    web = web_of(world, kind, 1, trunking=trunking)
    api = web.service("api", 0 if from_zero else tasks, cpu=10, memory=100, awsvpc=True)
    if from_zero:
        world.run(1200)
        assert web.target == 0
        world.account.scheduler.services.set_desired(api, tasks)

    world.run(600)

    # An m5.large has three interfaces, one of which is its own; a trunk takes ten tasks.
    assert api.counts() == (tasks, 0)
    assert len(web.ec2_instances()) == web.target == 3
    world.run(1200)
    assert (web.target, api.counts()) == (3, (tasks, 0)), "scale-in knows that they fit on no fewer"
    assert world.suite.telemetry.errors() == []


def test_an_instance_that_registers_without_a_trunk_is_seen_as_what_it_is() -> None:
    """The account setting is turned off: instances that are there keep their trunks, and those that come have none."""
    world = World(seed=2)
    web = web_of(world, "group", 1, trunking=True)
    web.state.trunking = False
    api = web.service("api", 16, cpu=10, memory=100, awsvpc=True)

    world.run(1500)

    assert api.counts() == (16, 0)
    assert web.target == 4, "ten, and three times two"
