"""What was drained comes back: when the reason is over, or when the instance runs again, or it is replaced."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from interruption_handler.notices import health_change
from simulator.ecs.state import ContainerInstance, TaskStatus
from simulator.world import SimulatedCluster, World

# No instance is emptied by scale-in meanwhile.
CALM: dict[str, int | str] = {"scale_in_after_seconds": 86_400, "learning": "off", "start_at_once_share": 0}
RETIREMENT = "AWS_EC2_PERSISTENT_INSTANCE_RETIREMENT_SCHEDULED"
REBOOT = "AWS_EC2_INSTANCE_REBOOT_MAINTENANCE_SCHEDULED"
STARTS, ENDS = "Thu, 01 Jan 2026 06:00:00 GMT", "Thu, 01 Jan 2026 08:00:00 GMT"
HOUR_S = 3600


def calm_cluster(world: World, kind: str = "fleet", instances: int = 3, **thresholds: int | str) -> SimulatedCluster:
    build = world.group_cluster if kind == "group" else world.spot_cluster
    web = build("web", instances, **CALM, **thresholds)  # type: ignore[arg-type]
    web.service("api", instances, requests_per_s=2)
    world.run(60)
    return web


def health(
    world: World,
    code: str,
    *ids: str,
    status: str = "upcoming",
    entity: str = "PENDING",
    window: tuple[str, str] = (STARTS, ENDS),
    event: str = "one",
) -> None:
    detail = {
        **health_change.SAMPLE["detail"],
        "eventTypeCode": code,
        "eventArn": f"arn:aws:health:us-east-1::event/EC2/{code}/{event}",
        "statusCode": status,
        "startTime": window[0],
        "endTime": window[1],
        "affectedEntities": [{"entityValue": id_, "status": entity} for id_ in ids],
    }
    world.account.messaging.put_event({"detail-type": "AWS Health Event", "source": "aws.health", "detail": detail})


def recommend(world: World, instance: ContainerInstance) -> None:
    detail = {"instance-id": instance.ec2_id}
    kind = "EC2 Instance Rebalance Recommendation"
    world.account.messaging.put_event({"detail-type": kind, "source": "aws.ec2", "detail": detail})


def until(world: World, at: str) -> None:
    world.run(parsedate_to_datetime(at).timestamp() - world.clock.now)


def said(world: World, rule: str) -> list[str]:
    reasons = (r for line in world.suite.telemetry.decisions() for r in line.fields["reasons"])
    return [r["text"] for r in reasons if r["rule"] == rule]


def puts(world: World) -> int:
    return world.account.endpoint.counted("interruption-handler").calls["ecs:PutAttributes"]


def is_well(world: World, instance: ContainerInstance) -> None:
    """Assert that `instance` takes tasks again, that nothing was lost meanwhile, and that its mark is gone in time."""
    assert instance.status == "ACTIVE"
    assert world.account.balancing.failed_requests == 0
    world.run(1200)
    assert (instance.status, instance.attributes) == ("ACTIVE", {})


def test_an_instance_after_whose_recommendation_nothing_happened_takes_tasks_again() -> None:
    world = World(seed=1)
    web = calm_cluster(world, on_rebalance="drain", rebalance_deadline_seconds=900)
    spared = web.instances()[0]
    recommend(world, spared)

    world.run(910)
    assert spared.status == "DRAINING"
    assert spared.attributes["steady.drained"].startswith("rebalance:")

    world.run(400)
    is_well(world, spared)
    assert said(world, "BackInService") == [
        "1 instance drained by service-out ACTIVE again: "
        "nothing happened by the deadline of the rebalance recommendation"
    ]


@pytest.mark.parametrize(
    ("status", "entity"), [("closed", "PENDING"), ("upcoming", "RESOLVED"), ("open", "UNIMPAIRED")]
)
def test_an_instance_whose_maintenance_is_called_off_takes_tasks_again(status: str, entity: str) -> None:
    world = World(seed=2)
    web = calm_cluster(world)
    named = web.instances()[0]
    batch = web.batch_task(named, run_s=5 * HOUR_S)
    health(world, REBOOT, named.ec2_id)
    world.run(200)
    assert named.status == "DRAINING"

    health(world, REBOOT, named.ec2_id, status=status, entity=entity)
    world.run(10)
    assert named.status == "ACTIVE"
    # The steps of its service-out are over, too: they neither drain it again nor stop what runs on it.
    world.run(2 * HOUR_S)
    is_well(world, named)
    assert batch.status is TaskStatus.RUNNING
    assert said(world, "BackInService") == ["1 instance drained by service-out ACTIVE again: the maintenance is over"]


def test_an_instance_that_was_rebooted_takes_tasks_again_even_if_no_event_says_that_it_is_over() -> None:
    world = World(seed=3)
    web = calm_cluster(world)
    named = web.instances()[0]
    health(world, REBOOT, named.ec2_id)

    until(world, ENDS)
    assert named.status == "DRAINING"

    world.run(400)
    is_well(world, named)


@pytest.mark.parametrize("kind", ["fleet", "group"])
def test_an_instance_that_is_to_be_retired_is_replaced_once_it_is_empty(kind: str) -> None:
    world = World(seed=4)
    web = calm_cluster(world, kind)
    named = web.instances()[0]
    [machine] = [i for i in web.ec2_instances() if i.id == named.ec2_id]
    batch = web.batch_task(named, run_s=600)
    health(world, RETIREMENT, named.ec2_id)

    world.run(550)
    assert machine.alive
    assert batch.status is TaskStatus.RUNNING, "it ends by itself: there is time"

    world.run(600)
    assert not machine.alive
    assert said(world, "Retired") == ["1 instance that EC2 retires now empty: terminated, to be replaced"]
    assert len(web.running()) == 3
    assert world.account.balancing.failed_requests == 0
    assert world.account.killed_tasks == 0


@pytest.mark.parametrize("action", ["stop", "hibernate"])
def test_a_spot_instance_that_was_stopped_takes_tasks_again_once_it_runs(action: str) -> None:
    world = World(seed=5)
    web = calm_cluster(world)
    [machine] = web.reclaim(1, action)
    assert machine.container_instance
    arn = machine.container_instance.arn

    world.run(HOUR_S)
    assert machine.stopped
    assert web.state.instances[arn].status == "DRAINING", "ECS keeps the status of an instance that is stopped"
    assert not said(world, "BackInService")

    world.account.fleets.restart(machine)
    world.run(90)
    assert web.state.instances[arn].agent_connected
    assert web.state.instances[arn].status == "ACTIVE"
    assert said(world, "BackInService") == [
        "1 instance drained by service-out ACTIVE again: stopped by EC2, and running again"
    ]


def test_an_instance_that_somebody_stops_and_starts_takes_tasks_again() -> None:
    world = World(seed=6)
    web = calm_cluster(world)
    machine = web.ec2_instances()[0]
    assert machine.container_instance

    world.account.ec2.stop(machine)
    world.run(600)
    assert machine.container_instance.status == "DRAINING"

    world.account.ec2.start(machine)
    world.run(90)
    assert machine.container_instance.status == "ACTIVE"


def test_an_instance_that_runs_again_is_found_even_if_the_event_is_lost() -> None:
    world = World(seed=7)
    web = calm_cluster(world)
    [machine] = web.reclaim(1, "stop")
    assert machine.container_instance
    world.run(HOUR_S)
    world.account.ec2.on_state = lambda instance, state: None

    world.account.fleets.restart(machine)
    world.run(120)

    assert machine.container_instance.status == "ACTIVE"


def test_an_instance_that_leaves_the_warm_pool_takes_tasks_again() -> None:
    world = World(seed=8)
    web = calm_cluster(world, "group", 4, min_capacity=0)
    group: Any = web.pool
    group.reuse_on_scale_in = True
    group.desired = 3
    world.account.groups.set_desired_capacity({"AutoScalingGroupName": "web", "DesiredCapacity": 3})
    world.run(300)
    [machine] = group.warm.values()
    assert machine.container_instance.status == "DRAINING", "its hook was answered as any other"
    assert machine.stopped

    web.service("more", 8, cpu=1024, memory=1000)
    world.run(600)
    assert not group.warm
    assert machine.container_instance.status == "ACTIVE"
    assert [t for t in web.running() if t.instance is machine.container_instance]
    assert world.account.balancing.failed_requests == 0


def test_an_instance_that_scale_in_returns_to_the_warm_pool_comes_back_too() -> None:
    world = World(seed=13)
    web = world.group_cluster("web", 5, scale_in_after_seconds=60, learning="off", start_at_once_share=0)
    web.service("api", 2, cpu=500, memory=500, requests_per_s=2)
    group: Any = web.pool
    group.reuse_on_scale_in = True
    world.run(900)
    assert group.warm
    arns = {machine.container_instance.arn for machine in group.warm.values()}

    more = web.service("more", 6, cpu=1024, memory=1000)
    world.run(300)
    back = [i for i in web.instances() if i.arn in arns and i.status == "ACTIVE"]
    assert back
    assert sum(t.status is TaskStatus.RUNNING for t in more.tasks.values()) == 6
    world.run(300)
    assert all(i.status == "ACTIVE" for i in back)
    assert world.account.balancing.failed_requests == 0


def test_what_a_person_drained_by_hand_is_left_to_them_whatever_notices_come_and_go() -> None:
    world = World(seed=9)
    web = calm_cluster(world)
    mine = web.instances()[0]
    operator = world.suite.runtime("operator")
    operator.ecs.update_container_instances_state(cluster="web", containerInstances=[mine.arn], status="DRAINING")
    world.run(60)

    health(world, REBOOT, mine.ec2_id)
    world.run(300)
    health(world, REBOOT, mine.ec2_id, status="closed")
    world.run(HOUR_S)

    assert (mine.status, mine.attributes) == ("DRAINING", {})


def test_nothing_is_written_for_a_notice_after_which_the_instance_always_goes() -> None:
    world = World(seed=10)
    web = calm_cluster(world, instances=8)
    web.reclaim()
    world.run(130)

    assert puts(world) == 0
    assert world.account.killed_tasks == 0


def test_an_instance_that_cannot_carry_the_reason_is_drained_all_the_same() -> None:
    world = World(seed=11)
    web = calm_cluster(world)
    full, other = web.instances()[:2]
    full.attributes.update({f"team.{n}": "x" for n in range(10)})

    health(world, REBOOT, full.ec2_id, other.ec2_id)
    world.run(60)

    assert (full.status, other.status) == ("DRAINING", "DRAINING")
    assert "steady.drained" in other.attributes
    assert any(full.arn in line.message for line in world.suite.telemetry.log_lines if line.level == "warning")


def test_a_warning_after_the_all_clear_is_followed() -> None:
    world = World(seed=12)
    web = calm_cluster(world)
    named = web.instances()[0]
    web.batch_task(named, run_s=5 * HOUR_S)
    health(world, REBOOT, named.ec2_id)
    world.run(100)
    health(world, REBOOT, named.ec2_id, status="closed")
    world.run(5)
    assert named.status == "ACTIVE"

    world.account.spot.reclaim([i for i in web.ec2_instances() if i.id == named.ec2_id])
    world.run(125)

    assert world.account.killed_tasks == 0
    assert world.account.balancing.failed_requests == 0
