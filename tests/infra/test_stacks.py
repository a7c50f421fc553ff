"""What is deployed: that it is wired as described, and that each role may do what its function calls, and no more."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Match, Template

from infra import stacks, wiring
from interruption_handler import notices
from steady.thresholds import THRESHOLDS

CONTEXT: dict[str, Any] = {
    "clusters": [
        {"name": "web", "capacity": "auto-scaling-group:web", "thresholds": {"max_capacity": 20}},
        {"name": "batch", "capacity": "spot-fleet:sfr-1"},
    ],
    "powertools_layer_version": 27,
    "@aws-cdk/core:defaultCrossStackReferences": "strong",
}
FUNCTIONS = {f.function: f for f in (wiring.INTERRUPTION, wiring.AUTOSCALER, wiring.RUNTASK_FAILURE)}


@pytest.fixture(scope="module")
def templates() -> dict[str, Template]:
    [added] = stacks.add_to(cdk.App(context=CONTEXT))
    named = {
        "state": added.state,
        "scaling": added.scaling,
        "service-out": added.service_out,
        "watch": added.watch,
        "people": added.people,
    }
    return {name: Template.from_stack(stack) for name, stack in named.items()}


def test_every_default_is_a_parameter_that_ssm_checks(templates: dict[str, Template]) -> None:
    for threshold in THRESHOLDS.values():
        templates["state"].has_resource_properties(
            "AWS::SSM::Parameter",
            {
                "Name": f"/steady/defaults/{threshold.name}",
                "Value": str(threshold.default),
                "AllowedPattern": threshold.allowed_pattern,
            },
        )


def test_each_cluster_has_its_pool_and_its_own_thresholds(templates: dict[str, Template]) -> None:
    for name, value in (
        ("web/capacity", "auto-scaling-group:web"),
        ("batch/capacity", "spot-fleet:sfr-1"),
        ("web/max_capacity", "20"),
    ):
        templates["state"].has_resource_properties(
            "AWS::SSM::Parameter",
            {"Name": f"/steady/clusters/{name}", "Value": value, "AllowedPattern": Match.any_value()},
        )


def test_events_reach_the_queues_that_feed_the_functions(templates: dict[str, Template]) -> None:
    for stack, pattern in (
        *(("service-out", kind.PATTERN) for kind in notices.KINDS),
        ("scaling", wiring.PLACEMENT_FAILURE),
    ):
        templates[stack].has_resource_properties("AWS::Events::Rule", {"EventPattern": pattern})


@pytest.mark.parametrize(
    ("stack", "feeds"), [("service-out", ["interruption-handler"]), ("scaling", ["autoscaler", "runtask-failure"])]
)
def test_each_queue_feeds_its_function_as_described(
    templates: dict[str, Template], stack: str, feeds: list[str]
) -> None:
    for feed in (FUNCTIONS[name] for name in feeds):
        templates[stack].has_resource_properties(
            "AWS::Lambda::Function",
            {"Handler": feed.handler, "Timeout": feed.timeout_s, "MemorySize": wiring.MEMORY_MB[feed.function]},
        )
        templates[stack].has_resource_properties(
            "AWS::Lambda::EventSourceMapping",
            {
                "BatchSize": feed.batch_size,
                "MaximumBatchingWindowInSeconds": feed.window_s,
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
            },
        )
        templates[stack].has_resource_properties(
            "AWS::SQS::Queue",
            {
                "VisibilityTimeout": feed.visibility_s,
                "RedrivePolicy": Match.object_like({"maxReceiveCount": feed.max_receives}),
            },
        )


def test_every_dead_letter_queue_has_an_alarm(templates: dict[str, Template]) -> None:
    for stack in ("service-out", "scaling"):
        queues = templates[stack].find_resources("AWS::SQS::Queue")
        dead = {name for name, q in queues.items() if "RedrivePolicy" not in q["Properties"]}
        alarms = templates[stack].find_resources(
            "AWS::CloudWatch::Alarm", {"Properties": {"MetricName": "ApproximateNumberOfMessagesVisible"}}
        )
        alarmed = {
            dimension["Value"]["Fn::GetAtt"][0]
            for alarm in alarms.values()
            for dimension in alarm["Properties"]["Dimensions"]
        }
        assert dead == alarmed


def test_every_alarm_links_to_an_entry_of_the_runbook(templates: dict[str, Template]) -> None:
    runbook = (Path(__file__).parents[2] / "docs/runbook.md").read_text()
    entries = {heading.lower().replace(" ", "-") for heading in re.findall(r"^## (.+)$", runbook, re.MULTILINE)}
    alarms = [a for t in templates.values() for a in t.find_resources("AWS::CloudWatch::Alarm").values()]
    linked = [re.findall(r"docs/runbook\.md#([a-z-]+)", a["Properties"]["AlarmDescription"]) for a in alarms]

    assert linked
    assert all(len(links) == 1 and links[0] in entries for links in linked)


def test_each_cluster_has_its_tick(templates: dict[str, Template]) -> None:
    schedules = templates["scaling"].find_resources("AWS::Scheduler::Schedule")
    ticks = {json.loads(s["Properties"]["Target"]["Input"])["cluster"] for s in schedules.values()}

    assert ticks == {"web", "batch"}
    assert {s["Properties"]["ScheduleExpression"] for s in schedules.values()} == {"rate(1 minute)"}
