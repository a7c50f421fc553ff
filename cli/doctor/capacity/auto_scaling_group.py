"""Auto Scaling groups, as the doctor reads them: launch template, hooks, processes, scaling policies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from shlex import quote
from typing import TYPE_CHECKING

from cli.doctor.capacity.templates import launch_templates, user_data_of
from cli.doctor.model import Inspection, LaunchTemplate
from steady.arns import group_of
from steady.aws.capacity.auto_scaling_group import PROVIDERS_A_PAGE
from steady.aws.capacity.kind import NoSuchPool
from steady.aws.runtime import Runtime, batches
from steady.aws.service_out.hooks import MANAGED_DRAINING
from steady.pools import PoolName

if TYPE_CHECKING:
    from mypy_boto3_autoscaling.type_defs import LifecycleHookTypeDef
    from mypy_boto3_ecs.type_defs import DescribeCapacityProvidersResponseTypeDef

# The scaling policy that ECS adds to the group of a capacity provider with managed scaling begins with this.
MANAGED_POLICY = "ECSManagedAutoScalingPolicy-"


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
    pages = runtime.autoscaling.get_paginator("describe_policies").paginate(AutoScalingGroupName=name)
    policies = [policy["PolicyName"] for page in pages for policy in page["ScalingPolicies"]]
    actions = runtime.autoscaling.get_paginator("describe_scheduled_actions").paginate(AutoScalingGroupName=name)
    has_policy = any(policy.startswith(MANAGED_POLICY) for policy in policies)
    scalers = _managed_scaling(runtime, inspection.cluster, name, has_policy=has_policy)
    return replace(
        inspection,
        templates=(
            *launch_templates(runtime, [group.get("LaunchTemplate") or mixed]),
            *_launch_configurations(runtime, group.get("LaunchConfigurationName", "")),
        ),
        hooks=tuple(hook["LifecycleTransition"] for hook in hooks_to_answer(runtime, inspection.pool)),
        spot_percent=100 - on_demand_percent,
        capacity_rebalance=group.get("CapacityRebalance", False),
        suspended=tuple(process["ProcessName"] for process in group.get("SuspendedProcesses", [])),
        # ECS's own policy goes when managed scaling is turned off.
        policies=tuple(policy for policy in policies if not (scalers and policy.startswith(MANAGED_POLICY))),
        schedules=tuple(one["ScheduledActionName"] for page in actions for one in page["ScheduledUpdateGroupActions"]),
        capacity_providers=scalers,
    )


def zero_capacity_command(pool: PoolName) -> str:
    """Return the command that sets the group's minimum and desired capacity to 0."""
    return (
        f"aws autoscaling update-auto-scaling-group --auto-scaling-group-name {quote(pool.name)} --min-size 0 "
        "--desired-capacity 0"
    )


def show_command(pool: PoolName) -> str:
    """Return the command that shows the group."""
    return f"aws autoscaling describe-auto-scaling-groups --auto-scaling-group-names {quote(pool.name)}"


def _launch_configurations(runtime: Runtime, name: str) -> Iterable[LaunchTemplate]:
    if not name:
        return
    answer = runtime.autoscaling.describe_launch_configurations(LaunchConfigurationNames=[name])
    for configuration in answer["LaunchConfigurations"]:
        yield LaunchTemplate("", "", user_data_of(configuration))


def hooks_to_answer(runtime: Runtime, pool: PoolName) -> list[LifecycleHookTypeDef]:
    """Return the group's lifecycle hooks without the one that ECS adds for managed draining, and answers itself."""
    hooks = runtime.autoscaling.describe_lifecycle_hooks(AutoScalingGroupName=pool.name)["LifecycleHooks"]
    return [hook for hook in hooks if hook["LifecycleHookName"] != MANAGED_DRAINING]


def _managed_scaling(runtime: Runtime, cluster: str, group: str, *, has_policy: bool) -> tuple[str, ...]:
    """Return the names of the capacity providers that scale the group (managed scaling).

    Args:
        has_policy: whether the group has the scaling policy of one: it may be another cluster's, or none's any more.
    """
    [described] = runtime.ecs.describe_clusters(clusters=[cluster])["clusters"]
    of_cluster = batches(described.get("capacityProviders", []), PROVIDERS_A_PAGE)
    pages = (runtime.ecs.describe_capacity_providers(capacityProviders=batch) for batch in of_cluster)
    found = tuple(name for page in pages for name in _scaling(page, group))
    if found or not has_policy:
        return found
    return tuple(name for page in _every_provider(runtime) for name in _scaling(page, group))


def _every_provider(runtime: Runtime) -> Iterable[DescribeCapacityProvidersResponseTypeDef]:
    page = runtime.ecs.describe_capacity_providers()
    yield page
    while token := page.get("nextToken"):
        page = runtime.ecs.describe_capacity_providers(nextToken=token)
        yield page


def _scaling(page: DescribeCapacityProvidersResponseTypeDef, group: str) -> Iterable[str]:
    for provider in page["capacityProviders"]:
        scaling = provider.get("autoScalingGroupProvider", {})
        is_on = scaling.get("managedScaling", {}).get("status") == "ENABLED"
        if is_on and group_of(scaling.get("autoScalingGroupArn", "")) == group:
            yield provider["name"]
