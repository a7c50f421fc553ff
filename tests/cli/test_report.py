"""`steady report`: hours by purchase, their ratio, their cost, and what on-demand alone would have cost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from cli.main import app
from cli.report.price import BadPrice, read_prices
from simulator.bill import NoPrice, Price, bill
from steady.aws.runtime import Runtime
from steady.aws.scaling import ledger
from steady.names import LEDGER_PARAMETER
from steady.scaling.state import ScalingState
from steady.scaling.usage import Usage
from tests.cli import accounts

HOURS = {"on-demand": {"m5.large": 10.0}, "spot": {"m5.large": 30.0, "m5.xlarge": 10.0}}
CLUSTER = {
    "instance_hours_by": HOURS,
    "instance_types": {"m5.large": {"vcpu": 2, "gib": 8}, "m5.xlarge": {"vcpu": 4, "gib": 16}},
    "occupied_hours": 45.0,
    "reserved": [{"service": "api", "family": "api", "tasks": 9, "vcpu_hours": 60.0, "gib_hours": 240.0}],
}
PRICES = {"m5.large": Price(0.10, 0.04), "m5.xlarge": Price(0.20, 0.06)}


def report(*arguments: str) -> dict[str, Any]:
    done = CliRunner().invoke(app, ["report", *arguments, "--json", "-"])
    assert done.exit_code == 0, done.output
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def refused(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["report", *arguments])
    assert done.exit_code == 2, done.output
    assert len(done.stderr.strip().splitlines()) == 1
    return done.stderr


@pytest.fixture
def simulation(tmp_path: Path) -> Path:
    path = tmp_path / "result.json"
    path.write_text(json.dumps([{"policy": "steady", "clusters": {"web": CLUSTER}}]))
    return path


@pytest.fixture
def account(aws: boto3.Session) -> Runtime:
    """The ledger of two clusters, with a day of each."""
    runtime = Runtime(session=aws)
    accounts.ledger(runtime)
    for cluster, kind, hours in (
        ("web", "auto-scaling-group:web", {"on-demand m5.large": 48.0}),
        ("batch", "spot-fleet:sfr-1", {"spot m5.large": 180.0, "on-demand m5.large": 12.0}),
    ):
        runtime.ssm.put_parameter(Name=f"/steady/clusters/{cluster}/capacity", Value=kind, Type="String")
        memory = ScalingState(usage=Usage(1.0, {}, {"2026-01-30": hours}))
        ledger.save(runtime, accounts.LEDGER, ledger.load(runtime, accounts.LEDGER, cluster), memory, 0.0)
    return runtime


def test_the_bill_of_hours() -> None:
    due = bill(HOURS, PRICES)

    assert (due.on_demand_hours, due.spot_hours, due.spot_to_each_on_demand) == (10, 40, 4)
    assert due.cost == pytest.approx(10 * 0.10 + 30 * 0.04 + 10 * 0.06)
    assert due.on_demand_only_cost == pytest.approx(40 * 0.10 + 10 * 0.20)
    assert due.saved_percent == pytest.approx(100 * (1 - 2.8 / 6.0))


def test_without_prices_the_hours_are_said_and_no_cost_is_guessed(simulation: Path) -> None:
    figures = report("--simulation", str(simulation))

    assert (figures["on_demand_hours"], figures["spot_hours"], figures["cost"]) == (10, 40, None)


def test_a_simulation_is_priced(simulation: Path, tmp_path: Path) -> None:
    prices = tmp_path / "prices.json"
    prices.write_text('{"m5.large": {"on_demand": 9, "spot": 9}, "m5.xlarge": {"on_demand": 0.20, "spot": 0.06}}')

    figures = report("--simulation", str(simulation), "--prices", str(prices), "--price", "m5.large=0.10,0.04")

    assert (figures["cost"], figures["on_demand_only_cost"]) == (2.8, 6.0)
    assert figures["clusters"]["web"]["saved_percent"] == pytest.approx(53.33)


def test_what_simulate_writes_can_be_reported_on(tmp_path: Path) -> None:
    CliRunner().invoke(app, ["demo", "--hours", "1", "--out", str(tmp_path)])

    figures = report("--simulation", str(tmp_path / "result.json"))

    simulated = json.loads((tmp_path / "result.json").read_text())[0]["instance_hours"]
    assert figures["on_demand_hours"] > 0
    assert figures["on_demand_hours"] + figures["spot_hours"] == pytest.approx(simulated, abs=0.02)


def test_a_day_of_the_ledger_is_reported_by_cluster_and_in_all(account: Runtime) -> None:
    figures = report("--day", "2026-01-30", "--price", "m5.large=0.10,0.04")

    assert figures["clusters"]["web"]["hours"] == {"on-demand": {"m5.large": 48.0}, "spot": {}}
    assert figures["clusters"]["batch"]["spot_hours"] == 180
    assert (figures["on_demand_hours"], figures["spot_hours"], figures["spot_to_each_on_demand"]) == (60, 180, 3)
    assert figures["cost"] == pytest.approx(60 * 0.10 + 180 * 0.04)
    assert figures["on_demand_only_cost"] == pytest.approx(240 * 0.10)


def test_one_cluster_can_be_asked_for(account: Runtime) -> None:
    assert list(report("batch", "--day", "2026-01-30")["clusters"]) == ["batch"]


def test_the_table_reads_like_the_designs_ratio(account: Runtime) -> None:
    done = CliRunner().invoke(app, ["report", "--day", "2026-01-30", "--price", "m5.large=0.10,0.04"])

    assert "1 : 3.0" in done.stdout
    assert "45 %" in done.stdout


def test_what_cannot_be_reported_is_said_in_one_line(account: Runtime, simulation: Path, tmp_path: Path) -> None:
    assert "has no instance-hours of 2026-01-31: it has 2026-01-30 to 2026-01-30" in refused("--day", "2026-01-31")
    assert 'day is "yesterday": a day such as 2026-01-31' in refused("--day", "yesterday")
    assert "cluster old is not managed: one of batch, web is needed" in refused("old", "--day", "2026-01-30")
    assert "has no run of policy escalator: one of steady" in refused(
        "--simulation", str(simulation), "--policy", "escalator"
    )
    assert "No such file" in refused("--simulation", str(tmp_path / "none.json"))
    assert 'has no cluster "old": one of web is needed' in refused("old", "--simulation", str(simulation))
    account.ssm.delete_parameter(Name=LEDGER_PARAMETER)
    assert "deploy the suite here" in refused("--day", "2026-01-30")


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ("m5.large", "TYPE=ON_DEMAND,SPOT is needed"),
        ("m5.large=cheap", "m5.large is 'cheap': the price of an hour"),
        ("m5.large=0.1,-1", "m5.large is '-1'"),
        ("m5.large=nan", "m5.large is 'nan'"),
    ],
)
def test_what_is_no_price_is_refused(given: str, what: str) -> None:
    with pytest.raises(BadPrice, match=what):
        read_prices([given], None)


@pytest.mark.parametrize("text", ["[]", "{", '{"m5.large": 1}', '{"m5.large": {"spot": 1}}'])
def test_a_file_that_holds_no_prices_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "prices.json"
    file.write_text(text)

    with pytest.raises(BadPrice, match=r"prices\.json"):
        read_prices([], file)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "Invalid JSON"),
        ("{}", "Input should be a valid array"),
        ("[]", "has no run of policy steady: it has no run at all"),
        ('[{"policy": "steady"}]', "0.clusters: Field required"),
        ('[{"policy": "steady", "clusters": {"web": {}}}]', "0.clusters.web.instance_hours_by: Field required"),
        (
            json.dumps([{"policy": "steady", "clusters": {"web": CLUSTER | {"occupied_hours": -1}}}]),
            "0.clusters.web.occupied_hours: Input should be greater than or equal to 0",
        ),
    ],
)
def test_a_file_that_is_no_result_is_refused_in_one_line(text: str, what: str, tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    file.write_text(text)

    said = refused("--simulation", str(file))

    assert str(file) in said
    assert what in said


def test_a_price_that_is_missing_is_named() -> None:
    with pytest.raises(NoPrice, match=r"m5\.xlarge has no price: --price m5\.xlarge=ON_DEMAND,SPOT"):
        bill(HOURS, {"m5.large": Price(0.10, 0.04)})
    with pytest.raises(NoPrice, match=r"m5\.large has no Spot price: --price m5\.large=0\.1,SPOT"):
        bill(HOURS, {"m5.large": Price(0.10)})
