"""Drain marks that cannot be written, and notices that come after their own end: neither keeps anybody from service."""

from __future__ import annotations

from typing import Any

from interruption_handler.notices import rebalance_recommendation
from simulator.ecs.state import TaskStatus
from simulator.errors import AwsError
from simulator.faults import Fault, Try
from simulator.world import SimulatedCluster, World


class RefusedAll(Fault):
    """Every call with one of these names is denied."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def before(self, tried: Try) -> None:
        if tried.name in self.names:
            raise AwsError("AccessDeniedException", f"not authorized to perform: {tried.name}", 403)


def calm_cluster(world: World) -> SimulatedCluster:
    web = world.spot_cluster("web", 3, on_rebalance="drain", scale_in_after_seconds=86_400, learning="off")
    web.service("api", 3, requests_per_s=2)
    world.run(60)
    return web


def recommendation(instance_id: str) -> dict[str, Any]:
    sample = rebalance_recommendation.SAMPLE
    return {"detail-type": sample["detail-type"], "source": sample["source"], "detail": {"instance-id": instance_id}}


def test_an_instance_is_served_out_even_if_neither_its_mark_nor_a_message_about_it_can_be_written() -> None:
    world = World(seed=1)
    web = calm_cluster(world)
    world.account.endpoint.fault = RefusedAll("ecs:PutAttributes", "sqs:SendMessage")

    [machine] = web.reclaim(1, "stop")
    world.run(125)

    assert machine.container_instance
    assert machine.container_instance.status == "DRAINING"
    assert world.account.killed_tasks == 0
    assert world.account.balancing.failed_requests == 0
    assert any("carry no drain mark" in error for error in world.suite.telemetry.errors())


def test_a_notice_that_comes_after_its_own_end_drains_nobody() -> None:
    world = World(seed=2, duplicates=0.0)
    web = calm_cluster(world)
    named = web.instances()[0]
    batch = web.batch_task(named, run_s=36_000)
    at = world.clock.now

    world.account.messaging.put_event(recommendation(named.ec2_id))
    world.run(60)
    assert named.status == "DRAINING"
    operator = world.suite.runtime("operator")
    value = f"rebalance:{int(at) + 30}:{int(world.clock.now)}:over"
    operator.ecs.put_attributes(
        cluster="web", attributes=[{"name": "steady.drained", "targetId": named.arn, "value": value}]
    )
    world.run(70)
    assert named.status == "ACTIVE"

    late = {**recommendation(named.ec2_id), "time": "2026-01-01T00:00:01Z"}
    world.account.messaging.put_event(late)
    seen = set()
    for _ in range(60):
        world.run(5)
        seen.add(named.status)

    assert seen == {"ACTIVE"}
    assert batch.status is TaskStatus.RUNNING
