"""Alarms and dashboards: each looks at a metric that the functions do put out, and people are told in a line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template

from infra import stacks, wiring
from infra.dashboards import ORDER_REASONS, RENEWAL_REASONS
from infra.watch_stack import NEAR_A_LIMIT
from infra.watched import OF_POOLS, OF_RENEWAL, WATCHED
from simulator.world import World
from steady.api_budget import limits
from steady.aws.telemetry import PowertoolsTelemetry
from steady.metrics import MetricName
from steady.scaling.delivery import PassedOver
from steady.scaling.place_reasons import PlacesKept
from steady.scaling.reasons import Reason
from tests.infra.test_stacks import CONTEXT
from tests.infra.watched import watch_template

COUNTED_BESIDE_REASONS = ("BadThresholds", "ParametersUnreadable", "LedgerUnreachable", "LedgerDropped", "CallsShed")
CLUSTERS = ("web", "batch")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def templates() -> dict[str, Template]:
    [added] = stacks.add_to(cdk.App(context={**CONTEXT, "task_status": {}, "task_launcher": {}, "logs": {}}))
    return {
        "watch": watch_template(added),
        "alerts": Template.from_stack(added.alerts),
        "scaling": Template.from_stack(added.scaling),
    }


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """What a function puts out, as (name, dimensions) of each metric."""

    def put_out(function: str, say: Any) -> set[tuple[str, frozenset[tuple[str, str]]]]:
        monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", function)
        say(PowertoolsTelemetry())
        found = set()
        for line in capsys.readouterr().out.splitlines():
            emf = json.loads(line)
            [described] = emf["_aws"]["CloudWatchMetrics"]
            assert described["Namespace"] == "Steady"
            [dimensions] = described["Dimensions"]
            for metric in described["Metrics"]:
                found.add((metric["Name"], frozenset((d, emf[d]) for d in dimensions)))
        return found

    return put_out


def alarms(template: Template) -> list[dict[str, Any]]:
    return [a["Properties"] for a in template.find_resources("AWS::CloudWatch::Alarm").values()]


def shown_by(templates: dict[str, Template]) -> str:
    """The dashboards' and the alarms' definitions, as text."""
    dashboards = templates["watch"].find_resources("AWS::CloudWatch::Dashboard")
    return json.dumps([*dashboards.values(), *alarms(templates["watch"])])


def metric_of(alarm: dict[str, Any]) -> tuple[str, frozenset[tuple[str, str]]]:
    return alarm["MetricName"], frozenset((d["Name"], d["Value"]) for d in alarm["Dimensions"])


def test_every_alarm_looks_at_what_the_functions_put_out(templates: dict[str, Template], lines: Any) -> None:
    def autoscaler(telemetry: PowertoolsTelemetry) -> None:
        for cluster in CLUSTERS:
            for name in (*(r.__name__ for r in Reason.__subclasses__()), *COUNTED_BESIDE_REASONS, "Ticks"):
                telemetry.count(name, cluster=cluster)
            telemetry.gauges({"SpotShort": 1, "LateTasks": 1, "StartAtOnceShortfall": 1, "Target": 2}, cluster)

    def handler(telemetry: PowertoolsTelemetry) -> None:
        for cluster in CLUSTERS:
            telemetry.count("TasksKilled", cluster=cluster)
            telemetry.count("DrainStepFailures", cluster=cluster)
            telemetry.seconds("DeregisteredAfter", 3.5, cluster)
        telemetry.api_calls({bucket.name: 1 for bucket in limits.BUCKETS})

    put_out = lines(wiring.AUTOSCALER.function, autoscaler) | lines(wiring.INTERRUPTION.function, handler)

    looked_at = {metric_of(alarm) for alarm in alarms(templates["watch"])}
    assert looked_at - put_out == set()
    assert len(looked_at) == len(CLUSTERS) * (len(WATCHED) + 1) + len(limits.BUCKETS)


def test_the_functions_do_count_what_is_watched(templates: dict[str, Template]) -> None:
    """The names are those that the handlers use: a shortage, a bad threshold and a reclaim bring them up."""
    world = World(seed=1)
    web = world.spot_cluster("web", 4, max_capacity=4)
    world.account.parameters.put("/steady/clusters/web/drift_seconds", "often")
    web.service("api", 8, cpu=1000, memory=1000, requests_per_s=1)
    world.run(65)
    world.account.spot.set_available(world.account.fleets.fleets["sfr-web"], 0.5)
    web.service("more", 20, cpu=1000, memory=1000)
    world.run(300)
    [victim, *_] = [i for i in web.ec2_instances() if i.container_instance and i.container_instance.tasks]
    world.account.ec2.terminate(victim)
    world.run(30)

    telemetry = world.suite.telemetry
    assert {"Ticks", "BadThresholds", "AtMaximum", "TasksKilled", "TargetsDeregistered"} <= set(telemetry.counts)
    assert max(telemetry.measured["DeregisteredAfter", "web"]) < 15
    gauges = {name for name, _ in telemetry.measured}
    assert {"Target", "Held", "CpuReservation", "SpotShort"} <= gauges
    shown = shown_by(templates)
    assert {name for name in gauges if not re.search(rf"\b{name}\b", shown)} == set()
    assert telemetry.counts["TasksKilled"] >= 1


def test_the_limits_alarm_is_at_its_share_of_what_a_minute_allows(templates: dict[str, Template]) -> None:
    thresholds = {
        bucket: alarm["Threshold"]
        for alarm in alarms(templates["watch"])
        if alarm["MetricName"] == "ApiCalls"
        for name, bucket in metric_of(alarm)[1]
        if name == "bucket"
    }

    assert thresholds["cluster-resource-modify"] == pytest.approx(NEAR_A_LIMIT * 40 * 60)
    assert set(thresholds) == {bucket.name for bucket in limits.BUCKETS}


def test_silence_is_an_alarm(templates: dict[str, Template]) -> None:
    ticks = [a for a in alarms(templates["watch"]) if a["MetricName"] == "Ticks"]

    assert len(ticks) == len(CLUSTERS)
    for alarm in ticks:
        assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
        assert (alarm["TreatMissingData"], alarm["EvaluationPeriods"]) == ("breaching", 5)


def test_every_alarm_has_a_name_of_its_own_that_a_chat_can_show(templates: dict[str, Template]) -> None:
    names = [a["AlarmName"] for template in templates.values() for a in alarms(template)]

    assert len(names) == len(set(names))
    assert "steady: web needs more than its maximum capacity" in names
    assert all(name.startswith("steady: ") for name in names)


def test_people_are_told_in_a_line(templates: dict[str, Template]) -> None:
    rules = [r["Properties"] for r in templates["alerts"].find_resources("AWS::Events::Rule").values()]
    texts = {
        rule["EventPattern"]["detail"]["state"]["value"][0]: rule["Targets"][0]["InputTransformer"] for rule in rules
    }

    def told(state: str) -> str:
        transformer = texts[state]
        event = {
            "$.detail.alarmName": "steady: web is short of Spot capacity",
            "$.detail.configuration.description": "Tasks of cluster web wait. docs/runbook.md#spot-shortage",
            "$.detail.state.reason": "Threshold Crossed",
        }
        filled = {key: event[path] for key, path in transformer["InputPathsMap"].items()}
        return str(json.loads(re.sub(r"<([^>]+)>", lambda m: filled[m[1]], transformer["InputTemplate"])))

    assert told("ALARM") == (
        "ALARM steady: web is short of Spot capacity. Tasks of cluster web wait. docs/runbook.md#spot-shortage "
        "(Threshold Crossed)"
    )
    assert told("OK") == "OK steady: web is short of Spot capacity: this alarm has ended."


def test_there_is_a_dashboard_a_cluster_and_one_for_the_suite(templates: dict[str, Template]) -> None:
    dashboards = [d["Properties"] for d in templates["watch"].find_resources("AWS::CloudWatch::Dashboard").values()]
    names = {str(d["DashboardName"]) for d in dashboards}

    assert {"steady-web", "steady-batch"} < names
    assert len(dashboards) == len(CLUSTERS) + 1
    text = shown_by(templates)
    for shown in ("CpuReservation", "DeregisteredAfter", "ApiCalls", "ConsumedReadCapacityUnits", "Duration"):
        assert shown in text


def test_an_alarm_says_whom_it_concerns(templates: dict[str, Template]) -> None:
    """A chat shows no dimensions: the name and the description each say which cluster, bucket or function it is."""
    for template in templates.values():
        for alarm in alarms(template):
            named = {*CLUSTERS, *wiring.MEMORY_MB, *(bucket.name for bucket in limits.BUCKETS), "people"}
            concerned = [name for name in named if re.search(rf"\b{name}\b", alarm["AlarmName"])]
            assert concerned, alarm["AlarmName"]
            assert any(re.search(rf"\b{name}\b", alarm["AlarmDescription"]) for name in concerned)


def test_every_metric_is_read_by_an_alarm_or_a_dashboard(templates: dict[str, Template]) -> None:
    names = {*MetricName, *(reason.__name__ for reason in Reason.__subclasses__())}

    shown = shown_by(templates)

    # Gauges are looked for where the functions put them out: in the test of what the functions count. Those of an order
    # of types are on the dashboards of clusters that may change it (test_type_order.py), those of pools where a cluster
    # has several (test_pool_metrics.py), those of renewal where it is on (below).
    missing = {name for name in names if not re.search(rf"\b{name}\b", shown)}
    of_some = (*ORDER_REASONS, PassedOver, PlacesKept, *RENEWAL_REASONS)
    gauges = {MetricName.DRIFTED, MetricName.OF_MAXIMUM, MetricName.POOL_UNREADABLE}
    assert missing == {*gauges, *(reason.__name__ for reason in of_some)}


def test_a_cluster_that_the_deployment_renews_has_its_row_and_its_alarm(templates: dict[str, Template]) -> None:
    names = {MetricName.DRIFTED, *(reason.__name__ for reason in RENEWAL_REASONS)}
    [added] = stacks.add_to(cdk.App(context={**CONTEXT, "thresholds": {"renew": "drift"}}))
    renewed = {"watch": watch_template(added)}

    shown = shown_by(renewed)

    assert {name for name in names if not re.search(rf"\b{name}\b", shown)} == set()
    assert [name for name in names if re.search(rf"\b{name}\b", shown_by(templates))] == []
    more = {alarm["AlarmName"] for alarm in alarms(renewed["watch"])} - {
        a["AlarmName"] for a in alarms(templates["watch"])
    }
    assert more == {f"steady: {cluster} has stopped its renewal" for cluster in CLUSTERS}


def test_the_page_of_renamed_alarms_has_every_alarm_of_a_cluster() -> None:
    page = (ROOT / "docs" / "renamed-alarms.md").read_text()

    names = [f"CLUSTER {watched.name}" for watched in (*WATCHED, *OF_RENEWAL)]
    names += [f"CLUSTER pool POOL {watched.name}" for watched in OF_POOLS]
    assert [name for name in names if f"| `{name}` |" not in page] == []
