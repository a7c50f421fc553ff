"""The functions' permissions: exactly the actions that they call, on the pools and clusters of cdk.json."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb

from infra.queue_function import QueueFunction
from infra.settings.target import Settings
from steady.names import API_BUDGET_KEY, CLUSTER_TAG, CLUSTERS_PATH, DEFAULTS_PATH, DEPLOYED_PATH, LEASE_KEY
from steady.pools import PoolKind


def may_read_thresholds(function: QueueFunction) -> None:
    """Allow to read all parameters and their history, where the newest valid value is looked up."""
    arns = _parameters(function, DEPLOYED_PATH, DEFAULTS_PATH, CLUSTERS_PATH)
    function.allow(["ssm:GetParametersByPath", "ssm:GetParameterHistory"], arns)


def may_read_clusters(function: QueueFunction, settings: Settings) -> None:
    """Allow to read container instances, services and tasks of the managed clusters."""
    stack = cdk.Stack.of(function)
    clusters = _clusters(stack, settings)
    function.allow(["ecs:ListContainerInstances", "ecs:DescribeClusters"], clusters)
    only_ours = _only_ours(stack, settings)
    function.allow(["ecs:DescribeContainerInstances"], _within(stack, settings, "container-instance"), **only_ours)
    function.allow(["ecs:DescribeTasks"], _within(stack, settings, "task"), **only_ours)
    function.allow(["ecs:DescribeServices"], _within(stack, settings, "service"), **only_ours)
    # ListTasks takes a container instance as its resource, or none; the condition limits it to our clusters.
    function.allow(["ecs:ListTasks"], ["*"], **only_ours)
    # DescribeTaskDefinition has neither a resource nor a condition (Service Authorization Reference, ECS).
    function.allow(["ecs:DescribeTaskDefinition"], ["*"])


def may_list_services(function: QueueFunction, settings: Settings) -> None:
    # ListServices has no resource; the condition limits it to our clusters.
    function.allow(["ecs:ListServices"], ["*"], **_only_ours(cdk.Stack.of(function), settings))


def may_change_instances(function: QueueFunction, settings: Settings) -> None:
    stack = cdk.Stack.of(function)
    only_ours = _only_ours(stack, settings)
    function.allow(["ecs:UpdateContainerInstancesState"], _within(stack, settings, "container-instance"), **only_ours)


def may_write_drain_marks(function: QueueFunction, settings: Settings) -> None:
    stack = cdk.Stack.of(function)
    function.allow(["ecs:PutAttributes"], _within(stack, settings, "container-instance"), **_only_ours(stack, settings))


def may_delete_drain_marks(function: QueueFunction, settings: Settings) -> None:
    stack = cdk.Stack.of(function)
    function.allow(
        ["ecs:DeleteAttributes"], _within(stack, settings, "container-instance"), **_only_ours(stack, settings)
    )


def may_stop_tasks(function: QueueFunction, settings: Settings) -> None:
    stack = cdk.Stack.of(function)
    only_ours = _only_ours(stack, settings)
    function.allow(["ecs:StopTask"], _within(stack, settings, "task"), **only_ours)


def may_read_protection(function: QueueFunction, settings: Settings) -> None:
    stack = cdk.Stack.of(function)
    only_ours = _only_ours(stack, settings)
    function.allow(["ecs:GetTaskProtection"], _within(stack, settings, "task"), **only_ours)


def may_read_revisions(function: QueueFunction, settings: Settings) -> None:
    stack = cdk.Stack.of(function)
    function.allow(["ecs:DescribeServiceRevisions"], _within(stack, settings, "service-revision"))


def may_deregister_targets(function: QueueFunction) -> None:
    """Allow to deregister any target, and to read target groups and the pools that register their instances.

    Cloud Map deletes the DNS record of what is deregistered in the name of its caller (Cloud Map Developer Guide,
    "Using identity-based policies").
    """
    stack = cdk.Stack.of(function)
    groups = stack.format_arn(service="elasticloadbalancing", resource="targetgroup", resource_name="*")
    function.allow(["elasticloadbalancing:DeregisterTargets"], [groups])
    registries = stack.format_arn(service="servicediscovery", resource="service", resource_name="*")
    function.allow(["servicediscovery:DeregisterInstance"], [registries])
    zones = stack.format_arn(service="route53", region="", account="", resource="hostedzone", resource_name="*")
    only_delete = {"ForAllValues:StringEquals": {"route53:ChangeResourceRecordSetsActions": ["DELETE"]}}
    function.allow(["route53:ChangeResourceRecordSets"], [zones], **only_delete)
    # Describe actions of ELB, Auto Scaling and EC2 have no resources.
    function.allow(["elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetHealth"], ["*"])
    # Both kinds: an instance may be of a pool that the cluster had before.
    function.allow(["autoscaling:DescribeAutoScalingGroups", "ec2:DescribeSpotFleetRequests"], ["*"])


def may_find_pools(function: QueueFunction) -> None:
    # Describe actions of EC2 have no resources.
    function.allow(["ec2:DescribeInstances"], ["*"])


def may_answer_hooks(function: QueueFunction, settings: Settings) -> None:
    groups = _groups(cdk.Stack.of(function), settings)
    if groups:
        function.allow(["autoscaling:CompleteLifecycleAction", "autoscaling:RecordLifecycleActionHeartbeat"], groups)
        # Describe actions of Auto Scaling have no resources.
        function.allow(["autoscaling:DescribeLifecycleHooks"], ["*"])


def may_change_capacity(function: QueueFunction, settings: Settings) -> None:
    """Allow to set capacity and to terminate instances, of the pools of cdk.json only, and to read what is theirs."""
    stack = cdk.Stack.of(function)
    # Describe actions of EC2 have no resources.
    function.allow(["ec2:DescribeInstanceTypes"], ["*"])
    groups = _groups(stack, settings)
    if groups:
        # Whose a capacity provider is, is not known before it is read.
        providers = stack.format_arn(service="ecs", resource="capacity-provider", resource_name="*")
        function.allow(["ecs:DescribeCapacityProviders"], [providers])
        function.allow(["autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeScalingActivities"], ["*"])
        function.allow(["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"], groups)
    spot_groups = _group_arns(stack, settings.may_hold_spot(PoolKind.AUTO_SCALING_GROUP))
    if spot_groups:
        # The on-demand base of a group's mixed instances policy, and not its bounds or its subnets.
        unchanged = {f"autoscaling:{key}": "true" for key in ("MaxSize", "MinSize", "VPCZoneIdentifiers")}
        function.allow(["autoscaling:UpdateAutoScalingGroup"], spot_groups, Null=unchanged)
        # How an instance is bought, EC2 alone says.
        function.allow(["ec2:DescribeInstances"], ["*"])
    fleets, fleet_clusters = settings.adopted_pools(PoolKind.SPOT_FLEET), settings.made_on(PoolKind.SPOT_FLEET)
    if fleets or fleet_clusters:
        function.allow([f"ec2:DescribeSpotFleet{of}" for of in ("Requests", "Instances", "RequestHistory")], ["*"])
    instances = [stack.format_arn(service="ec2", resource="instance", resource_name="*")]
    if fleets:
        function.allow(["ec2:ModifySpotFleetRequest"], [_fleet(stack, fleet) for fleet in fleets])
        only_theirs = {"aws:ResourceTag/aws:ec2spot:fleet-request-id": fleets}
        function.allow(["ec2:TerminateInstances"], instances, StringEquals=only_theirs)
    if fleet_clusters:
        # EC2 chooses a made fleet's id, and another one when the fleet is replaced. So the fleet is told by its tag.
        only_made = {f"aws:ResourceTag/{CLUSTER_TAG}": fleet_clusters}
        function.allow(["ec2:ModifySpotFleetRequest"], [_fleet(stack, "*")], StringEquals=only_made)
        function.allow(["ec2:TerminateInstances"], instances, StringEquals=only_made)


def may_lease(function: QueueFunction, ledger: dynamodb.ITable) -> None:
    """Allow to write the ledger's items with the leases of service-out, and the one that counts ECS calls."""
    only_those = {"dynamodb:LeadingKeys": [API_BUDGET_KEY, f"{LEASE_KEY}*"]}
    function.allow(["dynamodb:UpdateItem"], [ledger.table_arn], **{"ForAllValues:StringLike": only_those})


def _parameters(function: QueueFunction, *paths: str) -> list[str]:
    stack = cdk.Stack.of(function)
    arns = [stack.format_arn(service="ssm", resource="parameter", resource_name=path.strip("/")) for path in paths]
    return [arn + suffix for arn in arns for suffix in ("", "/*")]


def _clusters(stack: cdk.Stack, settings: Settings) -> list[str]:
    return [stack.format_arn(service="ecs", resource="cluster", resource_name=c.name) for c in settings.clusters]


def _only_ours(stack: cdk.Stack, settings: Settings) -> dict[str, Mapping[str, object]]:
    return {"ArnEquals": {"ecs:cluster": _clusters(stack, settings)}}


def _within(stack: cdk.Stack, settings: Settings, kind: str) -> list[str]:
    return [
        stack.format_arn(service="ecs", resource=kind, resource_name=f"{cluster.name}/*")
        for cluster in settings.clusters
    ]


def _fleet(stack: cdk.Stack, fleet: str) -> str:
    return stack.format_arn(service="ec2", resource="spot-fleet-request", resource_name=fleet)


def _groups(stack: cdk.Stack, settings: Settings) -> list[str]:
    group = PoolKind.AUTO_SCALING_GROUP
    # A group that is made has the name of its cluster.
    return _group_arns(stack, [*settings.adopted_pools(group), *settings.made_on(group)])


def _group_arns(stack: cdk.Stack, names: Iterable[str]) -> list[str]:
    return [
        stack.format_arn(
            service="autoscaling",
            resource="autoScalingGroup",
            resource_name=f"*:autoScalingGroupName/{name}",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        for name in names
    ]
