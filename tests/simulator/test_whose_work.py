"""Whose work it is: only what the pool can place is demand, and only what its work can run on is room."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.ecs.launching import Launch
from simulator.ecs.state import Deploys
from simulator.errors import AwsError
from simulator.faults import Fault, Try
from simulator.other_capacity import another_group, anywhere, managed_instances
from simulator.suite import FAILURE_TOPIC
from simulator.world import SimulatedCluster, World
from steady.aws.scaling.observation import observe
from steady.aws.settings.parameters import read_settings
from steady.cluster import Size, Snapshot
from tests.simulator.scaled_clusters import cluster, message

KINDS = ("spot", "group")
QUIET = {"start_at_once_share": 0, "learning": "off", "cpu_reservation_high": 100, "memory_reservation_high": 100}
FARGATE = Launch("FARGATE")


def group(world: World, instances: int, **thresholds: Any) -> SimulatedCluster:
    return world.group_cluster("web", instances, provider="ours", **{**QUIET, **thresholds})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "launch", [FARGATE, Launch.on("FARGATE_SPOT"), Launch("EXTERNAL"), Launch.on("theirs")], ids=lambda one: str(one)
)
@pytest.mark.parametrize("deploys", [Deploys.ROLLING, Deploys.EXTERNAL])
def test_ten_lacking_tasks_of_others_buy_nothing(kind: str, launch: Launch, deploys: Deploys) -> None:
    world = World(seed=1)
    web = cluster(world, kind, 2, min_capacity=2, **QUIET)
    world.provide("theirs", "theirs")
    web.state.fargate = 0
    work = web.service("work", 10, cpu=1000, memory=1000, launch=launch, deploys=deploys)

    world.run(1200)

    assert work.counts() == (0, 0)
    assert web.target == 2
    assert world.suite.telemetry.errors() == []


def test_ten_lacking_tasks_of_the_groups_own_capacity_provider_get_their_instances() -> None:
    world = World(seed=1)
    web = group(world, 0)
    work = web.service("work", 10, cpu=1000, memory=1000, launch=Launch.on("ours"))

    world.run(600)

    assert work.counts() == (10, 0)
    assert web.target == 5


def test_a_service_of_two_capacity_providers_is_our_demand_by_our_part() -> None:
    """The other group has room for one of its ten tasks: what it lacks is nothing to us."""
    world = World(seed=1)
    web = group(world, 0)
    another_group(web, "theirs", 1)
    both = web.service("both", 20, cpu=1000, memory=1000, launch=Launch.on("ours", "theirs"))

    world.run(1200)

    assert web.target == 5
    assert len([t for t in both.tasks.values() if t.provider == "ours"]) == 10


def test_an_ecs_anywhere_instance_is_no_room_and_no_member() -> None:
    world = World(seed=1)
    web = cluster(world, "group", 1, **QUIET)
    machine = anywhere(web, "0123456789abcdef0", Size(64_000, 256_000))
    web.daemon("agent", cpu=1500, memory=1500, launch=Launch("EXTERNAL"))
    api = web.service("api", 4, cpu=1000, memory=1000)
    world.run(90)
    machine.agent_connected = False

    world.run(1800)

    assert api.counts() == (4, 0)
    assert web.target == 2, "what runs on machines elsewhere takes nothing of a new instance"
    assert world.suite.telemetry.measured["Instances", "web"][-1] == 2
    assert machine.status == "ACTIVE"


@pytest.mark.parametrize("others", ["group", "managed"])
def test_instances_of_other_capacity_providers_are_neither_room_nor_reserved(others: str) -> None:
    world = World(seed=1)
    web = group(world, 2, scale_in_after_seconds=60, min_capacity=1)
    if others == "group":
        another_group(web, "theirs", 4)
    else:
        managed_instances(web, "theirs", 4)
    # Full there, idle here: by the cluster's own figures reservation is high.
    theirs = web.service("theirs", 8, cpu=1000, memory=3500, launch=Launch.on("theirs"))
    ours = web.service("ours", 2, cpu=200, memory=200, launch=Launch.on("ours"))

    world.run(1800)
    assert theirs.counts() == (8, 0)
    assert web.target == 1

    world.account.scheduler.services.set_desired(theirs, 0)
    world.account.scheduler.services.set_desired(ours, 18)
    world.run(600)
    # Eighteen tasks of 200 need two instances, although four others are empty.
    assert ours.counts() == (18, 0)
    assert web.target == 2


def test_tasks_on_a_drained_instance_that_fargate_replaces_ask_for_no_room() -> None:
    world = World(seed=2)
    web = cluster(world, "group", 3, **QUIET)
    api = web.service("api", 6, cpu=1024, memory=1024)
    world.run(60)
    web.state.fargate = 0
    moved = replace(api.definition, revision=2)
    world.account.scheduler.definitions[moved.arn] = moved
    world.account.scheduler.services.deploy(api, moved, FARGATE)
    world.account.scheduler.drain(web.instances()[0])

    world.run(600)

    assert web.target == 3


def test_a_service_that_moves_from_fargate_to_the_pool_gets_room() -> None:
    world = World(seed=2)
    web = cluster(world, "group", 1, **QUIET)
    api = web.service("api", 6, cpu=1024, memory=1024, launch=FARGATE)
    world.run(120)
    assert web.target == 1

    moved = replace(api.definition, revision=2)
    world.account.scheduler.definitions[moved.arn] = moved
    world.account.scheduler.services.deploy(api, moved, Launch())
    world.run(900)

    assert {t.definition.revision for t in web.running()} == {2}
    assert web.target == 3


def run_task(**more: Any) -> str:
    return json.dumps({**json.loads(message("run", cpu=1000, memory=6000)), **more})


@pytest.mark.parametrize(
    ("more", "target"),
    [
        ({}, 2),
        ({"launch_type": "EC2"}, 2),
        ({"launch_type": "FARGATE"}, 1),
        ({"launch_type": "EXTERNAL"}, 1),
        ({"launch_type": "MANAGED_INSTANCES"}, 1),
        ({"capacity_provider_strategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]}, 1),
        ({"capacity_provider_strategy": [{"capacityProvider": "theirs", "weight": 1}]}, 1),
        ({"capacity_provider_strategy": [{"capacityProvider": "ours"}]}, 2),
    ],
    ids=str,
)
def test_a_runtask_failure_is_demand_if_the_pool_can_place_it(more: dict[str, Any], target: int) -> None:
    world = World(seed=3)
    web = group(world, 1, min_capacity=1, demand_silent_after_seconds=300)
    another_group(web, "theirs", 1)
    web.service("full", 1, cpu=2000, memory=7000, launch=Launch.on("ours"))
    world.run(30)

    for _ in range(12):
        world.account.messaging.publish(FAILURE_TOPIC, run_task(**more))
        world.run(10)

    assert web.target == target
    assert world.suite.telemetry.errors() == []


def test_a_mixed_cluster_is_decided_as_if_the_pools_own_work_were_alone() -> None:
    alone = targets(World(seed=4), mixed=False)

    assert targets(World(seed=4), mixed=True) == alone
    assert max(alone) > min(alone)


def targets(world: World, *, mixed: bool) -> list[int]:
    web = group(world, 2, scale_in_after_seconds=120, min_capacity=1)
    api = web.service("api", 4, cpu=500, memory=1000, launch=Launch.on("ours"))
    web.service("web", 2, cpu=500, memory=1000)
    if mixed:
        another_group(web, "theirs", 3)
        managed_instances(web, "managed", 2)
        anywhere(web, "0123456789abcdef0", Size(64_000, 256_000))
        web.state.fargate = 3
        for name, launch in {
            "fargate": FARGATE,
            "theirs": Launch.on("theirs"),
            "managed": Launch.on("managed"),
            "anywhere": Launch("EXTERNAL"),
        }.items():
            web.service(name, 12, cpu=600, memory=2000, launch=launch)
        web.daemon("collector", cpu=900, memory=900, launch=Launch("EXTERNAL"))
    found = []
    for desired in (4, 20, 3):
        world.account.scheduler.services.set_desired(api, desired)
        world.run(1200)
        found.append(web.target)
    return found


class NotAllowed(Fault):
    """A role of an earlier version may not read capacity providers."""

    def before(self, tried: Try) -> None:
        if tried.name == "ecs:DescribeCapacityProviders":
            raise AwsError("AccessDeniedException", "not authorized to perform: ecs:DescribeCapacityProviders")


def test_the_pools_own_instances_say_whose_a_capacity_provider_is_while_it_cannot_be_read() -> None:
    world = World(seed=1)
    web = group(world, 1)
    another_group(web, "theirs", 1)
    world.account.endpoint.fault = NotAllowed()
    ours = web.service("ours", 10, cpu=1000, memory=1000, launch=Launch.on("ours"))
    web.service("theirs", 10, cpu=1000, memory=1000, launch=Launch.on("theirs"))

    world.run(600)

    assert ours.counts() == (10, 0)
    assert web.target == 5
    assert any("capacity provider" in line.message for line in world.suite.telemetry.log_lines)


FOREIGN = (FARGATE, Launch.on("FARGATE_SPOT"), Launch("EXTERNAL"), Launch.on("theirs"), Launch.on("managed"))


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(FOREIGN), st.integers(0, 12), st.sampled_from(Deploys), st.booleans()), max_size=5
    ),
    st.integers(0, 3),
    st.integers(0, 3),
    st.integers(0, 2),
    st.integers(0, 20),
)
def test_nothing_of_others_changes_what_a_decision_sees(
    work: list[tuple[Launch, int, Deploys, bool]], groups: int, managed: int, machines: int, fargate: int
) -> None:
    alone, mixed = seen(lambda web: None), seen(lambda web: add(web, work, groups, managed, machines, fargate))

    assert all(s.missing and s.shape for s in alone.services)
    assert mixed.daemons.tasks_on(2) == alone.daemons.tasks_on(2) == 2
    assert replace(mixed, at=alone.at, daemons=alone.daemons) == alone
    assert (mixed.daemons.size, mixed.daemons.bound) == (alone.daemons.size, ())


def seen(add_others: Callable[[SimulatedCluster], None]) -> Snapshot:
    world = World(seed=7)
    web = group(world, 2)
    world.provide("theirs", "theirs")
    web.daemon("shipper")
    web.service("api", 6, cpu=1000, memory=1000, launch=Launch.on("ours"))
    web.service("odd", 3, cpu=1000, memory=1000)
    add_others(web)
    aws = world.suite.runtime("test")
    return observe(aws, read_settings(aws, "web"), failed=["api", "odd", "work-0"])


def add(
    web: SimulatedCluster,
    work: list[tuple[Launch, int, Deploys, bool]],
    groups: int,
    managed: int,
    machines: int,
    fargate: int,
) -> None:
    web.state.fargate = fargate
    another_group(web, "theirs", groups)
    managed_instances(web, "managed", managed)
    for number in range(machines):
        anywhere(web, f"{number:017x}", Size(8000, 8000))
    for number, (launch, tasks, deploys, is_daemon) in enumerate(work):
        if is_daemon:
            web.daemon(f"work-{number}", launch=launch)
        else:
            web.service(f"work-{number}", tasks, cpu=700, memory=700, launch=launch, deploys=deploys)
