"""What AWS's documents say of bad input, where moto takes it: the simulated account refuses it with the same code.

What AWS takes and the account does not answer is refused loudly: `NotSimulated` is no `Exception`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from simulator.errors import NotSimulated
from tests.fidelity.accounts import Side, simulated

REQUEST, HISTORY = "ec2:DescribeSpotFleetRequests", "ec2:DescribeSpotFleetRequestHistory"
NO_FLEET = "sfr-00000000-0000-0000-0000-000000000000"
INVALID, REFUSED, WRONG = "InvalidParameterException", "ValidationException", "ValidationError"
OTHER = "arn:aws:ecs:us-east-1:123456789012:{}/batch/" + 32 * "0"
TWO_PROVIDERS = [{"capacityProvider": "none"}]
HOOK = {"AutoScalingGroupName": "<group>", "LifecycleHookName": "drain", "InstanceId": "<ec2>"}
GROUP_TAG = {"ResourceId": "<group>", "ResourceType": "auto-scaling-group", "Key": "a"}
ATTRIBUTE = {"name": "a", "value": "b", "targetId": "<instance>"}


def run(**params: Any) -> tuple[str, Mapping[str, Any]]:
    """Return a call of RunTask."""
    return "ecs:RunTask", {"cluster": "web", "taskDefinition": "<family>", **params}


def put(**of_attribute: Any) -> tuple[str, Mapping[str, Any]]:
    """Return a call of PutAttributes."""
    return "ecs:PutAttributes", {"cluster": "web", "attributes": [{**ATTRIBUTE, **of_attribute}]}


def send(body: str, **attributes: str) -> tuple[str, Mapping[str, Any]]:
    """Return a call of SendMessage."""
    of = {name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()}
    return "sqs:SendMessage", {"QueueUrl": "<queue>", "MessageBody": body, "MessageAttributes": of}


# The call, and the code of its error.
REFUSED_CALLS: tuple[tuple[tuple[str, Mapping[str, Any]], str], ...] = (
    # ECS: identifiers of another cluster (aws/aws-toolkit-vscode, issue 2915).
    (("ecs:DescribeTasks", {"cluster": "web", "tasks": [OTHER.format("task")]}), INVALID),
    (("ecs:DescribeServices", {"cluster": "web", "services": [OTHER.format("service")]}), INVALID),
    (("ecs:StopTask", {"cluster": "web", "task": OTHER.format("task")}), INVALID),
    (
        (
            "ecs:UpdateContainerInstancesState",
            {"cluster": "web", "status": "DRAINING", "containerInstances": [OTHER.format("container-instance")]},
        ),
        INVALID,
    ),
    # ECS: the cluster query language, and RunTask.
    (("ecs:ListContainerInstances", {"cluster": "web", "filter": "runningTasksCount <"}), INVALID),
    (("ecs:ListContainerInstances", {"cluster": "web", "filter": "runningTasksCount < x"}), INVALID),
    (("ecs:ListContainerInstances", {"cluster": "web", "filter": "attribute:a =="}), INVALID),
    (run(launchType="BAD"), INVALID),
    (run(placementConstraints=[{"type": "BAD"}]), INVALID),
    (run(placementStrategy=[{"type": "BAD"}]), INVALID),
    (run(capacityProviderStrategy=TWO_PROVIDERS), INVALID),
    (run(launchType="EC2", capacityProviderStrategy=TWO_PROVIDERS), INVALID),
    (run(startedBy=129 * "x"), INVALID),
    (run(clientToken=65 * "x"), INVALID),
    (run(count=0), INVALID),
    # ECS API, Attribute.
    (put(name="a b"), INVALID),
    (put(name=129 * "x"), INVALID),
    (put(value=" b"), INVALID),
    (put(value="a,b"), INVALID),
    (put(targetType="BAD"), INVALID),
    (put(targetId="<instance id>"), "TargetNotFoundException"),
    # EC2 API, error codes.
    ((REQUEST, {"SpotFleetRequestIds": ["sfr-a-mistake"]}), "InvalidSpotFleetRequestId.Malformed"),
    ((REQUEST, {"SpotFleetRequestIds": [NO_FLEET]}), "InvalidSpotFleetRequestId.NotFound"),
    (
        (HISTORY, {"SpotFleetRequestId": NO_FLEET, "StartTime": datetime(2026, 1, 1, tzinfo=UTC), "EventType": "BAD"}),
        "InvalidParameterValue",
    ),
    (("ec2:TerminateInstances", {"InstanceIds": ["a-mistake"]}), "InvalidInstanceID.Malformed"),
    (("ec2:TerminateInstances", {"InstanceIds": []}), "MissingParameter"),
    (("ec2:DescribeLaunchTemplateVersions", {"LaunchTemplateId": "<template>", "Versions": ["x"]}),
     "InvalidLaunchTemplateId.VersionNotFound"),
    # Auto Scaling.
    (("autoscaling:DescribeAutoScalingGroups", {"AutoScalingGroupNames": 51 * ["x"]}), WRONG),
    (("autoscaling:DescribeInstanceRefreshes", {"AutoScalingGroupName": "<group>", "MaxRecords": 101}), WRONG),
    (("autoscaling:CompleteLifecycleAction", {**HOOK, "LifecycleActionResult": "CONTINUE"}), WRONG),
    (("autoscaling:CreateOrUpdateTags", {"Tags": [{**GROUP_TAG, "Key": "aws:a"}]}), WRONG),
    (("autoscaling:CreateOrUpdateTags", {"Tags": [{**GROUP_TAG, "Key": 129 * "k"}]}), WRONG),
    (("autoscaling:CreateOrUpdateTags", {"Tags": [{**GROUP_TAG, "Value": 257 * "v"}]}), WRONG),
    # ELB, SSM, SQS, SNS, EventBridge, Step Functions.
    (("elbv2:DeregisterTargets", {"TargetGroupArn": "<target group>", "Targets": []}), WRONG),
    (("elbv2:DeregisterTargets", {"TargetGroupArn": "<target group>", "Targets": [{"Id": "i", "Port": 65536}]}), WRONG),
    (("ssm:GetParametersByPath", {"Path": "steady"}), REFUSED),
    (send(""), "MissingParameter"),
    (send("\x00"), "InvalidMessageContents"),
    (send("x", error="\x0b"), "InvalidMessageContents"),
    (send("x", error=""), "InvalidParameterValue"),
    (send("x", **{f"a{number}": "x" for number in range(11)}), "InvalidParameterValue"),
    (send(262_140 * "x", error="xx"), "InvalidParameterValue"),
    (("sns:Publish", {"TopicArn": "<topic>", "Message": ""}), "InvalidParameter"),
    (("sns:Publish", {"TopicArn": "<topic>", "Message": 262_145 * "x"}), "InvalidParameter"),
    (("sns:Publish", {"TopicArn": "<topic>", "Message": "x", "Subject": "a\nb"}), "InvalidParameter"),
    (("events:PutEvents", {"Entries": [{"Source": "a", "DetailType": "b", "Detail": 2**20 * "x"}]}), REFUSED),
    (("stepfunctions:SendTaskSuccess", {"taskToken": "x", "output": "{"}), "InvalidOutput"),
    (("stepfunctions:SendTaskFailure", {"taskToken": "x", "cause": 32_769 * "x"}), REFUSED),
)  # fmt: skip
# What AWS takes, and the account does not answer.
NOT_ANSWERED: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("ecs:DescribeCapacityProviders", {}),
    ("ecs:GetTaskProtection", {"cluster": "web"}),
    ("ecs:ListContainerInstances", {"cluster": "web", "filter": "agentVersion >= 1.50.0"}),
    ("ecs:ListContainerInstances", {"cluster": "web", "filter": "attribute:a > 1"}),
    ("ec2:DescribeInstances", {"Filters": [{"Name": "vpc-id", "Values": ["x"]}]}),
    ("ec2:DescribeInstances", {"Filters": [{"Name": "instance-id", "Values": ["i-*"]}]}),
    ("ec2:DescribeInstanceTypes", {}),
    ("ec2:DescribeInstanceTypes", {"Filters": [{"Name": "hypervisor", "Values": ["nitro"]}]}),
    ("ec2:DescribeSpotPriceHistory", {}),
    ("ec2:DescribeSpotFleetRequests", {}),
    ("elbv2:DescribeTargetGroups", {"Names": ["none"]}),
    ("autoscaling:DescribeScalingActivities", {}),
    (
        "autoscaling:SetDesiredCapacity",
        {"AutoScalingGroupName": "<group>", "DesiredCapacity": 3, "HonorCooldown": True},
    ),
    ("ssm:GetParameter", {"Name": "/steady/defaults/mode:1"}),
)
# The code of the entry that EventBridge does not take (API, PutEventsResultEntry).
ENTRIES = (
    ({"Source": "a.b", "Detail": "{}"}, "InvalidArgument"),
    ({"DetailType": "c", "Detail": "{}"}, "InvalidArgument"),
    ({"Source": "aws.ecs", "DetailType": "c", "Detail": "{}"}, "NotAuthorizedForSourceException"),
    ({"Source": "a.b", "DetailType": "c", "Detail": "no JSON"}, "MalformedDetail"),
    ({"Source": "a.b", "DetailType": "c", "Detail": "[]"}, "MalformedDetail"),
)


@pytest.fixture(scope="module")
def account() -> Side:
    return simulated()


@pytest.mark.parametrize(("call", "code"), REFUSED_CALLS, ids=lambda one: str(one)[:70])
def test_bad_input_is_refused_with_the_code_that_is_documented(
    account: Side, call: tuple[str, Mapping[str, Any]], code: str
) -> None:
    assert account.call(*call).error == code


@pytest.mark.parametrize(("name", "params"), NOT_ANSWERED, ids=lambda one: str(one)[:70])
def test_what_is_not_simulated_is_no_exception_that_a_handler_can_swallow(
    account: Side, name: str, params: Mapping[str, Any]
) -> None:
    with pytest.raises(NotSimulated):
        account.call(name, params)


@pytest.mark.parametrize(("service", "operation"), [("sqs", "receive_message"), ("ecs", "create_service")])
def test_a_call_that_the_account_does_not_have_is_none_either(account: Side, service: str, operation: str) -> None:
    client = account.session.client(service)

    with pytest.raises(NotSimulated, match=operation):
        getattr(client, operation)()
    with pytest.raises(NotSimulated, match="list_clusters"):
        account.session.client("ecs").get_paginator("list_clusters")


@pytest.mark.parametrize(("entry", "code"), ENTRIES)
def test_an_entry_that_eventbridge_does_not_take_fails_by_itself(
    account: Side, entry: Mapping[str, str], code: str
) -> None:
    good = {"Source": "a.b", "DetailType": "c", "Detail": "{}"}

    answer = account.session.client("events").put_events(Entries=[entry, good])

    assert [one.get("ErrorCode", "") for one in answer["Entries"]] == [code, ""]
    assert answer["FailedEntryCount"] == 1


def test_an_attribute_is_put_on_an_instance_that_is_named_by_its_id_and_type(account: Side) -> None:
    name, params = put(targetId="<instance id>", targetType="container-instance")

    assert account.call(name, params).error == ""


@pytest.mark.parametrize("connected", [True, False])
def test_instances_are_found_by_whether_their_agents_are_connected(account: Side, *, connected: bool) -> None:
    params = {"cluster": "web", "filter": f"agentConnected == {str(connected).lower()}"}

    assert account.call("ecs:ListContainerInstances", params).lengths == {
        "containerInstanceArns": 3 if connected else 0
    }
