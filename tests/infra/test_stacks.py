"""What is deployed: that it is wired as described, and that each role may do what its function calls, and no more."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Match, Template

from infra import stacks, wiring
from simulator.suite import FAILURE_TOPIC
from simulator.world import SimulatedCluster, World
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
        ("service-out", wiring.SPOT_INTERRUPTION),
        ("service-out", wiring.REBALANCE_RECOMMENDATION),
        ("service-out", wiring.STATE_CHANGE),
        ("service-out", wiring.HEALTH_CHANGE),
        ("service-out", wiring.LIFECYCLE_TERMINATE),
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
            "AWS::Lambda::Function", {"Handler": feed.handler, "Timeout": feed.timeout_s}
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


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_role_may_do_what_its_function_calls_and_nothing_else(
    templates: dict[str, Template], function: str, calls: Mapping[str, set[str]]
) -> None:
    granted = set(_granted(templates, function))

    # What Lambda itself does with the role: its logs and its queue.
    lambdas_own = {a for a in granted if a.startswith("logs:")} | {
        "sqs:ReceiveMessage",
        "sqs:ChangeMessageVisibility",
        "sqs:GetQueueUrl",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
    }
    assert granted - lambdas_own == calls[function]


@pytest.fixture(scope="module")
def calls() -> Mapping[str, set[str]]:
    """Each function's calls, as IAM actions, in worlds where each of them has reason to do all that it can."""
    found: dict[str, set[str]] = {name: set() for name in FUNCTIONS}
    for world in (_world_of_interruptions(), _world_of_ticks(), _world_of_failures()):
        for function in world.suite.functions():
            assert function.failures == []
            made = world.account.endpoint.counted(function.name).calls
            found[function.name] |= {call.replace("elbv2:", "elasticloadbalancing:") for call in made}
    return found


def _busy_world(**thresholds: int | str) -> tuple[World, list[SimulatedCluster]]:
    """Both kinds of cluster, each with instances that are hardly used, under a threshold that does not parse."""
    world = World(seed=1)
    clusters = [world.group_cluster("web", 16, **thresholds), world.spot_cluster("batch", 16, **thresholds)]
    for cluster in clusters:
        world.account.parameters.put(f"/steady/clusters/{cluster.name}/drift_seconds", "often")
        cluster.service("api", 16, cpu=100, memory=100, requests_per_s=1)
    world.run(50)
    return world, clusters


def _world_of_interruptions() -> World:
    world, (web, batch) = _busy_world(mode="paused")
    leaving = web.ec2_instances()[0]
    assert leaving.container_instance
    web.batch_task(leaving.container_instance, run_s=300)
    recommended = {"instance-id": batch.ec2_instances()[0].id}
    world.account.messaging.put_event({**_sample_of(wiring.REBALANCE_RECOMMENDATION), "detail": recommended})
    world.run(5)
    batch.reclaim()
    world.account.groups.fail(leaving)
    world.account.messaging.put_event({**_sample_of(wiring.SPOT_INTERRUPTION), "detail": {}})
    world.run(400)
    return world


def _world_of_ticks() -> World:
    world, clusters = _busy_world(scale_in_after_seconds=60, scale_in_share=50)
    world.run(400)
    for cluster in clusters:
        cluster.service("more", 40, cpu=1024, memory=1000)
    world.account.messaging.enqueue(world.suite.triggers, "no trigger")
    world.run(300)
    return world


def _world_of_failures() -> World:
    """The autoscaler does not run: whatever is to be decided, the RunTask failures' function decides."""
    world, clusters = _busy_world(scale_in_after_seconds=60, scale_in_share=50)
    assert world.suite.autoscaler
    world.suite.autoscaler.handler = lambda event, context: {}
    for number in range(60):
        for cluster in clusters:
            # Most ask for more than any instance has, which is no want: the cluster may shrink meanwhile.
            cpu = 2048 if number >= 50 else 999_999
            text = {"cluster": cluster.name, "hako_task_id": f"{cluster.name}-{number}", "cpu": cpu, "memory": 100}
            world.account.messaging.publish(FAILURE_TOPIC, json.dumps(text))
        world.run(20)
    world.account.messaging.publish(FAILURE_TOPIC, "no failure")
    world.run(20)
    return world


def _sample_of(pattern: Mapping[str, Any]) -> dict[str, Any]:
    """An event that `pattern` lets through."""
    return {key: values[0] for key, values in pattern.items()}


def _granted(templates: dict[str, Template], function: str) -> Iterator[str]:
    construct = {
        "interruption-handler": "InterruptionHandler",
        "autoscaler": "Autoscaler",
        "runtask-failure": "RunTaskFailure",
    }[function]
    for template in templates.values():
        for name, policy in template.find_resources("AWS::IAM::Policy").items():
            if not name.startswith(f"{construct}Role"):
                continue
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                actions = statement["Action"]
                yield from [actions] if isinstance(actions, str) else actions
