"""Tasks with a network interface of their own: an instance takes few of them, and more with a trunk."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from simulator.ecs.state import Cluster
from simulator.endpoint import Params
from simulator.errors import AwsError
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


def launched_for(world: World, web: SimulatedCluster, tasks: int) -> int:
    """Let a service of so many tasks begin in `web`, which never had an instance; return how many are launched."""
    api = web.service("api", tasks, cpu=10, memory=100, awsvpc=True)
    world.run(900)
    assert api.counts() == (tasks, 0)
    assert world.suite.telemetry.errors() == []
    return len(world.account.ec2.instances)


def web_of_none(world: World, kind: str, instance_type: str = "m5.large") -> SimulatedCluster:
    """Build a cluster that never had an instance, on a pool that names its type."""
    if kind == "spot":
        return world.spot_cluster("web", 0, instance_type, **QUIET)
    return world.group_cluster("web", 0, types={instance_type: 1}, **QUIET)


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_instances_of_a_cluster_are_counted_with_their_trunks(kind: str) -> None:
    world = World(seed=3)
    web = web_of_none(world, kind)

    assert launched_for(world, web, 24) == 3, "ten tasks on each, and not two"


@pytest.mark.parametrize("kind", KINDS)
def test_without_the_account_setting_the_first_instances_have_no_trunk(kind: str) -> None:
    world = World(seed=3)
    world.account.scheduler.settings.trunking = False
    web = web_of_none(world, kind)

    assert launched_for(world, web, 24) == 12


def test_a_type_without_a_trunk_has_none_whatever_the_setting_says() -> None:
    """A t3.large has three interfaces (ECS Developer Guide: burstable types are not in the table)."""
    world = World(seed=3)
    web = web_of_none(world, "group", "t3.large")

    assert launched_for(world, web, 6) == 3


@pytest.mark.parametrize("own", [False, True])
def test_what_an_instance_has_counts_before_the_account_setting(own: bool) -> None:
    """The role of the instances has a setting of its own, which nobody else may read: the first instance shows it."""
    world = World(seed=3)
    world.account.scheduler.settings.trunking = not own
    web = web_of_none(world, "group")
    web.state.trunking = own
    api = web.service("api", 24, cpu=10, memory=100, awsvpc=True)

    world.run(3000)

    assert api.counts() == (24, 0)
    assert web.target == (3 if own else 12)


def test_the_account_setting_is_read_once_an_hour_and_only_for_tasks_with_an_interface_of_their_own() -> None:
    world = World(seed=4)
    web = web_of_none(world, "group")
    # No instance ever registers, so its type stays unknown.
    web.pool.image_boots = False
    web.service("bridge", 3, cpu=10, memory=100)
    world.run(600)
    asked = world.account.endpoint.counted("autoscaler").calls
    assert asked["ecs:ListAccountSettings"] == 0

    web.service("api", 24, cpu=10, memory=100, awsvpc=True)
    world.run(3000)

    assert asked["ecs:DescribeServices"] > 50
    assert asked["ecs:ListAccountSettings"] == 1


def test_a_refused_account_setting_stops_nothing() -> None:
    world = World(seed=5)
    web = web_of_none(world, "spot")

    def refused(params: object) -> dict[str, Any]:
        raise AwsError("AccessDeniedException", "not authorized to perform: ecs:ListAccountSettings")

    world.account.endpoint.actions["ecs:ListAccountSettings"] = refused

    assert launched_for(world, web, 24) == 12, "no trunk is foreseen"
    [warned] = {line.message for line in world.suite.telemetry.log_lines if "awsvpcTrunking" in line.message}
    assert "is taken to have no trunk" in warned


def test_a_setting_that_could_not_be_read_once_is_read_again_minutes_later() -> None:
    world = World(seed=6)
    web = web_of_none(world, "group")
    web.pool.image_boots = False
    own = world.account.endpoint.actions["ecs:ListAccountSettings"]
    asked: list[float] = []

    def throttled(params: Params) -> dict[str, Any]:
        asked.append(world.clock.now)
        if len(asked) <= 3:
            raise AwsError("ThrottlingException", "Rate exceeded")
        return own(params)

    world.account.endpoint.actions["ecs:ListAccountSettings"] = throttled
    web.service("api", 24, cpu=10, memory=100, awsvpc=True)
    world.run(3600)

    gaps = [later - before for before, later in itertools.pairwise(asked)]
    assert 240 < max(gaps) < 420, "neither at each look nor an hour later"
    assert len(asked) < 8
