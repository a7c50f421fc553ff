"""One chain of steps for a cluster: a notice waits for none that rests, and what comes meanwhile joins the step."""

from __future__ import annotations

from collections import Counter

import pytest

from simulator.endpoint import Call
from simulator.timing import Timing
from simulator.world import SimulatedCluster, World
from steady.aws.service_out.locate import merge
from steady.service_out.doomed import Doomed


def resting_chain(seed: int, timing: Timing) -> tuple[World, SimulatedCluster]:
    """A cluster whose service-out looks at one instance under a hook, on which a batch task runs, once a minute."""
    world = World(seed, duplicates=0.0, scaling=False, timing=timing)
    web = world.group_cluster("web", 4, mode="paused")
    web.service("api", 8, requests_per_s=2, delay_s=30)
    first = web.ec2_instances()[0]
    assert first.container_instance
    web.batch_task(first.container_instance, run_s=7000)
    world.run(60)
    world.account.groups.fail(first)
    world.run(900)
    assert first.alive, "its batch task still runs"
    world.account.endpoint.log = []
    return world, web


@pytest.mark.parametrize("seed", range(4))
def test_a_notice_does_not_wait_for_the_next_step_of_a_chain_that_rests(seed: int) -> None:
    world, web = resting_chain(seed, Timing.as_aws())
    world.run(13 * seed)
    second = web.ec2_instances()[1]
    world.account.groups.fail(second)
    world.run(8)

    assert second.container_instance
    assert second.container_instance.status == "DRAINING"


def test_two_chains_become_one() -> None:
    world, web = resting_chain(7, Timing.as_aws())
    world.account.groups.fail(web.ec2_instances()[1])
    world.run(400)
    world.account.endpoint.log = []
    world.run(600)

    drained = [i.arn for i in web.instances() if i.status == "DRAINING"]
    looks = Counter(
        arn
        for call in logged(world, "ecs:DescribeContainerInstances")
        for arn in call.params["containerInstances"]
        if arn in drained
    )
    assert looks, "the first instance is still held"
    # Once a minute, or each quarter of a minute.
    assert max(looks.values()) <= 45


def test_what_is_handed_over_while_a_step_drains_is_drained_by_the_same_step() -> None:
    world = World(3, duplicates=0.0, scaling=False, timing=Timing.as_aws(pollers=10, latency_s=0.3))
    fleet = world.spot_cluster("fleet", 80, mode="paused")
    fleet.service("api", 80, requests_per_s=2, delay_s=30)
    world.run(60)
    world.account.endpoint.log = []
    fleet.reclaim(40)
    world.run(20)

    assert sum(i.status == "DRAINING" for i in fleet.instances()) == 40
    leaving = logged(world, "elbv2:DeregisterTargets")
    # Ten pollers had about 20 batches of these notices.
    assert 1 <= len(leaving) <= 3


def test_a_copy_of_an_old_message_gives_no_target_back() -> None:
    known = Doomed("i-1", "web", 120.0, "arn-1", looked_at=True, deregistered_at=30.0)
    old = Doomed("i-1", "web", 120.0, "arn-1", looked_at=True, deregistered_at=10.0, held=("api",))
    notice = Doomed("i-1", "web", 120.0)

    assert merge(known, old).held == merge(old, known).held == ()
    assert merge(old, notice).held == merge(notice, old).held == ("api",)


def logged(world: World, name: str) -> list[Call]:
    """Return the handler's calls with this name."""
    assert world.account.endpoint.log is not None
    return [call for call in world.account.endpoint.log if call.name == name and call.caller == "interruption-handler"]


def test_tasks_are_listed_by_family_where_a_clusters_pages_would_take_long() -> None:
    world = World(5, duplicates=0.0, scaling=False, timing=Timing.as_aws(latency_s=0.6, exits=2.0))
    fleet = world.spot_cluster("fleet", 120, "m5.2xlarge", mode="paused")
    kinds = [fleet.service(f"worker-{n}", 0, cpu=500, memory=500) for n in range(12)]
    for number, instance in enumerate(fleet.instances()):
        for slot in range(12):
            kind = kinds[(12 * number + slot) % 12]
            kind.desired += 1
            world.account.scheduler.start(instance, kind.definition, f"service:{kind.name}")
    fleet.service("elsewhere", 0)
    world.run(60)
    world.account.endpoint.log = []
    fleet.reclaim(110)
    world.run(120)

    listed = logged(world, "ecs:ListTasks")
    assert any("family" in call.params for call in listed)
    assert world.account.killed_tasks == 0
