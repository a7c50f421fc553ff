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
from infra.alarms import PREFIX
from infra.watched import OF_POOLS, OF_RENEWAL, WATCHED
from interruption_handler import notices
from steady.api_budget import limits
from tests.infra.watched import watch_template

CONTEXT: dict[str, Any] = {
    "thresholds": {"drift_seconds": 20},
    "clusters": [
        {"name": "web", "capacity": "auto-scaling-group:web", "thresholds": {"max_capacity": 20}},
        {"name": "batch", "capacity": "spot-fleet:sfr-1"},
    ],
    "powertools_layer_version": 27,
    "@aws-cdk/core:defaultCrossStackReferences": "strong",
}
FUNCTIONS = {f.function: f for f in (wiring.INTERRUPTION, wiring.AUTOSCALER, wiring.RUNTASK_FAILURE)}


def entries(runbook: str) -> dict[str, str]:
    """The text of each entry, by its anchor."""
    _, *parts = re.split(r"^## (.+)$", runbook, flags=re.MULTILINE)
    return {title.lower().replace(" ", "-"): text for title, text in zip(parts[::2], parts[1::2], strict=True)}


RUNBOOK = entries((Path(__file__).parents[2] / "docs/runbook.md").read_text())


def alarms(templates: dict[str, Template]) -> list[dict[str, Any]]:
    found = [t.find_resources("AWS::CloudWatch::Alarm") for t in templates.values()]
    return [alarm["Properties"] for alarms in found for alarm in alarms.values()]


def links(alarm: dict[str, Any]) -> list[str]:
    return re.findall(r"docs/runbook\.md#([a-z-]+)", alarm["AlarmDescription"])


def name_form(name: str) -> str:
    """What the runbook calls the alarm."""
    names = {
        "CLUSTER": [c["name"] for c in CONTEXT["clusters"]],
        "FUNCTION": wiring.MEMORY_MB,
        "BUCKET": [bucket.name for bucket in limits.BUCKETS],
    }
    for word, known in names.items():
        for one in known:
            name = re.sub(rf"(^|\s){one}(\s|$)", rf"\1{word}\2", name)
    return name.removeprefix(PREFIX)


def heading(entry: str) -> str:
    """The brackets after each sentence in italics: they hold the names of alarms."""
    return " ".join(re.findall(r"^\*[^*]+\*\s+\(([^)]+)\)", entry, flags=re.MULTILINE))


@pytest.fixture(scope="module")
def templates() -> dict[str, Template]:
    [added] = stacks.add_to(cdk.App(context=CONTEXT))
    named = {
        "state": added.state,
        "scaling": added.scaling,
        "service-out": added.service_out,
        "alerts": added.alerts,
    }
    return {"watch": watch_template(added), **{name: Template.from_stack(stack) for name, stack in named.items()}}


def test_each_cluster_has_its_pool_and_its_own_thresholds(templates: dict[str, Template]) -> None:
    for name, value in (
        ("clusters/web/capacity", "auto-scaling-group:web"),
        ("clusters/batch/capacity", "spot-fleet:sfr-1"),
        ("deployed/clusters/web/max_capacity", "20"),
        ("deployed/defaults/drift_seconds", "20"),
    ):
        templates["state"].has_resource_properties(
            "AWS::SSM::Parameter",
            {"Name": f"/steady/{name}", "Value": value, "AllowedPattern": Match.any_value()},
        )


def test_a_cluster_with_several_pools_has_each_of_them_and_a_hook_on_each_group() -> None:
    row = {
        "name": "mix",
        "pools": [
            {"name": "base", "capacity": "auto-scaling-group:mix-base", "min": 2},
            {"name": "large", "capacity": "auto-scaling-group:mix-large", "hook": False},
            {"name": "spot", "capacity": "spot-fleet:sfr-9", "priority": 10},
        ],
        "thresholds": {"expander": "least-waste"},
    }
    [added] = stacks.add_to(cdk.App(context={**CONTEXT, "clusters": [*CONTEXT["clusters"], row]}))
    state, service_out = Template.from_stack(added.state), Template.from_stack(added.service_out)

    for name, value in (
        ("clusters/mix/pools/base/capacity", "auto-scaling-group:mix-base"),
        ("clusters/mix/pools/spot/capacity", "spot-fleet:sfr-9"),
        ("deployed/clusters/mix/pools/base/min_capacity", "2"),
        ("deployed/clusters/mix/pools/spot/priority", "10"),
        ("deployed/clusters/mix/expander", "least-waste"),
    ):
        state.has_resource_properties("AWS::SSM::Parameter", {"Name": f"/steady/{name}", "Value": value})
    hooks = service_out.find_resources("AWS::AutoScaling::LifecycleHook").values()
    groups = {hook["Properties"]["AutoScalingGroupName"] for hook in hooks}
    assert "mix-base" in groups
    assert "mix-large" not in groups
    dashboards = watch_template(added).find_resources("AWS::CloudWatch::Dashboard").values()
    shown = [str(one["Properties"]) for one in dashboards if "PassedOver" in str(one["Properties"])]
    assert len(shown) == 1
    assert "steady-mix" in shown[0]


def test_no_threshold_of_the_operators_is_cloudformations(templates: dict[str, Template]) -> None:
    names = [
        resource["Properties"]["Name"]
        for template in templates.values()
        for resource in template.find_resources("AWS::SSM::Parameter").values()
    ]
    assert names
    assert all(name.startswith("/steady/deployed/") or name.endswith(("/capacity", "/ledger")) for name in names)


def test_events_reach_the_queues_that_feed_the_functions(templates: dict[str, Template]) -> None:
    for stack, pattern in (
        *(("service-out", kind.PATTERN) for kind in notices.KINDS),
        ("scaling", wiring.PLACEMENT_FAILURE),
    ):
        templates[stack].has_resource_properties("AWS::Events::Rule", {"EventPattern": pattern})


@pytest.mark.parametrize("is_on", [True, False])
def test_failed_calls_that_cloudtrail_reports_are_taken_where_that_is_asked_for(is_on: bool) -> None:
    [added] = stacks.add_to(cdk.App(context={**CONTEXT, "cloudtrail_failures": is_on}))
    template = Template.from_stack(added.scaling)

    for pattern in wiring.FAILED_CALLS:
        rules = template.find_resources("AWS::Events::Rule", {"Properties": {"EventPattern": pattern}})
        assert len(rules) == is_on


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
    linked = [links(alarm) for alarm in alarms(templates)]

    assert linked
    assert all(len(links) == 1 and links[0] in RUNBOOK for links in linked)


def test_the_runbook_names_every_alarm_in_the_entry_that_it_links_to(templates: dict[str, Template]) -> None:
    """By its form: the names of clusters, functions and buckets are CLUSTER, FUNCTION and BUCKET there."""
    forms = {(name_form(alarm["AlarmName"]), links(alarm)[0]) for alarm in alarms(templates)}
    # Those of clusters that the deployment renews, and of pools, are in no template here (test_watch.py).
    forms |= {(f"CLUSTER {watched.name}", watched.entry) for watched in OF_RENEWAL}
    forms |= {(f"CLUSTER pool POOL {watched.name}", watched.entry) for watched in OF_POOLS}
    named = {(name, anchor) for anchor, entry in RUNBOOK.items() for name in re.findall(r"`([^`]+)`", heading(entry))}

    assert len(forms) == len(WATCHED) + len(OF_RENEWAL) + len(OF_POOLS) + 5, (
        "a tick, a bucket, a function's errors and dead letters, what is not sent"
    )
    assert forms == named


def test_each_cluster_has_its_tick(templates: dict[str, Template]) -> None:
    schedules = templates["scaling"].find_resources("AWS::Scheduler::Schedule")
    ticks = {json.loads(s["Properties"]["Target"]["Input"])["cluster"] for s in schedules.values()}

    assert ticks == {"web", "batch"}
    assert {s["Properties"]["ScheduleExpression"] for s in schedules.values()} == {"rate(1 minute)"}


def test_the_autoscaler_is_told_at_once_of_a_tick_that_failed(templates: dict[str, Template]) -> None:
    [config] = templates["scaling"].find_resources("AWS::Lambda::EventInvokeConfig").values()
    [mapping] = [
        one["Properties"]
        for one in templates["scaling"].find_resources("AWS::Lambda::EventSourceMapping").values()
        if one["Properties"].get("BatchSize") == wiring.AUTOSCALER.batch_size
    ]

    assert config["Properties"]["MaximumRetryAttempts"] == 0
    assert config["Properties"]["DestinationConfig"] == {"OnFailure": {"Destination": mapping["EventSourceArn"]}}
