"""The library's target group fits: the doctor finds nothing to say of it."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk.assertions import Template

from cli.doctor.findings import findings
from cli.doctor.model import Inspection, TargetGroup
from infra.service_target_group import ServiceTargetGroup
from infra.settings.errors import BadSettings
from steady.pools import PoolKind, PoolName


def synthesized(**props: Any) -> dict[str, Any]:
    stack = cdk.Stack(cdk.App(), "services")
    ServiceTargetGroup(stack, "Api", vpc=ec2.Vpc(stack, "Vpc"), port=80, **props)
    template = Template.from_stack(stack)
    [group] = template.find_resources("AWS::ElasticLoadBalancingV2::TargetGroup").values()
    properties: dict[str, Any] = group["Properties"]
    return properties


def attributes_of(properties: dict[str, Any]) -> dict[str, str]:
    return {a["Key"]: a["Value"] for a in properties["TargetGroupAttributes"]}


@pytest.mark.parametrize(("stop_timeout_s", "delay"), [(30, "45"), (60, "42"), (72, "30")])
def test_its_delay_ends_before_a_task_must_be_stopped(stop_timeout_s: int, delay: str) -> None:
    properties = synthesized(stop_timeout_s=stop_timeout_s, path="/health")
    attributes = attributes_of(properties)
    assert attributes["deregistration_delay.timeout_seconds"] == delay
    assert properties["HealthCheckPath"] == "/health"

    group = TargetGroup(
        arn="arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/api/0123456789abcdef",
        service="api",
        delay_s=int(delay),
        slow_start_s=int(attributes["slow_start.duration_seconds"]),
        health_interval_s=properties["HealthCheckIntervalSeconds"],
        healthy_count=properties["HealthyThresholdCount"],
        stop_timeout_s=stop_timeout_s,
    )
    assert findings(Inspection("web", PoolName(PoolKind.SPOT_FLEET, "sfr-1"), target_groups=(group,))) == ()


def test_a_stop_timeout_that_leaves_no_time_for_a_delay_is_refused() -> None:
    with pytest.raises(BadSettings, match="stop_timeout_s is 73: 72 or less is needed"):
        synthesized(stop_timeout_s=73)
