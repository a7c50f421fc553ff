"""`steady cost`: the bill is that of the templates, and the page's tables are those of the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli import cost_page
from cli.cost.bill import METRICS_OF_A_CLUSTER, bill_of
from cli.main import app
from simulator.world import World


def test_the_pages_tables_are_those_of_the_templates() -> None:
    page = cost_page.PAGE.read_text()

    assert cost_page.with_tables(page) == page


def test_the_smallest_deployment_costs_less_than_five_dollars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    context = cost_page.lean_of(cost_page.PAGE.read_text())
    Path("cdk.json").write_text(json.dumps({"context": context}))

    done = CliRunner().invoke(app, ["cost", "--json", "-"])

    found: dict[str, Any] = json.loads(done.stdout)
    assert found["usd_a_month"]["charged"] < 5
    assert "NAT gateways" not in {line["what"] for line in found["lines"]}
    assert "all" in CliRunner().invoke(app, ["cost"]).stdout


def test_a_dashboard_of_many_metrics_is_not_free() -> None:
    def dashboard(metrics: int) -> dict[str, Any]:
        body = json.dumps({"widgets": [{"properties": {"metrics": [["AWS/Lambda", "Errors"]] * metrics}}]})
        return {"Type": "AWS::CloudWatch::Dashboard", "Properties": {"DashboardBody": {"Fn::Join": ["", [body]]}}}

    lines = {x.what: x for x in bill_of([{"Resources": {"A": dashboard(50), "B": dashboard(51)}}])}

    assert lines["dashboards"].charged == 0
    assert lines["dashboards of more than 50 metrics"].charged == 3


def test_an_idle_cluster_puts_out_as_many_metrics_as_the_bill_says() -> None:
    world = World(seed=1)
    web = world.group_cluster("web", 2)
    web.service("api", 2, cpu=700, memory=3000)
    world.run(1800)
    telemetry = world.suite.telemetry
    telemetry.measured.clear()
    telemetry.counts.clear()
    world.run(600)

    # A count of 0 is not put out (steady.aws.telemetry).
    counted = [name for name, value in telemetry.counts.items() if value]
    assert len(telemetry.measured) + len(counted) == METRICS_OF_A_CLUSTER
