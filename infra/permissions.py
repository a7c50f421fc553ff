"""The functions' permissions: exactly the actions that they call, on the pools and clusters of cdk.json."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb

from infra.many_clusters import STATEMENT_CHARACTERS, in_chunks
from infra.queue_function import QueueFunction
from infra.settings.target import Settings
from steady.names import API_BUDGET_KEY, BASE_TAG, CLUSTER_TAG, CLUSTERS_PATH, DEFAULTS_PATH, DEPLOYED_PATH, LEASE_KEY
from steady.pools import PoolKind

READ = ("ecs:DescribeContainerInstances", "ecs:DescribeServices", "ecs:DescribeTasks", "ecs:ListTasks")

# Parameters of UpdateAutoScalingGroup that no function sends.
UNCHANGED = ("MaxSize", "MinSize", "VPCZoneIdentifiers")
# What a launch makes.
LAUNCHED = ("instance", "network-interface", "volume")
# CloudFormation: so many characters of the stack's name are in the name of a role that it makes.
LONGEST_IN_A_NAME = 24


def may_read_thresholds(function: QueueFunction) -> None:
    """Allow to read all parameters and their history, where the newest valid value is looked up."""
    arns = _parameters(function, DEPLOYED_PATH, DEFAULTS_PATH, CLUSTERS_PATH)
    function.allow(["ssm:GetParametersByPath", "ssm:GetParameterHistory"], arns)


def may_work_in_clusters(function: QueueFunction, settings: Settings, *actions: str) -> None:
    """Allow to read the managed clusters, with their container instances, services and tasks; and `actions` in them.

    A condition names the clusters, and not the resources' ARNs: a list for each kind is more than a role may hold, an
    ARN of the old format has no cluster (ECS Developer Guide, "Amazon Resource Names (ARNs) and IDs"), and ListTasks
    and ListServices have no resource.
    """
    stack = cdk.Stack.of(function)
    for names in _in_chunks([c.name for c in settings.clusters]):
        clusters = [stack.format_arn(service="ecs", resource="cluster", resource_name=name) for name in names]
        function.allow(["ecs:ListContainerInstances", "ecs:DescribeClusters"], clusters)
        function.allow([*READ, *actions], ["*"], ArnEquals={"ecs:cluster": clusters})
    # DescribeTaskDefinition has neither a resource nor a condition (Service Authorization Reference, ECS).
    function.allow(["ecs:DescribeTaskDefinition"], ["*"])


def may_run_tasks(function: QueueFunction, settings: Settings, roles: Sequence[str]) -> None:
    """Allow to run tasks in the managed clusters, with these roles (ECS Developer Guide, "Task execution IAM role")."""
    stack = cdk.Stack.of(function)
    for names in _in_chunks([c.name for c in settings.clusters]):
        clusters = [stack.format_arn(service="ecs", resource="cluster", resource_name=name) for name in names]
        function.allow(["ecs:ListContainerInstances", "ecs:DescribeClusters"], clusters)
        actions = ["ecs:RunTask", "ecs:StopTask", "ecs:DescribeContainerInstances"]
        function.allow(actions, ["*"], ArnEquals={"ecs:cluster": clusters})
        # ECS Developer Guide, "Grant permission to tag resources on creation": of a request with tags.
        tasks = [stack.format_arn(service="ecs", resource="task", resource_name=f"{name}/*") for name in names]
        function.allow(["ecs:TagResource"], tasks, StringEquals={"ecs:CreateAction": "RunTask"})
    function.allow(["ecs:DescribeTaskDefinition"], ["*"])
    if roles:
        passed = {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
        function.allow(["iam:PassRole"], roles, StringEquals=passed)


def may_read_providers(function: QueueFunction, settings: Settings) -> None:
    if _groups(settings):
        # Whose a capacity provider is, is not known before it is read.
        providers = cdk.Stack.of(function).format_arn(service="ecs", resource="capacity-provider", resource_name="*")
        function.allow(["ecs:DescribeCapacityProviders"], [providers])


def may_read_revisions(function: QueueFunction, settings: Settings) -> None:
    stack = cdk.Stack.of(function)
    for clusters in _in_chunks([c.name for c in settings.clusters]):
        arns = [
            stack.format_arn(service="ecs", resource="service-revision", resource_name=f"{name}/*") for name in clusters
        ]
        function.allow(["ecs:DescribeServiceRevisions"], arns)


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


def may_put_events(function: QueueFunction) -> None:
    """Allow to put events on the default bus of EventBridge."""
    bus = cdk.Stack.of(function).format_arn(service="events", resource="event-bus", resource_name="default")
    function.allow(["events:PutEvents"], [bus])


def may_answer_states(function: QueueFunction) -> None:
    # They have no resources: a token is known to its state alone (Service Authorization Reference, Step Functions).
    function.allow(["states:SendTaskSuccess", "states:SendTaskFailure"], ["*"])


def may_find_pools(function: QueueFunction) -> None:
    # Describe actions of EC2 have no resources.
    function.allow(["ec2:DescribeInstances"], ["*"])


def may_answer_hooks(function: QueueFunction, settings: Settings) -> None:
    stack, groups = cdk.Stack.of(function), _groups(settings)
    for some in _in_chunks(groups):
        arns = _group_arns(stack, some)
        function.allow(["autoscaling:CompleteLifecycleAction", "autoscaling:RecordLifecycleActionHeartbeat"], arns)
    if groups:
        # Describe actions of Auto Scaling have no resources.
        function.allow(["autoscaling:DescribeLifecycleHooks"], ["*"])


def may_change_capacity(function: QueueFunction, settings: Settings) -> None:
    """Allow to set capacity and to terminate instances, of the pools of cdk.json only, and to read what is theirs."""
    stack = cdk.Stack.of(function)
    # Describe actions of EC2 have no resources.
    function.allow(["ec2:DescribeInstanceTypes"], ["*"])
    # Whether instances get ENI trunks. It has no resource and no condition (Service Authorization Reference, ECS).
    function.allow(["ecs:ListAccountSettings"], ["*"])
    if settings.several_pools:
        # It has no resource. Which pool is the cheapest, Spot prices decide.
        function.allow(["ec2:DescribeSpotPriceHistory"], ["*"])
    # What renewal compares: what an instance was launched from, and what the pool's launch template says now. If that
    # names an image by a parameter of AWS's, EC2 reads it with the caller's rights (EC2 API, ResolveAlias); the
    # parameter's ARN has no account.
    function.allow(["ec2:DescribeInstances", "ec2:DescribeLaunchTemplateVersions"], ["*"])
    # What says that a new image is no good; the action has no resources.
    function.allow(["elasticloadbalancing:DescribeTargetHealth"], ["*"])
    images = stack.format_arn(service="ssm", account="*", resource="parameter", resource_name="aws/service/*")
    function.allow(["ssm:GetParameters"], [images])
    groups, spot_groups = _groups(settings), settings.spot_groups
    may_read_providers(function, settings)
    if groups:
        function.allow(["autoscaling:DescribeInstanceRefreshes"], ["*"])
        function.allow(["autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeScalingActivities"], ["*"])
    for some in _in_chunks(groups):
        arns = _group_arns(stack, some)
        function.allow(["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"], arns)
    # The on-demand base of a group, and not its bounds or its subnets; of the tags of a pool, the mark alone. An action
    # that knows nothing of a condition's keys meets it, so that one statement names the pools for all actions.
    unchanged = {f"autoscaling:{key}": "true" for key in UNCHANGED}
    only_the_mark: dict[str, Mapping[str, object]] = {"ForAllValues:StringEquals": {"aws:TagKeys": [BASE_TAG]}}
    base = [f"autoscaling:{action}" for action in ("UpdateAutoScalingGroup", "CreateOrUpdateTags", "DeleteTags")]
    for some in _in_chunks(spot_groups):
        function.allow(base, _group_arns(stack, some), Null=unchanged, **only_the_mark)
    fleets, fleet_clusters = settings.adopted_pools(PoolKind.SPOT_FLEET), settings.clusters_with_made_fleets
    if fleets or fleet_clusters:
        function.allow([f"ec2:DescribeSpotFleet{of}" for of in ("Requests", "Instances", "RequestHistory")], ["*"])
    instances = [stack.format_arn(service="ec2", resource="instance", resource_name="*")]
    change = [f"ec2:{action}" for action in ("ModifySpotFleetRequest", "CreateTags", "DeleteTags")]
    for some in _in_chunks(fleets):
        function.allow(change, [_fleet(stack, fleet) for fleet in some], **only_the_mark)
        only_theirs = {"aws:ResourceTag/aws:ec2spot:fleet-request-id": some}
        function.allow(["ec2:TerminateInstances"], instances, StringEquals=only_theirs)
    for some in _in_chunks(fleet_clusters):
        # EC2 chooses a made fleet's id, and another one when the fleet is replaced. So the fleet is told by its tag.
        only_made = {f"aws:ResourceTag/{CLUSTER_TAG}": some}
        function.allow(change, [_fleet(stack, "*")], StringEquals=only_made, **only_the_mark)
        function.allow(["ec2:TerminateInstances"], instances, StringEquals=only_made)


def may_order_types(function: QueueFunction, settings: Settings) -> None:
    """Allow to change the order of types in the groups of made clusters whose `type_order` is `fitting`.

    Auto Scaling User Guide, "Control Amazon EC2 launch template usage in Auto Scaling groups": who updates a group with
    a launch template needs what launching an instance from it needs. It is allowed for the clusters' own templates
    alone, with nothing of them overridden but the subnet, which the group has.
    """
    stack, names = cdk.Stack.of(function), settings.fitting
    if not names:
        return

    def arns(*resources: str, account: str | None = None) -> list[str]:
        return [stack.format_arn(service="ec2", resource=one, resource_name="*", account=account) for one in resources]

    unchanged = {f"autoscaling:{key}": "true" for key in (*UNCHANGED, "LaunchConfigurationName")}
    for some in _in_chunks([group for groups in names.values() for group in groups]):
        function.allow(["autoscaling:UpdateAutoScalingGroup"], _group_arns(stack, some), Null=unchanged)
    for some in _in_chunks(list(names)):
        of_theirs = {f"aws:ResourceTag/{CLUSTER_TAG}": some}
        function.allow(["ec2:RunInstances"], arns("launch-template"), StringEquals=of_theirs)
        roles = [
            stack.format_arn(service="iam", region="", resource="role", resource_name=_made_names(name))
            for name in some
        ]
        function.allow(["iam:PassRole"], roles, StringEquals={"iam:PassedToService": "ec2.amazonaws.com"})
    of_a_template = [*arns("image", "snapshot", account=""), *arns(*LAUNCHED, "security-group")]
    function.allow(["ec2:RunInstances"], of_a_template, Bool={"ec2:IsLaunchTemplateResource": "true"})
    function.allow(["ec2:RunInstances"], arns("subnet"), ArnLike={"ec2:LaunchTemplate": arns("launch-template")})
    function.allow(["ec2:CreateTags"], arns(*LAUNCHED), StringEquals={"ec2:CreateAction": "RunInstances"})


def _made_names(cluster: str) -> str:
    """Return what the names of the IAM roles begin with that CloudFormation makes in the stack of a made cluster.

    It joins the name of the stack, cut to 24 characters, the logical id and a suffix.
    """
    stack = f"steady-cluster-{cluster}"
    return f"{stack}-*" if len(stack) < LONGEST_IN_A_NAME else f"{stack[:LONGEST_IN_A_NAME]}*"


def may_lease(function: QueueFunction, ledger: dynamodb.ITable) -> None:
    """Allow to write the ledger's items with the leases of service-out, and the one that counts ECS calls."""
    only_those = {"dynamodb:LeadingKeys": [API_BUDGET_KEY, f"{LEASE_KEY}*"]}
    function.allow(["dynamodb:UpdateItem"], [ledger.table_arn], **{"ForAllValues:StringLike": only_those})


def _parameters(function: QueueFunction, *paths: str) -> list[str]:
    stack = cdk.Stack.of(function)
    arns = [stack.format_arn(service="ssm", resource="parameter", resource_name=path.strip("/")) for path in paths]
    return [arn + suffix for arn in arns for suffix in ("", "/*")]


def _fleet(stack: cdk.Stack, fleet: str) -> str:
    return stack.format_arn(service="ec2", resource="spot-fleet-request", resource_name=fleet)


def _in_chunks(names: Sequence[str]) -> Iterator[list[str]]:
    return in_chunks(names, STATEMENT_CHARACTERS)


def _groups(settings: Settings) -> list[str]:
    return [*settings.adopted_pools(PoolKind.AUTO_SCALING_GROUP), *settings.made_groups]


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
