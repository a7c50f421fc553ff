"""Healing, end to end on the simulated account: a boot that failed, an agent that is lost, an image that is broken."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from simulator.ec2 import Ec2Instance
from simulator.ecs.state import ContainerInstance, TaskStatus
from simulator.world import SimulatedCluster, World

KINDS = ("group", "fleet")


def cluster(world: World, kind: str, instances: int, **thresholds: int | str) -> SimulatedCluster:
    build = world.group_cluster if kind == "group" else world.spot_cluster
    return build("web", instances, **thresholds)


def said(world: World, rule: str) -> list[str]:
    """What the decisions gave as reasons of `rule`, in their order."""
    reasons = (r for line in world.suite.telemetry.decisions() for r in line.fields["reasons"])
    return [r["text"] for r in reasons if r["rule"] == rule]


def terminations(world: World, cluster: SimulatedCluster, minutes: int) -> Iterator[set[str]]:
    """The ids of the instances that went in each of the next minutes."""
    for _ in range(minutes):
        before = {i.id for i in cluster.ec2_instances()}
        world.run(60)
        yield {id_ for id_ in before if not world.account.ec2.instances[id_].alive}


def lose_agents(world: World, instances: list[ContainerInstance]) -> None:
    for instance in instances:
        world.account.scheduler.disconnect(instance)


def ec2_of(world: World, instances: list[ContainerInstance]) -> list[Ec2Instance]:
    return [world.account.ec2.instances[i.ec2_id] for i in instances]


def with_a_broken_image(kind: str, seed: int, more: int) -> tuple[World, SimulatedCluster]:
    """Ten full instances, whose pool's image boots no more, and a service that wants so many `more`."""
    world = World(seed=seed)
    web = cluster(world, kind, 10, boot_timeout_seconds=300)
    web.service("api", 10, cpu=1500, memory=1000)
    world.run(120)
    web.pool.image_boots = False
    web.service("more", more, cpu=1500, memory=1000)
    return world, web


@pytest.mark.parametrize("kind", KINDS)
def test_an_instance_that_never_registers_is_terminated_and_replaced(kind: str) -> None:
    world = World(seed=6)
    web = cluster(world, kind, 4, boot_timeout_seconds=300)
    web.service("api", 9, cpu=1000, memory=1000)
    world.run(30)
    booting = [i for i in web.ec2_instances() if i.container_instance is None]
    dead = booting[0]
    dead.boots = False

    world.run(300)
    assert dead.alive, "not before its time"

    world.run(300)
    assert not dead.alive
    assert len(web.running()) == 9
    assert len(said(world, "BootTimedOut")) == 1
    assert said(world, "HealingHeldBack") == []


@pytest.mark.parametrize("kind", KINDS)
def test_an_instance_whose_agent_is_lost_is_drained_then_terminated_and_no_request_fails(kind: str) -> None:
    world = World(seed=7)
    web = cluster(world, kind, 5, learning="off")
    api = web.service("api", 12, cpu=500, memory=1000, requests_per_s=2)
    world.run(120)
    lost = next(i for i in web.instances() if i.tasks)
    [machine] = ec2_of(world, [lost])
    world.account.scheduler.disconnect(lost)

    world.run(290)
    assert lost.status == "ACTIVE", "an agent may be away for a while"

    world.run(130)
    assert lost.status == "DRAINING"
    assert machine.alive

    world.run(800)
    assert not machine.alive
    assert sum(t.status is TaskStatus.RUNNING for t in api.tasks.values()) == 12
    assert world.account.balancing.failed_requests == 0
    assert len([i for i in web.instances() if i.status == "ACTIVE"]) >= 3
    assert world.suite.notices.dead_letters
    assert world.suite.notices.dead_letters.messages == []


@pytest.mark.parametrize("kind", KINDS)
def test_an_agent_that_comes_back_keeps_its_instance(kind: str) -> None:
    world = World(seed=8)
    web = cluster(world, kind, 3, scale_in_after_seconds=86_400)
    web.service("api", 3, cpu=500, memory=1000)
    world.run(60)
    lost = web.instances()[0]
    world.account.scheduler.disconnect(lost)
    world.run(400)
    assert lost.status == "DRAINING"

    world.account.scheduler.reconnect(lost)
    world.run(900)

    assert lost.status == "ACTIVE"
    assert ec2_of(world, [lost])[0].alive


def test_an_instance_that_an_operator_drained_is_left_to_them() -> None:
    world = World(seed=9)
    web = cluster(world, "group", 3, scale_in_after_seconds=86_400)
    world.run(60)
    mine = web.instances()[0]
    runtime = world.suite.runtime("operator")
    runtime.ecs.update_container_instances_state(cluster="web", containerInstances=[mine.arn], status="DRAINING")
    world.account.scheduler.disconnect(mine)

    world.run(1800)

    assert ec2_of(world, [mine])[0].alive


@pytest.mark.parametrize("kind", KINDS)
def test_agents_that_are_lost_together_are_not_terminated_together(kind: str) -> None:
    """ECS itself has an outage: half of all agents are away, and what is launched registers as soon as it is over."""
    world = World(seed=10)
    web = cluster(world, kind, 40, scale_in_after_seconds=86_400, healing_share=10)
    web.service("api", 60, cpu=500, memory=1000)
    world.run(120)
    lost = web.instances()[:20]
    lose_agents(world, lost)
    machines = ec2_of(world, lost)

    worst = 0
    for _ in range(60):
        world.run(60)
        worst = max(worst, sum(i.status == "DRAINING" for i in lost))

    gone = [m for m in machines if not m.alive]
    # A tenth of 40 at once at the most.
    assert worst <= 4
    assert 1 <= len(gone) < 20
    assert said(world, "AgentsLost")

    for instance in lost:
        if instance.status != "INACTIVE":
            world.account.scheduler.reconnect(instance)
    world.run(600)
    assert all(i.status == "ACTIVE" for i in web.instances())
    assert len(web.running()) == 60


@pytest.mark.parametrize("kind", KINDS)
def test_a_broken_image_does_not_become_a_terminate_loop(kind: str) -> None:
    # Twenty more are wanted, and none of them will ever register.
    world, web = with_a_broken_image(kind, seed=11, more=20)

    went = [len(ids) for ids in terminations(world, web, minutes=8 * 60)]

    assert max(went) == 1, "one at a time, as long as none has registered"
    at = [minute for minute, count in enumerate(went) if count]
    gaps = [later - earlier for earlier, later in itertools.pairwise(at)]
    assert all(2 * earlier - 2 <= later for earlier, later in itertools.pairwise(gaps[:4])), "ever more seldom"
    assert all(58 <= gap <= 62 for gap in gaps[4:]), "and still once an hour"
    assert len(at) <= 13
    # What it holds stays what is wanted: the dead are not made up for by more dead.
    assert web.target <= 10 + 20 + 3
    assert len([t for t in web.running() if t.group == "service:api"]) == 10
    assert said(world, "HealingHeldBack")


@pytest.mark.parametrize("kind", KINDS)
def test_once_the_image_is_mended_all_that_failed_are_replaced(kind: str) -> None:
    world, web = with_a_broken_image(kind, seed=12, more=10)
    world.run(3600)
    dead = [i for i in web.ec2_instances() if i.container_instance is None]
    assert len(dead) >= 10

    web.pool.image_boots = True
    world.run(2 * 3600)

    assert not any(i.alive for i in dead)
    assert len(web.running()) == 20
    assert web.target == len(web.ec2_instances()) <= 23
