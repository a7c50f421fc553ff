"""The roles may change the order of a group's types where the operator has opted in, and may do nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template

from infra import stacks
from infra.dashboards import ORDER_REASONS
from simulator.endpoint import ACCOUNT_ID
from simulator.world import World
from tests.infra.iam import Request, arn, decided, policies_of, requests_of

ROW = {"kind": "on-demand", "types": {"m5.large": 1, "m5.xlarge": 2}, "zones": ["us-east-1a", "us-east-1b"]}
FITTING: dict[str, Any] = {"type_order": "fitting"}
NAMES = ("web", "other")
ROLES = ("autoscaler", "runtask-failure")
TAKEN = {"ec2:RunInstances", "ec2:CreateTags", "iam:PassRole"}


def templates(*rows: Mapping[str, Any], **context: Any) -> dict[str, Template]:
    app = cdk.App(context={"clusters": list(rows), **context})
    stacks.add_to(app)
    return {s.stack_name: Template.from_stack(s) for s in app.node.find_all() if isinstance(s, cdk.Stack)}


def policies(*rows: Mapping[str, Any], **context: Any) -> Mapping[str, Any]:
    return policies_of(templates(*rows, **context))


@pytest.fixture(scope="module")
def of_web() -> Mapping[str, Any]:
    """The roles' policies with two made clusters, of which `web` alone has opted in."""
    return policies({"name": "web", **ROW, "thresholds": FITTING}, {"name": "other", **ROW})


@pytest.fixture(scope="module")
def requests() -> list[Request]:
    """The requests to change the order, in a world where a type is put first, and the order put back."""
    world = World(seed=1)
    world.account.endpoint.log = []
    web = world.group_cluster("web", 1, types={"m5.large": 1, "m5.xlarge": 2}, **FITTING)
    web.service("large", 1, cpu=3000, memory=9000)
    world.run(600)
    made = [call for call in world.account.endpoint.log if call.name == "autoscaling:UpdateAutoScalingGroup"]
    assert len(made) == 2
    return [request for call in made for request in requests_of(call)]


def refused(granted: Mapping[str, Any], asked: list[Request]) -> list[Request]:
    return [r for r, answer in zip(asked, decided(granted, asked), strict=True) if answer != "Allowed"]


@pytest.mark.parametrize("role", ROLES)
def test_all_that_the_call_takes_is_allowed(of_web: Mapping[str, Any], requests: list[Request], role: str) -> None:
    asked = [replace(r, role=role) for r in requests]

    assert {r.action for r in asked} == {*TAKEN, "autoscaling:UpdateAutoScalingGroup"}
    assert refused(of_web, asked) == []


def test_the_rights_are_no_way_to_anything_else(of_web: Mapping[str, Any]) -> None:
    template = ("ec2:LaunchTemplate", arn("ec2", "launch-template/lt-1"))
    overridden = (("ec2:IsLaunchTemplateResource", "false"), template)
    role = f"arn:aws:iam::{ACCOUNT_ID}:role"
    to_ec2 = (("iam:PassedToService", "ec2.amazonaws.com"),)
    asked = [
        # Another cluster's template, and one of nobody's.
        Request("autoscaler", "ec2:RunInstances", template[1], (("aws:ResourceTag/steady:cluster", "other"),)),
        Request("autoscaler", "ec2:RunInstances", template[1]),
        # An image, user data or a security group in place of the template's.
        Request("autoscaler", "ec2:RunInstances", "arn:aws:ec2:us-east-1::image/ami-1", overridden),
        Request("autoscaler", "ec2:RunInstances", arn("ec2", "security-group/sg-1"), overridden),
        Request("autoscaler", "ec2:RunInstances", arn("ec2", "instance/i-1"), overridden),
        # Without a template.
        Request("autoscaler", "ec2:RunInstances", arn("ec2", "subnet/s-1")),
        Request("autoscaler", "iam:PassRole", f"{role}/steady-cluster-other-ClusterInstancesInstanceRole-1", to_ec2),
        Request("autoscaler", "iam:PassRole", f"{role}/admin", to_ec2),
        Request(
            "autoscaler",
            "iam:PassRole",
            f"{role}/steady-cluster-web-ClusterInstancesInstanceRole-1",
            (("iam:PassedToService", "lambda.amazonaws.com"),),
        ),
        Request("autoscaler", "ec2:CreateTags", arn("ec2", "instance/i-1")),
        Request(
            "autoscaler",
            "autoscaling:UpdateAutoScalingGroup",
            arn("autoscaling", "autoScalingGroup:0123:autoScalingGroupName/other"),
        ),
        Request(
            "autoscaler",
            "autoscaling:UpdateAutoScalingGroup",
            arn("autoscaling", "autoScalingGroup:0123:autoScalingGroupName/web"),
            (("autoscaling:MaxSize", "5000"),),
        ),
    ]

    assert refused(of_web, asked) == asked


@pytest.mark.parametrize(
    ("row", "context"),
    [
        ({"name": "web", **ROW}, {}),
        ({"name": "web", **ROW, "kind": "spot", "thresholds": FITTING}, {}),
        ({"name": "web", "capacity": "auto-scaling-group:web", "thresholds": FITTING}, {}),
        ({"name": "web", **ROW, "thresholds": {"type_order": "kept"}}, {"thresholds": FITTING}),
    ],
    ids=["not opted in", "of Spot Instances", "adopted", "opted out"],
)
def test_without_it_no_role_may_launch_anything(row: Mapping[str, Any], context: Mapping[str, Any]) -> None:
    granted = policies(row, **context)

    assert set(granted) >= set(ROLES)
    for policy in granted.values():
        for statement in policy["Statement"]:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            assert TAKEN.isdisjoint(actions)


def test_the_dashboard_of_a_cluster_shows_the_order_if_it_may_change() -> None:
    found = templates({"name": "web", **ROW, "thresholds": FITTING}, {"name": "other", **ROW})
    shown = {name: str(found[f"steady-watch-{name}"].find_resources("AWS::CloudWatch::Dashboard")) for name in NAMES}

    for reason in ORDER_REASONS:
        assert [name for name in NAMES if reason.__name__ in shown[name]] == ["web"]
