"""Duplicates and states of container instances: an EC2 instance is counted once, and by what it can do."""

from __future__ import annotations

import pytest

from simulator.world import World
from tests.simulator.scaled_clusters import cluster
from tests.simulator.test_healing import said

KINDS = ("spot", "group")


@pytest.mark.parametrize("kind", KINDS)
def test_an_instance_whose_agent_has_registered_twice_is_well(kind: str) -> None:
    world = World(seed=6)
    web = cluster(world, kind, 3, min_capacity=3)
    web.service("api", 5, cpu=500, memory=1000, requests_per_s=2)
    world.run(120)
    twice = web.ec2_instances()[:2]
    for instance in twice:
        world.account.ec2.register_again(instance)

    world.run(3600)

    assert all(instance.alive for instance in twice)
    assert said(world, "AgentsLost") == []
    assert world.suite.telemetry.measured["Instances", "web"][-1] == 3
    assert world.account.balancing.failed_requests == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", ["REGISTERING", "REGISTRATION_FAILED", "DEREGISTERING"])
def test_an_instance_that_is_not_registered_is_replaced_when_its_boot_times_out(kind: str, status: str) -> None:
    world = World(seed=6)
    web = cluster(world, kind, 3, boot_timeout_seconds=300, min_capacity=3)
    world.run(70)
    stuck = web.instances()[0]
    stuck.status = status

    world.run(600)

    assert not world.account.ec2.instances[stuck.ec2_id].alive
    assert len([i for i in web.instances() if i.status == "ACTIVE"]) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_an_impaired_instance_is_drained_and_replaced_and_no_request_fails(kind: str) -> None:
    world = World(seed=7)
    web = cluster(world, kind, 5, learning="off")
    web.service("api", 12, cpu=500, memory=1000, requests_per_s=2)
    world.run(120)
    ill = next(i for i in web.instances() if i.tasks)
    machine = world.account.ec2.instances[ill.ec2_id]
    ill.health = "IMPAIRED"

    world.run(290)
    assert ill.status == "ACTIVE", "a health check may fail for a while"

    world.run(1800)
    assert not machine.alive
    assert len(web.running()) == 12
    assert world.account.balancing.failed_requests == 0
