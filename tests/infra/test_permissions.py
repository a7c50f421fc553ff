"""Every call of every scenario is one that the function's role may make, on that resource; and on no other's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template

from infra import stacks
from simulator.chaos.scenarios import SCENARIOS
from tests.infra.iam import ROLES, TASK_ROLE, Request, arn, decided, policies_of, requests_of
from tests.infra.worlds import worlds

CONTEXT: dict[str, Any] = {
    "clusters": [
        {"name": "web", "capacity": "auto-scaling-group:web"},
        {"name": "batch", "capacity": "spot-fleet:sfr-batch"},
        {"name": "spot", "capacity": "auto-scaling-group:spot"},
        {
            "name": "mix",
            "pools": [
                {"name": "base", "capacity": "auto-scaling-group:mix-base"},
                {"name": "spot", "capacity": "spot-fleet:sfr-mix-spot", "priority": 10},
            ],
        },
    ],
    "@aws-cdk/core:defaultCrossStackReferences": "strong",
}
LAUNCHER = {"task_launcher": {"roles": [TASK_ROLE]}}


@pytest.fixture(scope="module")
def policies() -> Mapping[str, Any]:
    app = cdk.App(context={**CONTEXT, "logs": {"partitions": "made"}, "task_status": {}, **LAUNCHER})
    stacks.add_to(app)
    templates = {s.stack_name: Template.from_stack(s) for s in app.node.find_all() if isinstance(s, cdk.Stack)}
    found = policies_of(templates)
    assert set(found) == set(ROLES)
    return found


# What the log catalogue and the task status call; that they call no more is tested where they are (tests/functions).
# Glue: what is done to a table is asked of the catalogue and the database as well.
GLUE = [arn("glue", resource) for resource in ("catalog", "database/steady_logs", "table/steady_logs/my_app_app")]
OF_S3_AND_GLUE = [
    Request("log-catalog", "s3:ListBucket", "arn:aws:s3:::logs"),
    *(
        Request("log-catalog", f"glue:{action}", resource)
        for action in ("GetTables", "CreateTable", "UpdateTable", "BatchDeleteTable", "BatchCreatePartition")
        for resource in GLUE
    ),
    Request("task-status", "s3:PutObject", f"arn:aws:s3:::statuses/tasks/{arn('ecs', 'task/web/1')}/stopped.json"),
    Request("task-status", "sqs:SendMessage", arn("sqs", "task-status-dead-letters")),
]


@pytest.fixture(scope="module")
def requests() -> list[Request]:
    """All different requests of the worlds in which each function has reason to do all that it can."""
    found: dict[Request, None] = {}
    for world in worlds():
        assert world.account.endpoint.log
        for call in world.account.endpoint.log:
            if call.caller in ROLES:
                found |= dict.fromkeys(requests_of(call))
    return [*found, *OF_S3_AND_GLUE]


def test_every_call_is_allowed(policies: Mapping[str, Any], requests: list[Request]) -> None:
    answers = decided(policies, requests)

    assert len(requests) > 200
    assert {r.action for r in requests} >= {"ecs:StopTask", "ec2:TerminateInstances", "autoscaling:SetDesiredCapacity"}
    refused = [(r, answer) for r, answer in zip(requests, answers, strict=True) if answer != "Allowed"]
    assert refused == []


def test_no_action_is_granted_that_is_never_used(policies: Mapping[str, Any], requests: list[Request]) -> None:
    used = {(r.role, r.action) for r in requests}
    for role, policy in policies.items():
        for statement in policy["Statement"]:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            for action in actions:
                assert "*" not in action
                if action not in LAMBDA_S_OWN:
                    assert (role, action) in used, f"{role} may {action}, and never does"


def test_no_action_that_has_a_resource_is_granted_on_all_without_a_condition(policies: Mapping[str, Any]) -> None:
    """IAM's own data says which actions have resources: such an action on "*" alone would be allowed elsewhere, too."""
    elsewhere = {
        "ecs": arn("ecs", "cluster/theirs"),
        "ec2": arn("ec2", "instance/i-1"),
        "elasticloadbalancing": arn("elasticloadbalancing", "targetgroup/theirs/1"),
    }
    asked = [
        Request(role, action, elsewhere[action.partition(":")[0]])
        for role, policy in policies.items()
        for statement in policy["Statement"]
        if statement["Resource"] == "*" and "Condition" not in statement
        for action in (statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]])
        if action.partition(":")[0] in elsewhere
    ]

    assert asked
    # Each is an error: the action knows no such resource.
    assert [(r, a) for r, a in zip(asked, decided(policies, asked), strict=True) if not a.startswith("error")] == []


# What Lambda itself does with the role: it writes the logs, and reads the queue.
LAMBDA_S_OWN = {
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:GetQueueUrl",
    "sqs:ReceiveMessage",
}
THEIRS = (
    Request("interruption-handler", "ecs:StopTask", arn("ecs", "task/theirs/1")),
    Request("interruption-handler", "ecs:UpdateContainerInstancesState", arn("ecs", "container-instance/theirs/1")),
    Request("interruption-handler", "ecs:DescribeServiceRevisions", arn("ecs", "service-revision/theirs/api/1")),
    Request(
        "interruption-handler",
        "route53:ChangeResourceRecordSets",
        "arn:aws:route53:::hostedzone/Z1",
        (("route53:ChangeResourceRecordSetsActions", "UPSERT"),),
    ),
    Request("autoscaler", "ecs:UpdateContainerInstancesState", arn("ecs", "container-instance/theirs/1")),
    Request("interruption-handler", "ecs:PutAttributes", arn("ecs", "container-instance/theirs/1")),
    Request("autoscaler", "ecs:DeleteAttributes", arn("ecs", "container-instance/theirs/1")),
    Request("autoscaler", "ec2:ModifySpotFleetRequest", arn("ec2", "spot-fleet-request/sfr-theirs")),
    Request("runtask-failure", "ec2:ModifySpotFleetRequest", arn("ec2", "spot-fleet-request/sfr-theirs")),
    Request(
        "autoscaler",
        "autoscaling:SetDesiredCapacity",
        arn("autoscaling", "autoScalingGroup:0123:autoScalingGroupName/theirs"),
    ),
    Request(
        "autoscaler",
        "ec2:CreateTags",
        arn("ec2", "spot-fleet-request/sfr-batch"),
        (("aws:TagKeys", "steady:cluster"),),
    ),
    Request(
        "autoscaler",
        "ec2:CreateTags",
        arn("ec2", "instance/i-1"),
        (("aws:TagKeys", "steady:on-demand-base"),),
    ),
    Request(
        "autoscaler",
        "autoscaling:CreateOrUpdateTags",
        arn("autoscaling", "autoScalingGroup:0123:autoScalingGroupName/spot"),
        (("aws:TagKeys", "steady:cluster"),),
    ),
    Request(
        "autoscaler",
        "ec2:TerminateInstances",
        arn("ec2", "instance/i-1"),
        (("aws:ResourceTag/aws:ec2spot:fleet-request-id", "sfr-theirs"),),
    ),
    Request("autoscaler", "ec2:TerminateInstances", arn("ec2", "instance/i-1")),
    Request("runtask-failure", "sqs:SendMessage", arn("sqs", "interruption-handler")),
    Request("task-launcher", "ecs:RunTask", arn("ecs", "task-definition/report:1")),
    Request(
        "task-launcher",
        "iam:PassRole",
        TASK_ROLE.replace("report", "theirs"),
        (("iam:PassedToService", "ecs-tasks.amazonaws.com"),),
    ),
    Request("task-launcher", "iam:PassRole", TASK_ROLE, (("iam:PassedToService", "ec2.amazonaws.com"),)),
    Request("task-launcher", "ecs:TagResource", arn("ecs", "task/theirs/1"), (("ecs:CreateAction", "RunTask"),)),
    Request("task-launcher", "ecs:TagResource", arn("ecs", "task/web/1")),
    Request("task-launcher", "events:PutEvents", arn("events", "event-bus/theirs")),
    Request("task-launcher", "sqs:SendMessage", arn("sqs", "interruption-handler")),
    Request("runtask-failure", "sqs:SendMessage", arn("sqs", "unserved")),
    Request("autoscaler", "sqs:SendMessage", arn("sqs", "interruption-handler")),
    Request("autoscaler", "ssm:GetParametersByPath", arn("ssm", "parameter/theirs")),
    Request("autoscaler", "dynamodb:PutItem", arn("dynamodb", "table/theirs")),
    Request(
        "interruption-handler",
        "dynamodb:UpdateItem",
        arn("dynamodb", "table/steady-ledger"),
        (("dynamodb:LeadingKeys", "web"),),
    ),
    Request("log-catalog", "glue:CreateTable", arn("glue", "table/theirs/orders")),
    Request("log-catalog", "s3:ListBucket", "arn:aws:s3:::theirs"),
    Request("task-status", "s3:PutObject", "arn:aws:s3:::statuses/elsewhere.json"),
    Request("task-status", "s3:PutObject", "arn:aws:s3:::logs/tasks/1"),
)


@pytest.mark.parametrize("request_", THEIRS, ids=lambda r: f"{r.role} {r.action}")
def test_what_is_others_is_denied(policies: Mapping[str, Any], request_: Request) -> None:
    in_their_cluster = (
        replace(request_, context=(("ecs:cluster", arn("ecs", "cluster/theirs")),))
        if request_.action.startswith("ecs:")
        else request_
    )

    assert decided(policies, [in_their_cluster]) == ["ImplicitlyDenied"]


def test_a_task_of_ours_in_a_cluster_of_theirs_is_denied(policies: Mapping[str, Any]) -> None:
    """The condition holds beside the resource: neither alone is enough."""
    ours, theirs = arn("ecs", "task/web/1"), arn("ecs", "cluster/theirs")

    assert decided(
        policies,
        [
            Request("interruption-handler", "ecs:StopTask", ours, (("ecs:cluster", theirs),)),
            Request("interruption-handler", "ecs:StopTask", ours, (("ecs:cluster", arn("ecs", "cluster/web")),)),
        ],
    ) == ["ImplicitlyDenied", "Allowed"]


def test_the_scenarios_of_the_chaos_make_no_other_call(requests: list[Request]) -> None:
    known = {(r.role, r.action) for r in requests}
    for scenario in SCENARIOS:
        trial = scenario()
        trial.run()
        for role in ("interruption-handler", "autoscaler", "runtask-failure"):
            made = trial.world.account.endpoint.counted(role).calls
            assert {(role, name.replace("elbv2:", "elasticloadbalancing:")) for name in made} <= known
