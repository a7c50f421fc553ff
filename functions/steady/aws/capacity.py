"""The capacity of a cluster: an Auto Scaling group's desired capacity, or a Spot Fleet's target capacity."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from botocore.exceptions import ClientError

from steady.aws.runtime import Runtime, batches
from steady.cluster import Pool, PoolKind, PoolName
from steady.drain import LifecycleHook

# A Spot Fleet has no maximum of its own (Service Quotas: target capacity 10,000 a fleet): the threshold holds.
FLEET_MAXIMUM = 10_000
TERMINATIONS_A_CALL = 1000


class NoSuchPool(ValueError):
    """The pool that a cluster's `capacity` parameter names does not exist, or no longer runs."""


def pool(runtime: Runtime, name: PoolName) -> Pool:
    """What `name` is asked for and holds now.

    Raises:
        NoSuchPool: if there is no such group or fleet in this account and Region.
    """
    return _group(runtime, name) if name.kind is PoolKind.AUTO_SCALING_GROUP else _fleet(runtime, name)


def set_target(runtime: Runtime, pool: Pool, target: int) -> None:
    """Asks `pool` for `target` units of capacity: an absolute figure, so that doing it twice is doing it once."""
    if pool.name.kind is PoolKind.AUTO_SCALING_GROUP:
        runtime.autoscaling.set_desired_capacity(
            AutoScalingGroupName=pool.name.name, DesiredCapacity=target, HonorCooldown=False
        )
    elif target >= pool.target:
        runtime.ec2.modify_spot_fleet_request(SpotFleetRequestId=pool.name.name, TargetCapacity=target)
    else:
        _lower_fleet(runtime, pool, target)


def terminate(runtime: Runtime, pool: Pool, instance_ids: Sequence[str], target: int) -> None:
    """Terminates emptied instances of `pool` so that it does not replace them: its target becomes `target`."""
    if pool.name.kind is PoolKind.AUTO_SCALING_GROUP:
        # Where the minimum forbids a decrement, the group replaces the instance.
        decrements = pool.target - target
        for done, instance_id in enumerate(instance_ids):
            _terminate_in_group(runtime, instance_id, decrement=done < decrements)
        return
    _lower_fleet(runtime, pool, target)
    for batch in batches(instance_ids, TERMINATIONS_A_CALL):
        runtime.ec2.terminate_instances(InstanceIds=batch)


def _lower_fleet(runtime: Runtime, pool: Pool, target: int) -> None:
    # The fleet must not choose what to take: it is lowered without terminations, and we take what is empty.
    runtime.ec2.modify_spot_fleet_request(
        SpotFleetRequestId=pool.name.name, TargetCapacity=target, ExcessCapacityTerminationPolicy="noTermination"
    )


def pools_of(runtime: Runtime, instance_ids: Iterable[str]) -> dict[str, PoolName]:
    """Which pool each of `instance_ids` belongs to, by its tags. Instances of no pool, or gone, are not in it."""
    found = {}
    for batch in batches(sorted(set(instance_ids)), 200):
        # A filter, unlike InstanceIds, leaves out what is gone instead of failing.
        pages = runtime.ec2.get_paginator("describe_instances").paginate(
            Filters=[{"Name": "instance-id", "Values": batch}]
        )
        for page in pages:
            for reservation in page["Reservations"]:
                for instance in reservation["Instances"]:
                    name = _pool_of({t["Key"]: t["Value"] for t in instance.get("Tags", [])})
                    if name:
                        found[instance["InstanceId"]] = name
    return found


@dataclass(frozen=True, slots=True)
class HookTimeouts:
    """How long a lifecycle hook waits, in seconds: from one heartbeat to the next, and in all."""

    heartbeat_s: int
    global_s: int


def hook_timeouts(runtime: Runtime, hook: LifecycleHook) -> HookTimeouts:
    """The timeouts of `hook`. One that was deleted meanwhile waits no longer: both are 0."""
    hooks = runtime.autoscaling.describe_lifecycle_hooks(
        AutoScalingGroupName=hook.group, LifecycleHookNames=[hook.name]
    )["LifecycleHooks"]
    if not hooks:
        return HookTimeouts(0, 0)
    heartbeat_s = hooks[0].get("HeartbeatTimeout", 3600)
    # Auto Scaling: 48 hours or 100 heartbeats, whichever is less.
    return HookTimeouts(heartbeat_s, hooks[0].get("GlobalTimeout", min(172_800, 100 * heartbeat_s)))


def beat(runtime: Runtime, hook: LifecycleHook) -> None:
    """Makes `hook` wait for another heartbeat timeout."""
    with _hook_that_may_be_gone():
        runtime.autoscaling.record_lifecycle_action_heartbeat(
            AutoScalingGroupName=hook.group, LifecycleHookName=hook.name, LifecycleActionToken=hook.token
        )


def complete(runtime: Runtime, hook: LifecycleHook) -> None:
    """Lets the instance that `hook` holds go on to its termination."""
    with _hook_that_may_be_gone():
        runtime.autoscaling.complete_lifecycle_action(
            AutoScalingGroupName=hook.group,
            LifecycleHookName=hook.name,
            LifecycleActionToken=hook.token,
            LifecycleActionResult="CONTINUE",
        )


@contextmanager
def _hook_that_may_be_gone() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        # "No active Lifecycle Action found": completed already, or timed out.
        if error.response["Error"]["Code"] != "ValidationError":
            raise


def _pool_of(tags: dict[str, str]) -> PoolName | None:
    if fleet := tags.get("aws:ec2spot:fleet-request-id"):
        return PoolName(PoolKind.SPOT_FLEET, fleet)
    if group := tags.get("aws:autoscaling:groupName"):
        return PoolName(PoolKind.AUTO_SCALING_GROUP, group)
    return None


def _group(runtime: Runtime, name: PoolName) -> Pool:
    groups = runtime.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name.name])["AutoScalingGroups"]
    if not groups:
        raise NoSuchPool(f"there is no Auto Scaling group {name.name} in this account and Region: correct the capacity")
    group = groups[0]
    return Pool(
        name,
        target=group["DesiredCapacity"],
        minimum=group["MinSize"],
        maximum=group["MaxSize"],
        # An instance that is on its way out (Terminating, Terminating:Wait, Detaching, Standby) does not count.
        members={
            i["InstanceId"]: i.get("InstanceType", "")
            for i in group["Instances"]
            if i["LifecycleState"].startswith(("Pending", "InService"))
        },
    )


def _fleet(runtime: Runtime, name: PoolName) -> Pool:
    try:
        requests = runtime.ec2.describe_spot_fleet_requests(SpotFleetRequestIds=[name.name])["SpotFleetRequestConfigs"]
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("InvalidSpotFleetRequestId.NotFound", "InvalidParameterValue"):
            raise
        requests = []
    if not requests or str(requests[0]["SpotFleetRequestState"]).startswith("cancelled"):
        raise NoSuchPool(f"there is no running Spot Fleet request {name.name} in this account: correct the capacity")
    config = requests[0]["SpotFleetRequestConfig"]
    pages = runtime.ec2.get_paginator("describe_spot_fleet_instances").paginate(SpotFleetRequestId=name.name)
    members = {i["InstanceId"]: i.get("InstanceType", "") for page in pages for i in page["ActiveInstances"]}
    weights = {
        str(s["InstanceType"]): int(s["WeightedCapacity"])
        for s in config.get("LaunchSpecifications", [])
        if s.get("InstanceType") and s.get("WeightedCapacity")
    }
    for template in config.get("LaunchTemplateConfigs", []):
        weights |= {
            str(o["InstanceType"]): int(o["WeightedCapacity"])
            for o in template.get("Overrides", [])
            if o.get("InstanceType") and o.get("WeightedCapacity")
        }
    return Pool(name, config["TargetCapacity"], 0, FLEET_MAXIMUM, members, weights)


def _terminate_in_group(runtime: Runtime, instance_id: str, *, decrement: bool) -> None:
    try:
        runtime.autoscaling.terminate_instance_in_auto_scaling_group(
            InstanceId=instance_id, ShouldDecrementDesiredCapacity=decrement
        )
    except ClientError as error:
        # A repeated call finds the instance gone or going already; anything else is for the caller.
        message = error.response["Error"]["Message"]
        if "not found" not in message.lower() and "terminating" not in message.lower():
            raise
