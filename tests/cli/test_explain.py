"""`steady explain` on the simulated account: what is seen, wanted and decided; nothing is written."""

from __future__ import annotations

import boto3
import pytest
from typer.testing import CliRunner

from cli import explain
from cli.explain import explained
from cli.main import app
from simulator.suite import LAUNCHES_TABLE, LEDGER_TABLE
from simulator.world import World
from steady.scaling.rules import RULES
from steady.thresholds import BadThreshold

WRITES = ("Put", "Update", "Modify", "Set", "Terminate", "Stop", "Deregister", "Send", "Delete", "Publish")


def busy_world(**thresholds: int | str) -> World:
    world = World(seed=1)
    web = world.spot_cluster("web", 2, learning="off", **thresholds)
    web.service("api", 6, cpu=1000, memory=1000)
    world.run(40)
    return world


def test_what_is_seen_wanted_and_decided_is_said() -> None:
    world = busy_world()

    answer = explained(world.suite.runtime("operator"), "web", LEDGER_TABLE)

    assert answer["pool"]["name"] == "spot-fleet:sfr-web"
    assert {i["status"] for i in answer["instances"]} == {"ACTIVE"}
    assert sum(i["tasks"] for i in answer["instances"]) == 4
    assert answer["reservation"]["CPU"] == pytest.approx(100 * 4000 / 4096, abs=0.1)
    assert answer["lacking"] == {"api": 2}
    assert [r["rule"] for r in answer["rules"]] == [rule.__name__ for rule in RULES]
    wants = {r["rule"]: r["wants"] for r in answer["rules"]}
    assert wants["service_drift"][0]["tasks"] == 2
    assert wants["reservation_high"][0]["saw"] == "CPU reservation 98 % (threshold 100 %)"
    assert answer["decision"]["target"] >= 3


def test_nothing_is_written() -> None:
    world = busy_world()
    world.account.endpoint.log = []

    explained(world.suite.runtime("operator"), "web", LEDGER_TABLE)

    calls = {call.name.split(":")[1] for call in world.account.endpoint.log if call.caller == "operator"}
    assert "DescribeContainerInstances" in calls
    assert [name for name in calls if name.startswith(WRITES)] == []


def test_it_is_the_decision_that_the_next_tick_makes() -> None:
    world = busy_world()

    answer = explained(world.suite.runtime("operator"), "web", LEDGER_TABLE)
    world.suite.tick("web")
    world.run(3)

    decided = world.suite.telemetry.decisions()[-1].fields
    assert decided["target"] == answer["decision"]["target"]
    assert [r["rule"] for r in decided["reasons"]] == [r["rule"] for r in answer["decision"]["reasons"]]


def test_in_dry_run_it_says_what_would_be_done_and_that_it_is_not() -> None:
    answer = explained(busy_world(mode="dry-run").suite.runtime("operator"), "web", LEDGER_TABLE)

    assert answer["decision"]["target"] > answer["pool"]["target"]
    assert answer["decision"]["acts"] is False


def test_a_cluster_that_is_not_managed_is_refused() -> None:
    with pytest.raises(BadThreshold, match="cluster old is not managed: one of web is needed"):
        explained(busy_world().suite.runtime("operator"), "old", LEDGER_TABLE)


def test_the_tables_are_readable(monkeypatch: pytest.MonkeyPatch) -> None:
    world = busy_world()
    world.account.parameters.put("/steady/ledger", LEDGER_TABLE)
    monkeypatch.setattr(explain, "runtime", lambda profile, region: world.suite.runtime("operator"))

    done = CliRunner().invoke(app, ["explain", "web"])

    assert done.exit_code == 0, done.output
    for text in ("i-00000000000000001", "service_drift", "places for 2 tasks", "decision: target", "lacks 2 tasks"):
        assert text in done.stdout


def test_another_order_of_the_types_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(seed=1)
    types = {"m5.large": 1, "m5.xlarge": 2}
    web = world.group_cluster("web", 1, types=types, type_order="fitting", mode="dry-run", learning="off")
    web.service("large", 1, cpu=3000, memory=9000)
    world.run(90)
    world.account.parameters.put("/steady/ledger", LEDGER_TABLE)
    monkeypatch.setattr(explain, "runtime", lambda profile, region: world.suite.runtime("operator"))

    assert explained(world.suite.runtime("operator"), "web", LEDGER_TABLE)["decision"]["order"] == [*reversed(types)]
    done = CliRunner().invoke(app, ["explain", "web"])

    assert "order: m5.xlarge, m5.large" in done.stdout
    assert "TypePutFirst: m5.xlarge is put first" in done.stdout


def test_each_request_of_the_launch_queue_that_waits_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(seed=1)
    web = world.group_cluster("web", 1, maximum=1)
    web.define("report", 4096, 256)
    world.suite.launch(cluster="web", taskDefinition="report", clientToken="later", deadline=600)
    world.suite.launch(cluster="web", taskDefinition="report", clientToken="first", priority=50, count=2)
    world.run(20)
    world.account.parameters.put("/steady/ledger", LEDGER_TABLE)
    world.account.parameters.put("/steady/launches", LAUNCHES_TABLE)
    monkeypatch.setattr(explain, "runtime", lambda profile, region: world.suite.runtime("operator"))

    launches = explained(world.suite.runtime("operator"), "web", LEDGER_TABLE, LAUNCHES_TABLE)["launches"]
    assert [(one["id"], one["count"], one["started"]) for one in launches] == [("first", 2, 0), ("later", 1, 0)]
    assert {one["waits_s"] for one in launches} <= {18, 19, 20}
    assert launches[0]["reason"] == "RESOURCE:CPU"

    done = CliRunner().invoke(app, ["explain", "web"])
    for text in ("first", "2 of 2 x report", "RESOURCE:CPU", "later"):
        assert text in done.stdout


def test_where_the_suite_is_not_deployed_that_is_said_in_one_line(aws: boto3.Session) -> None:
    done = CliRunner().invoke(app, ["explain", "web"])

    assert done.exit_code == 2
    assert "/steady/ledger is missing: deploy the suite here" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
