"""Calls of the functions as requests to IAM, and the roles' policies with what CloudFormation would put in."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aws_cdk.assertions import Template

from simulator.clients import REGION
from simulator.endpoint import ACCOUNT_ID, Call
from simulator.suite import LAUNCHES_TABLE, LEDGER_TABLE, PEOPLE_TOPIC
from steady.names import API_BUDGET_KEY, CLUSTER_TAG

HERE = Path(__file__).parent
# Each function's role, by the construct that it is made in.
ROLES = {
    "interruption-handler": "InterruptionHandler",
    "autoscaler": "Autoscaler",
    "runtask-failure": "RunTaskFailure",
    "task-launcher": "TaskLauncher",
    "log-catalog": "LogCatalog",
    "task-status": "TaskStatus",
}
# The buckets, by how their logical ids begin.
BUCKETS = {"Logs6819BB44": "logs", "Statuses": "statuses"}
# The role of the tasks that the launch queue runs.
TASK_ROLE = f"arn:aws:iam::{ACCOUNT_ID}:role/report"
SIMULATED = {"elbv2": "elasticloadbalancing", "stepfunctions": "states"}


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT_ID}:{resource}"


@dataclass(frozen=True, slots=True)
class Request:
    """One request to IAM: may `role` do `action` on `resource`? `context` holds condition keys."""

    role: str
    action: str
    resource: str
    context: tuple[tuple[str, str], ...] = ()


def requests_of(call: Call) -> Iterator[Request]:
    """The requests that IAM decides on for `call`: one for each resource that it names."""
    service, _, operation = call.name.partition(":")
    action = f"{SIMULATED.get(service, service)}:{operation}"
    for resource, context in _resources(call.name, call.params):
        yield Request(call.caller, action, resource, tuple(sorted(context.items())))
    if call.name == "servicediscovery:DeregisterInstance":
        # Cloud Map deletes the record in the name of its caller.
        deletes = (("route53:ChangeResourceRecordSetsActions", "DELETE"),)
        yield Request(call.caller, "route53:ChangeResourceRecordSets", "arn:aws:route53:::hostedzone/Z1", deletes)
    if call.name == "ec2:DescribeLaunchTemplateVersions":
        # EC2 reads the parameter that names an image in the name of its caller (ResolveAlias).
        # Its ARN has no account, which the library that decides here does not know.
        yield Request(call.caller, "ssm:GetParameters", arn("ssm", "parameter/aws/service/ecs/image_id"))
    if call.name == "ecs:RunTask":
        # ECS Developer Guide, "Task execution IAM role": who runs a task passes it its roles.
        passed = (("iam:PassedToService", "ecs-tasks.amazonaws.com"),)
        yield Request(call.caller, "iam:PassRole", TASK_ROLE, passed)
        if call.params.get("tags"):
            task = arn("ecs", f"task/{call.params['cluster']}/1")
            yield Request(call.caller, "ecs:TagResource", task, (("ecs:CreateAction", "RunTask"),))
    if "LaunchTemplate" in call.params.get("MixedInstancesPolicy", {}):
        yield from _launches(call.caller, call.params["AutoScalingGroupName"])


def _launches(role: str, cluster: str) -> Iterator[Request]:
    """What Auto Scaling asks IAM of who updates a group with the launch template of a made cluster.

    Auto Scaling User Guide, "Control Amazon EC2 launch template usage in Auto Scaling groups": ec2:RunInstances,
    iam:PassRole for its instance profile, and ec2:CreateTags for its tags.
    """
    template = arn("ec2", f"launch-template/lt-{cluster}")
    named = ("ec2:LaunchTemplate", template)
    of_it = (("ec2:IsLaunchTemplateResource", "true"), named)
    yield Request(role, "ec2:RunInstances", template, ((f"aws:ResourceTag/{CLUSTER_TAG}", cluster), *of_it))
    yield Request(role, "ec2:RunInstances", f"arn:aws:ec2:{REGION}::image/ami-1", of_it)
    for made in ("instance/i-1", "network-interface/eni-1", "volume/vol-1"):
        yield Request(role, "ec2:RunInstances", arn("ec2", made), of_it)
        yield Request(role, "ec2:CreateTags", arn("ec2", made), (("ec2:CreateAction", "RunInstances"),))
    yield Request(role, "ec2:RunInstances", arn("ec2", "security-group/sg-1"), of_it)
    # The group has its subnets, and not the template.
    yield Request(
        role, "ec2:RunInstances", arn("ec2", "subnet/s-1"), (("ec2:IsLaunchTemplateResource", "false"), named)
    )
    instances = f"arn:aws:iam::{ACCOUNT_ID}:role/steady-cluster-{cluster}-ClusterInstancesInstanceRole-1A2B"
    yield Request(role, "iam:PassRole", instances, (("iam:PassedToService", "ec2.amazonaws.com"),))


def _resources(name: str, params: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    """The ARNs that a call is about, each with the condition keys that AWS puts to it."""
    cluster = str(params.get("cluster", ""))
    # "*": Describe and List actions that have no resource. The simulator refuses it for one that has.
    found = RESOURCES.get(name, lambda params: ["*"])(params)
    context = {"ecs:cluster": arn("ecs", f"cluster/{cluster}")} if cluster and name not in ON_CLUSTERS else {}
    if name == "ec2:TerminateInstances":
        # Only instances of the one fleet are terminated so: those of the group, by its own call.
        context = {"aws:ResourceTag/aws:ec2spot:fleet-request-id": "sfr-batch"}
    if name.endswith("Tags"):
        [context["aws:TagKeys"]] = [tag["Key"] for tag in params["Tags"]]
    if name in ITEMS and params["Key"].get("cluster", {}).get("S") == API_BUDGET_KEY:
        context = {"dynamodb:LeadingKeys": API_BUDGET_KEY}
    for resource in found:
        yield resource, {} if name == "ecs:DescribeTaskDefinition" else context


def _cluster(params: Mapping[str, Any]) -> list[str]:
    return [arn("ecs", f"cluster/{one}") for one in params.get("clusters", [params.get("cluster")])]


def _services(params: Mapping[str, Any]) -> list[str]:
    names = (one.rsplit("/", 1)[-1] for one in params["services"])
    return [arn("ecs", f"service/{params['cluster']}/{name}") for name in names]


def _targets(params: Mapping[str, Any]) -> list[str]:
    return [one["targetId"] for one in params["attributes"]]


def _group_of(params: Mapping[str, Any]) -> list[str]:
    # The one group that instances are ended in has the name of its cluster.
    return [_group(params.get("AutoScalingGroupName", "web"))]


def _table(params: Mapping[str, Any]) -> list[str]:
    return [arn("dynamodb", f"table/{params['TableName']}")]


ITEMS = ("dynamodb:GetItem", "dynamodb:UpdateItem")
# The cluster is their resource, and no condition.
ON_CLUSTERS = ("ecs:ListContainerInstances", "ecs:DescribeClusters")
RESOURCES: Mapping[str, Callable[[Mapping[str, Any]], list[str]]] = {
    **dict.fromkeys(ON_CLUSTERS, _cluster),
    "ecs:DescribeContainerInstances": lambda params: params["containerInstances"],
    "ecs:DescribeCapacityProviders": lambda params: [
        arn("ecs", f"capacity-provider/{one}") for one in params["capacityProviders"]
    ],
    "ecs:UpdateContainerInstancesState": lambda params: params["containerInstances"],
    "ecs:PutAttributes": _targets,
    "ecs:DeleteAttributes": _targets,
    "ecs:DescribeTasks": lambda params: params["tasks"],
    "ecs:GetTaskProtection": lambda params: params["tasks"],
    "ecs:StopTask": lambda params: [params["task"]],
    "ecs:DescribeServices": _services,
    "ecs:DescribeServiceRevisions": lambda params: params["serviceRevisionArns"],
    "servicediscovery:DeregisterInstance": lambda params: [arn("servicediscovery", f"service/{params['ServiceId']}")],
    "elbv2:DeregisterTargets": lambda params: [params["TargetGroupArn"]],
    "ec2:TerminateInstances": lambda params: [arn("ec2", f"instance/{one}") for one in params["InstanceIds"]],
    "ec2:CreateTags": lambda params: [arn("ec2", f"spot-fleet-request/{one}") for one in params["Resources"]],
    "ec2:DeleteTags": lambda params: [arn("ec2", f"spot-fleet-request/{one}") for one in params["Resources"]],
    "ec2:ModifySpotFleetRequest": lambda params: [arn("ec2", f"spot-fleet-request/{params['SpotFleetRequestId']}")],
    "autoscaling:SetDesiredCapacity": _group_of,
    "autoscaling:UpdateAutoScalingGroup": _group_of,
    "autoscaling:CreateOrUpdateTags": lambda params: [_group(tag["ResourceId"]) for tag in params["Tags"]],
    "autoscaling:DeleteTags": lambda params: [_group(tag["ResourceId"]) for tag in params["Tags"]],
    "autoscaling:TerminateInstanceInAutoScalingGroup": _group_of,
    "autoscaling:CompleteLifecycleAction": _group_of,
    "autoscaling:RecordLifecycleActionHeartbeat": _group_of,
    "ssm:GetParametersByPath": lambda params: [arn("ssm", f"parameter{params['Path']}")],
    "ssm:GetParameterHistory": lambda params: [arn("ssm", f"parameter{params['Name']}")],
    "dynamodb:GetItem": _table,
    "dynamodb:PutItem": _table,
    "dynamodb:Query": lambda params: [f"{arn}/index/{params['IndexName']}" for arn in _table(params)],
    "events:PutEvents": lambda params: [arn("events", "event-bus/default")],
    "ecs:RunTask": lambda params: [arn("ecs", f"task-definition/{params['taskDefinition']}:1")],
    "dynamodb:UpdateItem": _table,
    "sns:Publish": lambda params: [params["TopicArn"]],
    "sqs:SendMessage": lambda params: [arn("sqs", params["QueueUrl"].rsplit("/", 1)[-1])],
}


def _group(name: str) -> str:
    return arn("autoscaling", f"autoScalingGroup:0123:autoScalingGroupName/{name}")


def policies_of(templates: Mapping[str, Template]) -> dict[str, dict[str, Any]]:
    """Each function's policy, by the function's name. The CDK splits what is too long for one."""
    found: dict[str, dict[str, Any]] = {}
    for template in templates.values():
        of_both = [template.find_resources(f"AWS::IAM::{kind}") for kind in ("Policy", "ManagedPolicy")]
        for logical_id, policy in (one for found_there in of_both for one in found_there.items()):
            for function, construct in ROLES.items():
                if logical_id.startswith(f"{construct}Role"):
                    document = resolved(policy["Properties"]["PolicyDocument"])
                    known = found.setdefault(function, {**document, "Statement": []})
                    known["Statement"] += document["Statement"]
    return found


def resolved(value: Any) -> Any:
    """`value` with CloudFormation's functions done, as far as policies have them, as in the simulated account."""
    return with_functions_done(value, {"Partition": "aws", "Region": REGION, "AccountId": ACCOUNT_ID}, _named)


def with_functions_done(value: Any, place: Mapping[str, str], named: Callable[[str], str]) -> Any:
    """`value` with CloudFormation's functions done: `named` says what stands for a resource, or for an export."""
    if isinstance(value, list):
        return [with_functions_done(one, place, named) for one in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Ref"}:
        return place.get(value["Ref"].removeprefix("AWS::")) or named(value["Ref"])
    if set(value) == {"Fn::Join"}:
        separator, parts = value["Fn::Join"]
        return separator.join(with_functions_done(parts, place, named))
    if set(value) == {"Fn::GetAtt"}:
        return named(value["Fn::GetAtt"][0])
    if set(value) == {"Fn::ImportValue"}:
        return named(value["Fn::ImportValue"])
    return {key: with_functions_done(one, place, named) for key, one in value.items()}


def _named(logical_id: str) -> str:
    """What a resource's ARN would be, as the simulated account has it."""
    if "Ledger" in logical_id:
        return arn("dynamodb", f"table/{LEDGER_TABLE}")
    if "Launches" in logical_id:
        return arn("dynamodb", f"table/{LAUNCHES_TABLE}")
    if "People" in logical_id:
        return PEOPLE_TOPIC
    if logical_id.startswith(tuple(BUCKETS)):
        return f"arn:aws:s3:::{next(name for start, name in BUCKETS.items() if logical_id.startswith(start))}"
    if "Unserved" in logical_id:
        return arn("sqs", "unserved")
    for function, construct in ROLES.items():
        if f"{construct}Queue" in logical_id:
            return arn("sqs", function)
        if f"{construct}DeadLetters" in logical_id:
            return arn("sqs", f"{function}-dead-letters")
        if f"{construct}Logs" in logical_id:
            return arn("logs", f"log-group:{function}:*")
    raise LookupError(f"{logical_id} is in a policy, and nothing here says what its ARN is")


def decided(policies: Mapping[str, Any], requests: Sequence[Request]) -> list[str]:
    """What IAM says to each of `requests`: Allowed, ImplicitlyDenied, or what is wrong with the question."""
    asked = {
        "policies": policies,
        "requests": [
            {"role": r.role, "action": r.action, "resource": r.resource, "context": dict(r.context)} for r in requests
        ],
    }
    done = subprocess.run(
        ["node", str(HERE / "simulate.mjs")],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [f"{one['result']} {one['detail']}".strip() for one in json.loads(done.stdout)]
