"""Every kind of notice on the simulated account: foreign, malformed, repeated, early, or of another service."""

from __future__ import annotations

import json
from typing import Any

import pytest

from interruption_handler.notices import capacity_block_expiration, health_change
from simulator.ecs.state import TaskStatus
from simulator.world import World
from steady.aws.service_out.locate import merge
from steady.names import CLUSTER_TAG
from steady.service_out.doomed import Doomed, LifecycleHook
from tests.simulator.reclaims import busy_fleet

WRITES = {
    "ecs:UpdateContainerInstancesState",
    "ecs:StopTask",
    "elbv2:DeregisterTargets",
    "ec2:ModifySpotFleetRequest",
    "ec2:TerminateInstances",
    "autoscaling:SetDesiredCapacity",
    "autoscaling:CompleteLifecycleAction",
    "dynamodb:PutItem",
}


def test_a_notice_that_comes_before_the_instance_has_registered_is_not_forgotten() -> None:
    world = World(seed=5, boot_s=60)
    fleet = world.spot_cluster("web", 1, mode="paused")
    fleet.pool.target = 2  # type: ignore[union-attr]
    world.account.spot.set_available(fleet.pool, 1.0)  # type: ignore[arg-type]
    world.run(12)
    booting = next(i for i in fleet.ec2_instances() if i.container_instance is None)
    fleet.service("api", 20, requests_per_s=2)

    world.account.spot.reclaim([booting])
    world.run(125)

    assert booting.container_instance is not None, "it registered meanwhile"
    assert world.account.killed_tasks == 0
    assert world.account.balancing.failed_requests == 0


def test_two_messages_about_one_instance_leave_it_the_nearer_deadline_and_all_its_hooks() -> None:
    ours, theirs = LifecycleHook("web", "drain", "token"), LifecycleHook("web", "backup", "another token")
    sooner = Doomed("i-1", "web", 100.0, "arn-1", (theirs,))
    hooked = Doomed("i-1", "web", 900.0, "arn-1", (ours,))

    for one, other in ((sooner, hooked), (hooked, sooner)):
        assert merge(one, other) == Doomed("i-1", "web", 100.0, "arn-1", (theirs, ours))


def test_a_notice_for_an_instance_that_is_none_of_ours_writes_nothing() -> None:
    world = World(seed=7)
    busy_fleet(world)
    foreign = world.spot_cluster("theirs", 2, managed=False)
    foreign.service("api", 4, requests_per_s=2)
    world.run(30)

    world.account.endpoint.log = []
    foreign.reclaim(1)
    world.account.messaging.put_event(_warning("i-00000000000dead00"))
    world.run(30)

    assert [c.name for c in world.account.endpoint.log if c.name in WRITES] == []
    assert world.suite.telemetry.counts["ForeignNotices"] >= 2


def test_a_malformed_notice_is_set_aside_with_its_reason_and_the_good_ones_of_its_batch_are_handled() -> None:
    world = World(seed=8)
    fleet = busy_fleet(world)
    bad = _warning("i-1") | {"detail": {"instance-action": "terminate"}}

    fleet.reclaim(1)
    world.account.messaging.put_event(bad)
    world.run(10)

    dead = world.suite.notices.dead_letters
    assert dead is not None
    assert len({m.body for m in dead.messages}) == 1
    assert "detail.instance-id is None: a text of 1 to 255" in dead.messages[0].attributes["error"]["StringValue"]
    assert json.loads(dead.messages[0].body)["detail"] == bad["detail"]
    assert sum(i.status == "DRAINING" for i in fleet.instances()) == 1


@pytest.mark.parametrize("duplicates", [0.0, 1.0])
def test_notices_twice_and_out_of_order_end_in_the_same_state(duplicates: float) -> None:
    world = World(seed=9, duplicates=duplicates)
    fleet = busy_fleet(world)

    doomed = {i.id for i in fleet.reclaim(2)}
    world.run(118)

    assert {i.ec2_id for i in fleet.instances() if i.status == "DRAINING"} == doomed
    assert [t for t in fleet.tasks() if t.instance.ec2_id in doomed] == []
    assert world.account.balancing.failed_requests == 0


def test_an_instance_that_vanishes_without_a_word_takes_no_more_requests_at_once() -> None:
    world = World(seed=12)
    fleet = busy_fleet(world, instances=3)
    gone = fleet.ec2_instances()[0]
    targets = [t for task in fleet.tasks() if task.instance.ec2_id == gone.id for t in task.targets]

    world.account.ec2.terminate(gone)
    world.run(5)

    assert targets
    assert all(t.deregistered_at is not None for t in targets)


@pytest.mark.parametrize(("choice", "status"), [("ignore", "ACTIVE"), ("drain", "DRAINING")])
def test_a_rebalance_recommendation_is_followed_where_the_operator_says_so(choice: str, status: str) -> None:
    world = World(seed=13)
    fleet = world.spot_cluster("web", 2, mode="paused", on_rebalance=choice)
    fleet.service("api", 2, requests_per_s=2)
    batch = fleet.batch_task(fleet.instances()[0], run_s=3600)
    world.run(60)

    world.account.messaging.put_event(_event("EC2 Instance Rebalance Recommendation", batch.instance.ec2_id))
    world.run(600)

    assert batch.instance.status == status
    assert batch.status is TaskStatus.RUNNING, "without a deadline, no batch task is given up"

    world.account.spot.reclaim([i for i in fleet.ec2_instances() if i.id == batch.instance.ec2_id])
    world.run(118)
    assert batch.status is TaskStatus.STOPPED, "the warning brings the deadline"
    assert world.account.balancing.failed_requests == 0


def test_batch_tasks_of_a_fleet_that_terminates_at_a_delay_are_stopped_before_it() -> None:
    world = World(seed=13)
    fleet = world.spot_cluster("web", 2, mode="paused", on_rebalance="drain", rebalance_deadline_seconds=900)
    batch = fleet.batch_task(fleet.instances()[0], run_s=3600)
    world.run(60)

    world.account.messaging.put_event(_event("EC2 Instance Rebalance Recommendation", batch.instance.ec2_id))
    world.run(840)
    assert batch.status is TaskStatus.RUNNING

    world.run(58)
    assert batch.status is TaskStatus.STOPPED


def test_an_instance_of_a_fleet_that_was_replaced_is_still_served_out_by_its_tag() -> None:
    world = World(seed=13)
    fleet = world.spot_cluster("web", 2, mode="paused")
    fleet.service("api", 4, requests_per_s=2)
    for instance in fleet.ec2_instances():
        instance.tags[CLUSTER_TAG] = "web"
    world.account.parameters.put("/steady/clusters/web/capacity", "spot-fleet:sfr-another")
    world.run(60)

    fleet.reclaim()
    world.run(125)

    assert world.account.killed_tasks == 0
    assert world.account.balancing.failed_requests == 0


@pytest.mark.parametrize(
    ("status", "entity"), [("closed", "PENDING"), ("open", "RESOLVED")], ids=["closed event", "resolved entity"]
)
def test_a_health_event_whose_maintenance_is_over_stops_nothing(status: str, entity: str) -> None:
    world = World(seed=14)
    fleet = world.spot_cluster("web", 2, mode="paused")
    fleet.service("api", 2, requests_per_s=2)
    world.run(60)
    well = [task.arn for task in fleet.tasks()]

    event = dict(health_change.SAMPLE)
    entities = [{"entityValue": i.ec2_id, "status": entity} for i in fleet.instances()]
    event["detail"] = {**event["detail"], "statusCode": status, "affectedEntities": entities}
    world.account.messaging.put_event({k: event[k] for k in ("detail-type", "source", "detail")})
    world.run(120)

    assert {i.status for i in fleet.instances()} == {"ACTIVE"}
    assert [task.arn for task in fleet.tasks()] == well


def test_a_health_event_drains_every_instance_that_it_names() -> None:
    world = World(seed=14)
    fleet = world.spot_cluster("web", 12, mode="paused")
    fleet.service("api", 12, requests_per_s=2)
    world.run(60)
    named = [i.ec2_id for i in fleet.instances()[:10]]

    world.account.messaging.put_event(
        {
            "detail-type": "AWS Health Event",
            "source": "aws.health",
            "detail": {
                "service": "EC2",
                "eventTypeCategory": "scheduledChange",
                "eventTypeCode": "AWS_EC2_PERSISTENT_INSTANCE_RETIREMENT_SCHEDULED",
                "affectedEntities": [{"entityValue": id_} for id_ in named],
            },
        }
    )
    world.run(120)

    assert {i.ec2_id for i in fleet.instances() if i.status == "DRAINING"} == set(named)
    assert [t for t in fleet.tasks() if t.instance.ec2_id in named] == []
    assert world.account.balancing.failed_requests == 0


def test_the_instances_in_a_capacity_block_that_ends_are_emptied_before_it_although_none_is_named() -> None:
    world = World(seed=15)
    fleet = world.spot_cluster("web", 4, mode="paused")
    fleet.service("api", 8, requests_per_s=2)
    world.run(60)
    inside, others = fleet.ec2_instances()[:2], fleet.ec2_instances()[2:]
    for instance in inside:
        instance.reservation = "cr-0b662ef9931388ba0"
    batch = fleet.batch_task(inside[0].container_instance, run_s=3600)  # type: ignore[arg-type]
    world.run(10)

    event = capacity_block_expiration.SAMPLE
    world.account.messaging.put_event({k: event[k] for k in ("detail-type", "source", "detail")})
    world.run(520)
    assert batch.status is TaskStatus.RUNNING, "ten minutes are left"
    world.run(78)
    for instance in inside:
        world.account.ec2.terminate(instance)
    world.run(20)

    assert world.account.killed_tasks == 0
    assert world.account.balancing.failed_requests == 0
    assert {i.container_instance.status for i in others if i.container_instance} == {"ACTIVE"}


def _event(detail_type: str, instance_id: str) -> dict[str, Any]:
    return {"detail-type": detail_type, "source": "aws.ec2", "detail": {"instance-id": instance_id}}


def _warning(instance_id: str) -> dict[str, Any]:
    return {
        "detail-type": "EC2 Spot Instance Interruption Warning",
        "source": "aws.ec2",
        "detail": {"instance-id": instance_id, "instance-action": "terminate"},
    }
