"""Renewal with the real handlers: no request is lost, no task is killed, and a bad image ends it after one instance."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.errors import AwsError
from simulator.faults import Fault, Try
from simulator.timing import Timing
from simulator.world import SimulatedCluster, World
from steady.pools import PoolKind

IMAGE = "ami-00000000000000002"
HOURS = 4


def cluster(kind: PoolKind, instances: int = 8, **thresholds: int | str) -> SimulatedCluster:
    world = World(seed=1, timing=Timing.as_aws())
    # Scale-in has nothing to do here.
    set_: dict[str, Any] = {"renew": "drift", "renew_bake_seconds": 120, "min_capacity": instances, **thresholds}
    web = world.cluster(kind, "web", instances, "m5.large", **set_)
    web.service("api", 2 * instances, cpu=512, memory=1024, requests_per_s=2)
    world.run(900)
    return web


def launch_from(web: SimulatedCluster, image: str = IMAGE) -> set[str]:
    """Let the pool launch from another image from now on; return the ids of the old instances."""
    web.world.account.ec2.templates.of(web.pool.template).images.append(image)
    web.pool.template_version = "$Latest"
    return {one.id for one in web.ec2_instances()}


def left(web: SimulatedCluster, old: set[str]) -> set[str]:
    return old & {one.id for one in web.ec2_instances()}


def until_renewed(web: SimulatedCluster, old: set[str]) -> float:
    begun = web.world.clock.now
    while left(web, old) and web.world.clock.now - begun < HOURS * 3600:
        web.world.run(60)
    return web.world.clock.now - begun


@pytest.mark.parametrize("kind", list(PoolKind))
def test_all_instances_are_renewed_and_no_request_is_lost(kind: PoolKind) -> None:
    web = cluster(kind, renew_budget=25)
    old = launch_from(web)
    most = 0
    for _ in range(HOURS * 60):
        web.world.run(60)
        most = max(most, web.target)

    account = web.world.account
    assert left(web, old) == set()
    assert {one.image for one in web.ec2_instances()} == {IMAGE}
    assert account.killed_tasks == 0
    assert account.balancing.failed_requests == account.balancing.unserved_requests == 0
    assert len(web.running()) == 16
    assert most <= len(old) + 3


@pytest.mark.parametrize("kind", list(PoolKind))
def test_an_image_that_never_registers_ends_the_renewal_after_one_instance(kind: PoolKind) -> None:
    web = cluster(kind, boot_timeout_seconds=300)
    web.world.account.ec2.templates.broken.add(IMAGE)
    old = launch_from(web)
    web.world.run(2 * 3600)

    assert left(web, old) == old
    assert len(web.running()) == 16
    assert any("renewal stopped" in str(line) for line in web.world.suite.telemetry.decisions())


def test_nothing_is_renewed_unless_it_is_asked_for() -> None:
    web = cluster(PoolKind.AUTO_SCALING_GROUP)
    web.world.account.parameters.put("/steady/clusters/web/renew", "off")
    old = launch_from(web)
    web.world.run(3600)

    assert left(web, old) == old


def test_a_batch_task_runs_to_its_end() -> None:
    web = cluster(PoolKind.AUTO_SCALING_GROUP, instances=4)
    old = launch_from(web)
    batch = web.batch_task(web.instances()[0], run_s=2 * 3600)
    web.world.run(3600)
    assert batch.instance.ec2_id in left(web, old)

    web.world.run(2 * 3600)
    assert left(web, old) == set()
    assert web.world.account.killed_tasks == 0


def test_an_instance_that_is_too_old_is_renewed() -> None:
    web = cluster(PoolKind.AUTO_SCALING_GROUP, instances=3, max_instance_age=1)
    old = {one.id for one in web.ec2_instances()}
    web.world.run(20 * 3600)
    assert left(web, old) == old

    web.world.run(6 * 3600)
    assert left(web, old) == set()


def test_a_refresh_of_the_groups_own_is_left_to_it() -> None:
    web = cluster(PoolKind.AUTO_SCALING_GROUP, instances=3)
    old = launch_from(web)
    web.pool.refresh = "InProgress"  # type: ignore[union-attr]
    web.world.run(3600)
    assert left(web, old) == old

    web.pool.refresh = "Successful"  # type: ignore[union-attr]
    assert until_renewed(web, old) < 2 * 3600


@pytest.mark.parametrize("kind", list(PoolKind))
def test_tasks_that_fail_on_the_new_instance_alone_end_the_renewal_and_the_instance_goes(kind: PoolKind) -> None:
    web = cluster(kind, renew_bake_seconds=900)
    web.world.account.ec2.templates.failing.add(IMAGE)
    old = launch_from(web)
    web.world.run(600)
    # Tasks that ECS places there, as it does when a service grows.
    web.service("new", 24, cpu=64, memory=64)
    web.world.run(2 * 3600)

    said = [str(line) for line in web.world.suite.telemetry.decisions()]
    assert left(web, old) == old
    assert any("tasks of service new have failed on the new instance" in line for line in said)
    assert {one.image for one in web.ec2_instances()} != {IMAGE}
    assert len(web.ec2_instances()) == len(old), "the one that is no good has gone"


def test_a_service_that_fails_everywhere_does_not_end_the_renewal() -> None:
    web = cluster(PoolKind.AUTO_SCALING_GROUP, renew_budget=25)
    web.service("broken", 2, cpu=64, memory=64, starts=False)
    old = launch_from(web)

    assert until_renewed(web, old) < 3 * 3600


@pytest.mark.parametrize("kind", list(PoolKind))
def test_an_image_that_is_taken_back_half_way_leaves_as_much_as_before(kind: PoolKind) -> None:
    web = cluster(kind, renew_budget=50)
    old = launch_from(web)
    while len(left(web, old)) == len(old):
        web.world.run(60)
    launch_from(web, web.world.account.ec2.templates.of(web.pool.template).images[0])
    web.world.run(4 * 3600)

    assert IMAGE not in {one.image for one in web.ec2_instances()}
    assert web.target == len(web.ec2_instances()) == 8
    assert web.world.account.killed_tasks == 0


@pytest.mark.parametrize("after_s", [60, 400, 900])
def test_renewal_that_is_switched_off_half_way_leaves_as_much_as_before(after_s: int) -> None:
    web = cluster(PoolKind.AUTO_SCALING_GROUP, renew_budget=50)
    launch_from(web)
    web.world.run(after_s)
    web.world.account.parameters.put("/steady/clusters/web/renew", "off")
    web.world.run(2 * 3600)

    assert web.target == len(web.ec2_instances()) == 8


def test_no_instance_is_chosen_by_the_pool_when_the_renewal_stops() -> None:
    web = cluster(
        PoolKind.AUTO_SCALING_GROUP, min_capacity=0, boot_timeout_seconds=300, scale_in_after_seconds=3600 * 4
    )
    web.world.account.ec2.templates.broken.add(IMAGE)
    old = launch_from(web)
    web.world.run(2 * 3600)

    assert left(web, old) == old
    assert web.target == 8


def test_a_target_that_somebody_lowers_half_way_is_not_made_up_for_by_old_instances() -> None:
    web = cluster(PoolKind.AUTO_SCALING_GROUP, renew_budget=50, max_capacity=9)
    old = launch_from(web)
    web.world.run(90)
    web.pool.desired = 8  # type: ignore[union-attr]

    fewest = min(len(web.running()) for _ in range(4 * 60) if web.world.run(60) is None)

    assert fewest == 16
    assert left(web, old) == set()


def test_a_template_that_cannot_be_read_stops_no_scaling_and_forgets_nothing() -> None:
    web = cluster(PoolKind.AUTO_SCALING_GROUP, boot_timeout_seconds=300)
    web.world.account.ec2.templates.broken.add(IMAGE)
    old = launch_from(web)
    web.world.run(3600)
    fault = Refusing("ec2:DescribeLaunchTemplateVersions")
    web.world.account.endpoint.fault = fault
    web.world.run(600)
    web.world.account.endpoint.fault = None
    launched = web.world.account.ec2.instances.keys() - old
    web.world.run(1200)

    assert fault.refused
    assert left(web, old) == old
    assert web.world.account.ec2.instances.keys() - old <= launched, "the image is not tried again"
    assert any("cannot be read" in str(line) for line in web.world.suite.telemetry.decisions())


class Refusing(Fault):
    """Refuses one action."""

    def __init__(self, calls: str) -> None:
        self.calls, self.refused = calls, 0

    def before(self, tried: Try) -> None:
        if tried.name == self.calls and tried.caller == "autoscaler":
            self.refused += 1
            raise AwsError("RequestLimitExceeded", "Request limit exceeded.")


def renewed_with_batch(
    batch_seconds: int, run_s: float = 7200.0
) -> tuple[SimulatedCluster, set[str], list[Any], float]:
    """Begin to renew a cluster with a batch task on each instance; return all of these, and when that was."""
    web = cluster(PoolKind.AUTO_SCALING_GROUP, 4, renew_budget=50, renew_batch_seconds=batch_seconds)
    tasks = [web.batch_task(instance, run_s, cpu=256, memory=256) for instance in web.instances()]
    return web, launch_from(web), tasks, web.world.clock.now


def test_batch_tasks_run_to_their_end_by_default() -> None:
    web, old, tasks, _ = renewed_with_batch(0)
    web.world.run(7000)
    assert not any(task.stopping for task in tasks)

    assert until_renewed(web, old) + 7000 >= 7200
    assert web.world.account.killed_tasks == 0


def test_batch_tasks_are_stopped_once_they_have_had_their_time_and_no_request_is_lost() -> None:
    web, old, tasks, begun = renewed_with_batch(1200)
    drained_at: dict[str, float] = {}
    while left(web, old) and web.world.clock.now - begun < HOURS * 3600:
        web.world.run(10)
        for one in web.ec2_instances():
            if one.container_instance and one.container_instance.status == "DRAINING":
                drained_at.setdefault(one.id, web.world.clock.now)

    assert not left(web, old)
    for task in tasks:
        ran_s = (task.sigterm_at or 0) - drained_at[task.instance.ec2_id]
        assert 1200 - 10 <= ran_s <= 1200 + 240
    account = web.world.account
    assert account.killed_tasks == 0
    assert account.balancing.failed_requests == account.balancing.unserved_requests == 0
    assert not web.world.suite.telemetry.errors()


def test_batch_tasks_that_are_stopped_cost_no_instance_more() -> None:
    web, old, _, _ = renewed_with_batch(1200)
    until_renewed(web, old)
    web.world.run(900)

    assert web.target == 4
    decisions = web.world.suite.telemetry.decisions()
    assert any("(renew_batch_seconds): they are stopped" in str(line.fields) for line in decisions)
