"""The same calls to the simulated account and to moto: errors, failures, and how many things are answered.

moto checks less than AWS does. Where AWS's own documents say another thing, the case names it, and moto must differ: a
case that moto has come to do, too, needs no word of ours any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from moto import mock_aws

from simulator.account import Account
from tests.fidelity.accounts import Outcome, Side, in_moto, simulated

NONE = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/none/0123456789abcdef"
NO_INSTANCE = "i-0000000000000abcd"
NO_FLEET, NO_SUCH_FLEET = "sfr-00000000-0000-0000-0000-000000000000", "InvalidSpotFleetRequestId.NotFound"
TAG = {"ResourceId": "none", "ResourceType": "auto-scaling-group", "Key": "a", "Value": "b"}
INVALID = "InvalidParameterException"
ELEVEN = [f"x{number}" for number in range(11)]
HUNDRED_AND_ONE = [f"x{number}" for number in range(101)]


@dataclass(frozen=True, slots=True)
class Case:
    """One call.

    Attributes:
        call: `service:Action`.
        params: its parameters; a name in `<>` is that of a thing in each account.
        aws: the code of the error that AWS documents where moto has another outcome ("": it answers); None: moto has
            the same outcome.
        why: where AWS says so.
    """

    call: str
    params: Mapping[str, Any] = field(default_factory=dict)
    aws: str | None = None
    why: str = ""


def ecs(action: str, aws: str | None = None, why: str = "", **params: Any) -> Case:
    """Return a case in the cluster `web` of ECS."""
    return Case(f"ecs:{action}", {"cluster": "web", **params}, aws, why)


LIMIT = "the limit of the parameter in the ECS API Reference"
ENUM = "the valid values in the ECS API Reference"
ZONE_A = {"Name": "availability-zone", "Values": ["us-east-1a"]}
CASES = (
    ecs("ListContainerInstances"),
    ecs("ListContainerInstances", status="ACTIVE"),
    ecs("ListContainerInstances", status="DRAINING"),
    ecs("ListContainerInstances", cluster="none", aws="ClusterNotFoundException", why="ListContainerInstances, Errors"),
    ecs("ListContainerInstances", status="BAD", aws=INVALID, why=ENUM),
    ecs("ListContainerInstances", maxResults=101, aws=INVALID, why=LIMIT),
    ecs("ListContainerInstances", nextToken="bogus", aws=INVALID, why="InvalidParameterException"),
    ecs("ListContainerInstances", filter="one two", aws=INVALID, why="the cluster query language"),
    ecs("DescribeContainerInstances", containerInstances=["<instance>"]),
    ecs("DescribeContainerInstances", containerInstances=["<instance id>"]),
    ecs("DescribeContainerInstances", containerInstances=["<instance>", "none"]),
    ecs("DescribeContainerInstances", containerInstances=["x"], cluster="none"),
    ecs("DescribeContainerInstances", containerInstances=[], aws=INVALID, why="InvalidParameterException"),
    ecs("DescribeContainerInstances", containerInstances=HUNDRED_AND_ONE, aws=INVALID, why=LIMIT),
    ecs("UpdateContainerInstancesState", containerInstances=["<instance id>"], status="ACTIVE"),
    ecs("UpdateContainerInstancesState", containerInstances=["none"], status="DRAINING"),
    ecs("UpdateContainerInstancesState", containerInstances=["<instance>"], status="BAD"),
    ecs("UpdateContainerInstancesState", containerInstances=ELEVEN, status="DRAINING", aws=INVALID, why=LIMIT),
    Case("ecs:DescribeClusters", {"clusters": ["web"]}),
    Case("ecs:DescribeClusters", {"clusters": ["none"]}),
    Case("ecs:DescribeClusters", {"clusters": ["web", "none"]}),
    Case("ecs:DescribeCapacityProviders", {"capacityProviders": ["none"]}),
    ecs("ListServices"),
    ecs("ListServices", cluster="none"),
    ecs("DescribeServices", services=["api"]),
    ecs("DescribeServices", services=["none"]),
    ecs("DescribeServices", services=[], aws=INVALID, why="InvalidParameterException"),
    ecs("DescribeServices", services=ELEVEN, aws=INVALID, why=LIMIT),
    Case("ecs:DescribeServiceRevisions", {"serviceRevisionArns": ["bogus"]}, "", "failures in the answer"),
    ecs("ListTasks"),
    ecs("ListTasks", cluster="none"),
    ecs("ListTasks", containerInstance="none"),
    ecs("ListTasks", containerInstance="<instance id>"),
    ecs("ListTasks", desiredStatus="PENDING"),
    ecs("ListTasks", family="none"),
    ecs("ListTasks", family="<family>"),
    ecs("ListTasks", desiredStatus="BAD", aws=INVALID, why=ENUM),
    ecs("ListTasks", launchType="BAD", aws=INVALID, why=ENUM),
    ecs("ListTasks", serviceName="none", aws="ServiceNotFoundException", why="ListTasks, Errors"),
    ecs("DescribeTasks", tasks=["<task>"]),
    ecs("DescribeTasks", tasks=["<task id>"]),
    ecs("DescribeTasks", tasks=[]),
    ecs("DescribeTasks", tasks=["x"], cluster="none"),
    Case("ecs:DescribeTasks", {"tasks": ["x"]}),
    Case("ecs:DescribeTaskDefinition", {"taskDefinition": "<definition>"}),
    Case("ecs:DescribeTaskDefinition", {"taskDefinition": "<family>"}),
    Case("ecs:DescribeTaskDefinition", {"taskDefinition": "<first revision>"}),
    Case("ecs:DescribeTaskDefinition", {"taskDefinition": "none"}),
    Case("ecs:DescribeTaskDefinition", {"taskDefinition": "api:99"}),
    ecs("RunTask", taskDefinition="<definition>", cluster="none"),
    ecs("RunTask", taskDefinition="none"),
    ecs("RunTask", taskDefinition="<family>", count=11, aws=INVALID, why=LIMIT),
    ecs("StopTask", task="none", aws=INVALID, why="the error that users report"),
    ecs("StopTask", task="none", cluster="none"),
    ecs("StopTask", task="<task id>"),
    ecs("PutAttributes", attributes=[{"name": "a", "value": "b", "targetId": "<instance>"}]),
    ecs("PutAttributes", attributes=[{"name": "a", "value": "b", "targetId": "none"}]),
    ecs("DeleteAttributes", attributes=[{"name": "never set", "targetId": "<instance>"}]),
    Case("elbv2:DescribeTargetHealth", {"TargetGroupArn": NONE}),
    Case("elbv2:DescribeTargetHealth", {"TargetGroupArn": "<target group>", "Targets": [{"Id": NO_INSTANCE}]}),
    Case("elbv2:DescribeTargetGroups", {"TargetGroupArns": [NONE]}),
    Case("elbv2:DescribeTargetGroups", {"TargetGroupArns": ["<target group>"]}),
    Case("elbv2:DeregisterTargets", {"TargetGroupArn": NONE, "Targets": [{"Id": "<ec2>"}]}),
    Case(
        "elbv2:DeregisterTargets",
        {"TargetGroupArn": "<target group>", "Targets": [{"Id": "<ec2>", "Port": 9}]},
        "",
        'DeregisterTargets: "If the specified target does not exist, the action returns successfully"',
    ),
    Case("ec2:DescribeInstances", {"Filters": [{"Name": "instance-id", "Values": ["<ec2>"]}]}),
    Case("ec2:TerminateInstances", {"InstanceIds": [NO_INSTANCE]}),
    Case("ec2:DescribeLaunchTemplateVersions", {"LaunchTemplateId": "<template>", "Versions": ["$Latest"]}),
    Case("ec2:DescribeLaunchTemplateVersions", {"LaunchTemplateId": "<template>"}),
    Case("ec2:DescribeLaunchTemplateVersions", {"LaunchTemplateId": "lt-0000000000000abcd"}),
    Case("ec2:DescribeInstanceTypes", {"InstanceTypes": ["m5.large"]}),
    Case("ec2:DescribeInstanceTypes", {"InstanceTypes": ["m5.lerge"]}),
    Case("ec2:DescribeInstanceTypes", {"Filters": [{"Name": "instance-type", "Values": ["m5.lerge", "m5.large"]}]}),
    Case("ec2:DescribeSpotPriceHistory", {"InstanceTypes": ["m5.large"], "Filters": [ZONE_A]}),
    Case("ec2:DescribeSpotFleetRequests", {"SpotFleetRequestIds": [NO_FLEET]}, NO_SUCH_FLEET, "EC2 API, error codes"),
    Case("ec2:DescribeSpotFleetInstances", {"SpotFleetRequestId": NO_FLEET}, NO_SUCH_FLEET, "EC2 API, error codes"),
    Case("ec2:ModifySpotFleetRequest", {"SpotFleetRequestId": NO_FLEET}, NO_SUCH_FLEET, "EC2 API, error codes"),
    Case("autoscaling:DescribeAutoScalingGroups", {"AutoScalingGroupNames": ["<group>"]}),
    Case("autoscaling:DescribeAutoScalingGroups", {"AutoScalingGroupNames": ["none"]}),
    Case("autoscaling:UpdateAutoScalingGroup", {"AutoScalingGroupName": "none", "DesiredCapacity": 1}),
    Case(
        "autoscaling:SetDesiredCapacity",
        {"AutoScalingGroupName": "none", "DesiredCapacity": 1},
        "ValidationError",
        "Auto Scaling, common errors",
    ),
    Case(
        "autoscaling:DescribeLifecycleHooks",
        {"AutoScalingGroupName": "none"},
        "ValidationError",
        "Auto Scaling, common errors",
    ),
    Case("autoscaling:CreateOrUpdateTags", {"Tags": [TAG]}, "ValidationError", "Errors"),
    Case("autoscaling:DeleteTags", {"Tags": [TAG]}, "ValidationError", "Errors"),
    Case("ec2:CreateTags", {"Resources": [NO_FLEET], "Tags": [{"Key": "a", "Value": "b"}]}, NO_SUCH_FLEET, "errors"),
    Case("ec2:DeleteTags", {"Resources": [NO_FLEET], "Tags": [{"Key": "a"}]}, NO_SUCH_FLEET, "errors"),
    Case("ssm:GetParameter", {"Name": "/steady/none"}),
    Case("ssm:GetParameter", {"Name": "/steady/defaults/mode"}),
    Case("ssm:GetParameterHistory", {"Name": "/steady/none"}),
    Case("ssm:GetParameterHistory", {"Name": "/steady/defaults/mode"}),
    Case("ssm:GetParametersByPath", {"Path": "/steady/defaults"}),
    Case("ssm:GetParametersByPath", {"Path": "/steady/none"}),
    Case("ssm:GetParametersByPath", {"Path": "/steady/defaults", "MaxResults": 11}),
    Case("sqs:SendMessage", {"QueueUrl": "https://sqs.us-east-1.amazonaws.com/123456789012/no", "MessageBody": "x"}),
    Case("sqs:SendMessage", {"QueueUrl": "<queue>", "MessageBody": "x", "DelaySeconds": 901}),
    Case("sqs:SendMessage", {"QueueUrl": "<queue>", "MessageBody": "x"}),
    Case("sns:Publish", {"TopicArn": "arn:aws:sns:us-east-1:123456789012:none", "Message": "x"}),
    Case("servicediscovery:DeregisterInstance", {"ServiceId": "srv-none", "InstanceId": "x"}),
    Case("events:PutEvents", {"Entries": [{"Source": "a.b", "DetailType": "c", "Detail": "{}"}]}),
    Case("events:PutEvents", {"Entries": [{"Source": "a.b", "DetailType": "c", "Detail": "no JSON"}]}),
)
# Calls of which moto has none: ECS's protection and account settings, Auto Scaling's lifecycle, Spot Fleet's history;
# and Step Functions' tokens, which it takes without looking.
UNKNOWN_TO_MOTO = frozenset(
    {
        "ecs:GetTaskProtection",
        "ecs:ListAccountSettings",
        "autoscaling:RecordLifecycleActionHeartbeat",
        "autoscaling:CompleteLifecycleAction",
        "autoscaling:DescribeScalingActivities",
        "autoscaling:DescribeInstanceRefreshes",
        "autoscaling:TerminateInstanceInAutoScalingGroup",
        "ec2:DescribeSpotFleetRequestHistory",
        "stepfunctions:SendTaskSuccess",
        "stepfunctions:SendTaskFailure",
    }
)


@dataclass(frozen=True, slots=True)
class Both:
    """The two accounts."""

    simulated: Side
    moto: Side


@pytest.fixture(scope="module")
def both() -> Iterator[Both]:
    with mock_aws():
        yield Both(simulated(), in_moto())


def _id(case: Case) -> str:
    shown = {name: value if len(str(value)) < 40 else f"{len(value)} things" for name, value in case.params.items()}
    return f"{case.call} {', '.join(f'{name}={value}' for name, value in shown.items())}"


@pytest.mark.parametrize("case", CASES, ids=_id)
def test_the_account_does_what_moto_does_or_aws_documents(both: Both, case: Case) -> None:
    found = both.simulated.call(case.call, case.params)
    if case.aws is not None:
        assert found.error == case.aws, case.why
        assert _in_moto(both, case).error != found.error, "moto does it too: the case needs no word of ours"
        return
    assert found.differs_from(_in_moto(both, case)) == []


def test_each_call_of_the_account_is_compared_or_unknown_to_moto() -> None:
    compared = {case.call for case in CASES}

    # DynamoDB has a comparison of its own (tests/simulator/test_expressions.py).
    missing = {name for name in Account().endpoint.actions if name not in compared | UNKNOWN_TO_MOTO}
    assert {name for name in missing if not name.startswith("dynamodb:")} == set()


def _in_moto(both: Both, case: Case) -> Outcome:
    try:
        return both.moto.call(case.call, case.params)
    except Exception as error:
        # A bug of moto's, or a call that it does not have.
        return Outcome(type(error).__name__)
