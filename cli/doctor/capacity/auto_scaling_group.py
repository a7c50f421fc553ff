"""Auto Scaling groups, as the doctor reads them: launch template, hooks, processes, scaling policies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from cli.doctor.capacity.templates import launch_templates, user_data_of
from cli.doctor.model import Inspection, LaunchTemplate
from steady.aws.capacity.kind import NoSuchPool
from steady.aws.runtime import Runtime
from steady.pools import PoolName


def inspect_pool(runtime: Runtime, inspection: Inspection) -> Inspection:
    """Return `inspection` with what the account says of its Auto Scaling group.

    Raises:
        NoSuchPool: if the account has no such group in this Region.
    """
    name = inspection.pool.name
    groups = runtime.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    if not groups:
        raise NoSuchPool(f"there is no Auto Scaling group {name} in this account and Region")
    group = groups[0]
    mixed = group.get("MixedInstancesPolicy", {}).get("LaunchTemplate", {}).get("LaunchTemplateSpecification")
    # Auto Scaling API, InstancesDistribution: 100 by default.
    distribution = group.get("MixedInstancesPolicy", {}).get("InstancesDistribution", {})
    on_demand_percent = distribution.get("OnDemandPercentageAboveBaseCapacity", 100)
    hooks = runtime.autoscaling.describe_lifecycle_hooks(AutoScalingGroupName=name)["LifecycleHooks"]
    policies = runtime.autoscaling.describe_policies(AutoScalingGroupName=name)["ScalingPolicies"]
    return replace(
        inspection,
        templates=(
            *launch_templates(runtime, [group.get("LaunchTemplate") or mixed]),
            *_launch_configurations(runtime, group.get("LaunchConfigurationName", "")),
        ),
        hooks=tuple(hook["LifecycleTransition"] for hook in hooks),
        spot_percent=100 - on_demand_percent,
        capacity_rebalance=group.get("CapacityRebalance", False),
        suspended=tuple(process["ProcessName"] for process in group.get("SuspendedProcesses", [])),
        policies=tuple(policy["PolicyName"] for policy in policies),
        capacity_providers=tuple(_managed_scaling(runtime, inspection.cluster, group["AutoScalingGroupARN"])),
    )


def zero_capacity_command(pool: PoolName) -> str:
    """Return the command that sets the group's minimum and desired capacity to 0."""
    return (
        f"aws autoscaling update-auto-scaling-group --auto-scaling-group-name {pool.name} --min-size 0 "
        "--desired-capacity 0"
    )


def show_command(pool: PoolName) -> str:
    """Return the command that shows the group."""
    return f"aws autoscaling describe-auto-scaling-groups --auto-scaling-group-names {pool.name}"


def _launch_configurations(runtime: Runtime, name: str) -> Iterable[LaunchTemplate]:
    if not name:
        return
    answer = runtime.autoscaling.describe_launch_configurations(LaunchConfigurationNames=[name])
    for configuration in answer["LaunchConfigurations"]:
        yield LaunchTemplate("", "", user_data_of(configuration))


def _managed_scaling(runtime: Runtime, cluster: str, group_arn: str) -> Iterable[str]:
    """Yield the names of the cluster's capacity providers that scale the group (managed scaling)."""
    [described] = runtime.ecs.describe_clusters(clusters=[cluster])["clusters"]
    names = described.get("capacityProviders", [])
    if not names:
        return
    for provider in runtime.ecs.describe_capacity_providers(capacityProviders=names)["capacityProviders"]:
        scaling = provider.get("autoScalingGroupProvider", {})
        is_on = scaling.get("managedScaling", {}).get("status") == "ENABLED"
        if is_on and scaling.get("autoScalingGroupArn") == group_arn:
            yield provider["name"]
