"""Other ways to handle a reclaim, for the benchmark: with the same simulated account, instances and notices."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from botocore.config import Config

from simulator.ec2 import Ec2Instance
from simulator.errors import AwsError
from simulator.spot_market import NOTICE_S
from simulator.world import World

CALLER = "peer"
SDK = Config(retries={"total_max_attempts": 5})
# Seconds after the notice at which tasks must be stopped: ECS's default stop timeout and a margin are left.
LAST_MOMENT_S = NOTICE_S - 30 - 8


def steady(world: World) -> None:
    """Let the suite handle the reclaim as it is deployed: nothing changes."""


def one_by_one(world: World) -> None:
    """Let the suite handle one instance in each invocation, so that no call serves two instances."""
    world.suite.notices.batch_size = 1
    world.suite.notices.window_s = 0.0


def agent_draining(world: World) -> None:
    """Do what the ECS agent does with ECS_ENABLE_SPOT_INSTANCE_DRAINING: set DRAINING at the notice, nothing else."""
    _handle_instead(world, lambda instance: _drain(world, instance))


def drain_then_stop(world: World) -> None:
    """Set DRAINING at the notice, and stop the remaining tasks at the last moment. No target is deregistered."""

    def handle(instance: Ec2Instance) -> None:
        _drain(world, instance)
        world.clock.sleep(LAST_MOMENT_S)
        for task in list(instance.container_instance.tasks.values()) if instance.container_instance else ():
            try:
                params = {"cluster": instance.cluster.name, "task": task.arn}
                world.account.endpoint.call(CALLER, "ecs:StopTask", params, SDK)
            except AwsError:
                continue  # throttled at every try, or the task has ended

    _handle_instead(world, handle)


HANDLINGS: Mapping[str, Callable[[World], None]] = {
    "steady": steady,
    "agent-draining": agent_draining,
    "drain-then-stop": drain_then_stop,
    "one-by-one": one_by_one,
}


def _handle_instead(world: World, handle: Callable[[Ec2Instance], None]) -> None:
    """Let `handle` handle each notice in place of the suite. Each notice has its own process.

    Notices are interruption warnings, rebalance recommendations and lifecycle hooks. Nobody completes the hooks: they
    time out. None of the peers follows AWS Health.
    """
    world.account.messaging.rules.clear()

    def begin(instance: Ec2Instance) -> None:
        world.clock.spawn(lambda: handle(instance))

    world.account.spot.on_notice = world.account.spot.on_recommendation = begin
    world.account.groups.hooks.on_held = lambda group, waiting, hold: begin(waiting.instance)


def _drain(world: World, instance: Ec2Instance) -> None:
    if instance.container_instance is None:
        return
    params = {
        "cluster": instance.cluster.name,
        "containerInstances": [instance.container_instance.arn],
        "status": "DRAINING",
    }
    world.account.endpoint.call(CALLER, "ecs:UpdateContainerInstancesState", params, SDK)
