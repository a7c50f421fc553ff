"""Notices that come together: of one instance by several ways, or of many instances at once."""

from __future__ import annotations

import pytest

from simulator.timing import Timing
from simulator.world import World


def warn(world: World, instance_id: str) -> None:
    world.account.messaging.put_event(
        {
            "detail-type": "EC2 Spot Instance Interruption Warning",
            "source": "aws.ec2",
            "detail": {"instance-id": instance_id, "instance-action": "terminate"},
        }
    )


@pytest.mark.parametrize("later_s", [20, 700])
def test_a_spot_warning_for_an_instance_that_waits_under_a_hook_brings_its_two_minutes(later_s: int) -> None:
    """A group of Spot instances ends one under its hook, which has hours; then EC2 takes the instance back."""
    world = World(seed=3)
    web = world.group_cluster("web", 4, mode="paused")
    web.service("api", 8, requests_per_s=2, delay_s=30)
    batch = web.batch_task(web.instances()[0], run_s=3600)
    world.run(60)
    leaving = web.ec2_instances()[0]
    world.account.groups.fail(leaving)
    world.run(later_s)

    warned_at = world.clock.now
    warn(world, leaving.id)
    world.clock.after(120, lambda: world.account.ec2.terminate(leaving))
    world.run(140)

    assert batch.sigterm_at is not None
    assert 70 < batch.sigterm_at - warned_at < 90, "as late as its stop timeout allows"
    assert (world.account.killed_tasks, world.account.balancing.failed_requests) == (0, 0)


def test_a_group_of_many_instances_that_is_set_to_zero_loses_no_heartbeat() -> None:
    """Each instance has a hook of its own: 150 heartbeats one after the other would take longer than a step."""
    world = World(seed=5, timing=Timing.as_aws(latency_s=0.3))
    web = world.group_cluster("web", 150, mode="paused")
    for instance in web.instances():
        web.batch_task(instance, run_s=400)
    world.run(60)

    world.account.groups.set_desired_capacity({"AutoScalingGroupName": "web", "DesiredCapacity": 0})
    world.run(900)

    assert world.account.killed_tasks == 0
    assert web.ec2_instances() == []
    assert world.suite.interruption_handler.timeouts == 0
