"""Notices that come together: of one instance by several ways, or of many instances at once."""

from __future__ import annotations

import pytest

from simulator.auto_scaling_group import AutoScalingGroup
from simulator.errors import AwsError
from simulator.faults import Fault, TimedOut, Try
from simulator.lifecycle_hooks import MANAGED_DRAINING, MANAGED_HEARTBEAT_S
from simulator.timing import DEFAULT, Timing
from simulator.world import World
from steady.names import HOOK_NAME


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


class Away(Fault):
    """The calls of a service fail, or with `hangs` get no answer, for `lasts_s` seconds from now on."""

    def __init__(self, world: World, prefix: str, lasts_s: float, *, hangs: bool = False) -> None:
        self.prefix, self.until, self.hangs = prefix, world.clock.now + lasts_s, hangs

    def before(self, tried: Try) -> None:
        if tried.name.startswith(self.prefix) and tried.at < self.until:
            if self.hangs:
                raise TimedOut(connected=True)
            raise AwsError("InternalError", "We encountered an internal error.", 500)


@pytest.mark.parametrize("hangs", [False, True])
@pytest.mark.parametrize("prefix", ["ecs:", "ecs:ListTasks", "ecs:DescribeTasks"])
def test_a_hook_gets_its_heartbeats_while_ecs_does_not_answer(prefix: str, *, hangs: bool) -> None:
    """Nothing but Auto Scaling is needed for a heartbeat. ECS is away for longer than the heartbeat timeout."""
    world = World(seed=6, scaling=False, timing=Timing.as_aws(exits=2.0))
    web = world.group_cluster("web", 2)
    web.service("worker", 2)
    web.batch_task(web.instances()[0], run_s=1500)
    world.run(60)
    leaving = web.ec2_instances()[0]
    world.account.groups.fail(leaving)
    world.run(400)

    world.account.endpoint.fault = Away(world, prefix, 500, hangs=hangs)
    world.run(700)
    assert leaving.alive
    world.run(1000)

    assert not leaving.alive
    assert world.account.killed_tasks == 0


@pytest.mark.parametrize(
    "name", ["PutAttributes", "DescribeServices", "DescribeTaskDefinition", "GetTaskProtection", "DescribeClusters"]
)
def test_a_call_that_hangs_costs_no_task_that_can_be_stopped_without_it(name: str) -> None:
    """A step that is killed at its timeout begins anew, and is killed again: it must give up the call before."""
    world = World(seed=5, scaling=False, timing=Timing(retry_quota=True))
    web = world.spot_cluster("web", 4)
    web.service("api", 8, requests_per_s=2, delay_s=30)
    web.service("worker", 4)
    for instance in web.instances():
        web.batch_task(instance, run_s=3600)
    world.run(60)

    world.account.endpoint.fault = Away(world, f"ecs:{name}", 500, hangs=True)
    web.reclaim(2, action="stop")
    world.run(135)

    assert world.suite.interruption_handler.timeouts == 0
    assert world.account.killed_tasks == 0


@pytest.mark.parametrize("hangs", [False, True])
def test_a_hook_whose_terms_cannot_be_read_is_served_and_answered_all_the_same(*, hangs: bool) -> None:
    world = World(seed=7, timing=Timing(retry_quota=True))
    web = world.group_cluster("web", 4, mode="paused")
    assert isinstance(web.pool, AutoScalingGroup)
    web.pool.hook = HOOK_NAME
    web.service("api", 8, requests_per_s=2, delay_s=30)
    web.batch_task(web.instances()[0], run_s=900)
    world.run(60)
    leaving = web.ec2_instances()[0]

    world.account.endpoint.fault = Away(world, "autoscaling:DescribeLifecycleHooks", 3600, hangs=hangs)
    world.account.groups.fail(leaving)
    world.run(1500)

    assert not leaving.alive
    assert (world.account.killed_tasks, world.account.balancing.failed_requests) == (0, 0)


@pytest.mark.parametrize("timing", [DEFAULT, Timing.as_aws()], ids=["lenient", "as AWS"])
def test_several_hooks_on_an_instance_are_each_held_and_completed_by_whoever_they_belong_to(timing: Timing) -> None:
    """ECS's managed draining adds a hook of its own, and somebody else may have one, too."""
    world = World(seed=8, timing=timing)
    web = world.group_cluster("web", 4, mode="paused", on_rebalance="ignore")
    assert isinstance(web.pool, AutoScalingGroup)
    web.pool.hook = HOOK_NAME
    web.pool.other_hooks = {MANAGED_DRAINING: MANAGED_HEARTBEAT_S, "backup": 900.0}
    web.service("api", 8, requests_per_s=2, delay_s=30)
    web.batch_task(web.instances()[0], run_s=400)
    world.run(60)
    leaving = web.ec2_instances()[0]
    world.account.endpoint.log = []
    world.account.groups.fail(leaving)
    world.run(880)

    # Ours and ECS's are completed; that of others is neither completed nor prolonged by us.
    assert set(web.pool.waiting[leaving.id].holds) == {"backup"}
    answered = {
        c.params["LifecycleHookName"]
        for c in world.account.endpoint.log
        if c.name.startswith("autoscaling:") and "LifecycleHookName" in c.params
    }
    assert answered == {HOOK_NAME}
    world.run(40)
    assert not leaving.alive
    assert (world.account.killed_tasks, world.account.balancing.failed_requests) == (0, 0)
