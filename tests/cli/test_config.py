"""`steady config`: what is shown, set, checked, looked back at and reset, with and without errors."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from click.testing import Result
from typer.testing import CliRunner

from cli.main import app
from steady.thresholds import THRESHOLDS


@pytest.fixture
def account(aws: boto3.Session) -> Any:
    """SSM with a managed cluster `web`; returns what puts a value."""
    ssm = aws.client("ssm")

    def put(path: str, value: str) -> None:
        ssm.put_parameter(Name=f"/steady/{path}", Value=value, Type="String", Overwrite=True)

    put("clusters/web/capacity", "auto-scaling-group:web")
    put("deployed/defaults/drift_seconds", "45")
    return put


def config(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["config", *arguments])


def answer(*arguments: str) -> Any:
    done = config(*arguments, "--json", "-")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def refused(*arguments: str) -> str:
    done = config(*arguments)
    assert done.exit_code == 2, done.output
    assert len(done.stderr.strip().splitlines()) == 1
    return done.stderr


def row(name: str) -> dict[str, Any]:
    [found] = [r for r in answer("show", "web")["thresholds"] if r["name"] == name]
    assert isinstance(found, dict)
    return found


def test_every_threshold_is_shown_with_where_it_comes_from(account: Any) -> None:
    account("clusters/web/max_capacity", "20")

    assert [r["name"] for r in answer("show", "web")["thresholds"]] == list(THRESHOLDS)
    assert (row("max_capacity")["value"], row("max_capacity")["from"]) == (20, "cluster")
    assert (row("drift_seconds")["value"], row("drift_seconds")["from"]) == (45, "deployment")
    assert (row("scale_in_share")["value"], row("scale_in_share")["from"]) == (25, "built in")
    shown = config("show", "web").stdout
    assert "max_capacity" in shown
    assert "cluster" in shown


def test_what_is_set_holds(account: Any) -> None:
    done = config("set", "web", "cpu_reservation_high=75", "drift_seconds=10")

    assert done.exit_code == 0, done.output
    assert "/steady/clusters/web/cpu_reservation_high: 100 -> 75" in done.stdout
    assert "/steady/clusters/web/drift_seconds: 45 -> 10" in done.stdout
    assert (row("cpu_reservation_high")["value"], row("cpu_reservation_low")["value"]) == (75, 65)


def test_the_deployments_defaults_are_set(account: Any) -> None:
    changed = answer("set", "--defaults", "scale_in_share=50")

    assert changed["changed"] == [{"path": "/steady/defaults/scale_in_share", "before": 25, "after": 50}]
    assert (row("scale_in_share")["value"], row("scale_in_share")["from"]) == (50, "default")


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["web", "cpu_reservation_high=8O"], 'cpu_reservation_high is "8O": a percentage from 1 to 100 is needed'),
        (["web", "speed=1"], '"speed" is no threshold: one of mode,'),
        (["web", "drift_seconds"], '"drift_seconds" is no setting: NAME=VALUE is needed'),
        (["web"], "no setting is given"),
        (["old", "drift_seconds=1"], "cluster old is not managed: one of web is needed"),
        (["web", "min_capacity=9", "max_capacity=3"], "min_capacity is 9 and /steady/clusters/web/max_capacity is 3"),
        (["web", "cpu_reservation_low=80", "cpu_reservation_high=80"], "the first must be under the second; set both"),
    ],
)
def test_nothing_is_written_if_anything_is_wrong(account: Any, arguments: list[str], what: str) -> None:
    before = answer("show", "web")

    assert what in refused("set", *arguments)

    assert answer("show", "web") == before


def test_a_check_names_parameter_value_and_range(account: Any) -> None:
    assert config("check").exit_code == 0
    account("clusters/web/cpu_reservation_high", "8O")

    done = config("check", "web")

    assert done.exit_code == 1
    assert '/steady/clusters/web/cpu_reservation_high is "8O": a percentage from 1 to 100 is needed; 100 is used' in (
        done.stdout
    )
    assert "cluster old" not in done.stdout
    assert json.loads(config("check", "--json", "-").stdout)["web"]


def test_a_cluster_that_is_not_managed_cannot_be_checked_or_shown(account: Any) -> None:
    assert "cluster old is not managed: one of web is needed" in refused("check", "old")
    assert "cluster old is not managed: one of web is needed" in refused("show", "old")


def test_the_history_says_what_was_wrong_with_each_value(account: Any) -> None:
    for value in ("10", "soon", "20"):
        account("clusters/web/drift_seconds", value)

    history = answer("history", "web", "drift_seconds")

    assert history["parameter"] == "/steady/clusters/web/drift_seconds"
    assert [v["value"] for v in history["versions"]] == ["20", "soon", "10"]
    assert [bool(v["problem"]) for v in history["versions"]] == [False, True, False]
    assert "soon" in config("history", "web", "drift_seconds").stdout


@pytest.mark.parametrize("under", ["defaults", "deployed/clusters/web", "deployed/defaults"])
def test_without_a_value_of_its_own_the_history_of_the_value_that_holds_is_shown(account: Any, under: str) -> None:
    account(f"{under}/drift_seconds", "40")
    account(f"{under}/drift_seconds", "50")

    history = answer("history", "web", "drift_seconds")

    assert history["parameter"] == f"/steady/{under}/drift_seconds"
    assert [v["value"] for v in history["versions"]][:2] == ["50", "40"]


def test_each_layer_overrides_those_under_it(account: Any) -> None:
    layers = (
        ("deployed/defaults", "deployment"),
        ("deployed/clusters/web", "deployment, for the cluster"),
        ("defaults", "default"),
        ("clusters/web", "cluster"),
    )
    for number, (path, whose) in enumerate(layers, start=50):
        account(f"{path}/drift_seconds", str(number))
        assert (row("drift_seconds")["value"], row("drift_seconds")["from"]) == (number, whose)


def test_what_is_reset_is_the_deployments_again(account: Any) -> None:
    account("clusters/web/drift_seconds", "10")

    account("defaults/drift_seconds", "20")

    assert "reset, 20 holds (default)" in config("reset", "web", "drift_seconds").stdout
    # To reset it again changes nothing.
    assert config("reset", "web", "drift_seconds").exit_code == 0

    assert answer("reset", "--defaults", "drift_seconds")["reset"] == ["drift_seconds"]
    assert (row("drift_seconds")["value"], row("drift_seconds")["from"]) == (45, "deployment")


def test_what_cannot_be_reset_is_said_in_one_line(account: Any) -> None:
    assert '"speed" is no threshold' in refused("reset", "web", "speed")
    assert "cluster old is not managed" in refused("reset", "old", "drift_seconds")
    assert "no threshold is named" in refused("reset", "web")


def test_what_aws_refuses_is_one_line_and_exit_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", "http://127.0.0.1:1")

    done = config("check", "--region", "us-east-1")

    assert done.exit_code == 1
    assert "Could not connect to the endpoint URL" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_in_a_pipe_each_threshold_is_one_line_with_its_whole_text(aws: boto3.Session) -> None:
    aws.client("ssm").put_parameter(Name="/steady/clusters/web/capacity", Value="auto-scaling-group:web", Type="String")

    done = CliRunner().invoke(app, ["config", "show", "web"])

    lines = done.stdout.splitlines()
    assert len(lines) == 2 + len(THRESHOLDS), "the title, the columns, and a line for each threshold"
    for line, threshold in zip(lines[2:], THRESHOLDS.values(), strict=True):
        assert line.split()[:2] == [threshold.name, str(threshold.default)]
        assert line.endswith(threshold.meaning)


@pytest.fixture
def several(account: Any) -> Any:
    """A managed cluster `mix` with two pools."""
    account("clusters/mix/pools/base/capacity", "auto-scaling-group:mix")
    account("clusters/mix/pools/spot/capacity", "spot-fleet:sfr-1")
    account("deployed/clusters/mix/pools/spot/max_capacity", "30")
    return account


def test_the_pools_of_a_cluster_are_shown_and_set(several: Any) -> None:
    assert [(one["name"], one["max_capacity"]) for one in answer("show", "mix")["pools"]] == [
        ("base", 1000),
        ("spot", 30),
    ]
    assert "spot-fleet:sfr-1" in config("show", "mix").stdout

    changed = answer("set", "mix", "spot/max_capacity=50", "spot/priority=10", "expander=priority")["changed"]

    assert changed[0] == {"path": "/steady/clusters/mix/pools/spot/max_capacity", "before": 30, "after": 50}
    [_, spot] = answer("show", "mix")["pools"]
    assert (spot["max_capacity"], spot["priority"]) == (50, 10)
    assert "no problems" in config("check", "mix").stdout


def test_wrong_settings_of_pools_are_refused_and_nothing_is_written(several: Any) -> None:
    assert 'cluster mix has no pool "gpu": one of base, spot is needed' in refused("set", "mix", "gpu/priority=1")
    assert "a priority from 0 to 1000 is needed" in refused("set", "mix", "spot/priority=high")
    assert "set both, in one command" in refused("set", "mix", "drift_seconds=5", "spot/min_capacity=31")
    assert "one of spot/min_capacity, spot/max_capacity, spot/priority" in refused("set", "mix", "spot/weight=2")
    assert 'cluster web has no pool "spot": it has one pool' in refused("set", "web", "spot/priority=1")
    assert answer("show", "mix")["pools"][1]["min_capacity"] == 0
