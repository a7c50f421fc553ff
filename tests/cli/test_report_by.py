"""`steady report --by`: what each service and batch family used, and what was spare and idle. The sum is the bill."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from cli.main import app
from cli.record.events import Ran
from cli.report import command
from cli.report.split import By, Capacity, Part, PartKind, split, usage_of
from simulator.bill import Hours
from steady.aws.runtime import Runtime
from steady.aws.scaling import ledger
from steady.cluster import Size
from steady.scaling.state import ScalingState
from steady.scaling.usage import Usage
from tests.cli import accounts
from tests.cli.test_record import NOW, START, Account

HOUR = 3600.0
LARGE = Size(2048, 8192)
TYPES = {"m5.large": Capacity(2, 8), "c5.large": Capacity(2, 4)}


def ran(service: str, size: Size, begins: float, ends: float | None, on: str = "a") -> Ran:
    return Ran(f"{service or 'crunch'}-family", service, size, begins, begins, ends, on)


def divided(hours: Hours, tasks: list[Ran], until: float, by: By = By.SERVICE) -> list[Part]:
    """Return the parts of `hours`, which last from 0 to `until`."""
    return split(hours, usage_of(tasks, 0, until, TYPES), by)


def test_half_an_instance_is_half_its_cost_and_the_rest_is_spare_or_idle() -> None:
    half = Size(1024, 4096)
    parts = divided({"spot": {"m5.large": 4.0}}, [ran("api", half, 0, 2 * HOUR)], 4 * HOUR)

    assert [(p.kind, p.name, p.instance_hours, p.share) for p in parts] == [
        (PartKind.SERVICE, "api", 1.0, 0.25),
        (PartKind.SPARE, "", 1.0, 0.25),
        (PartKind.IDLE, "", 2.0, 0.5),
    ]
    assert (parts[0].tasks, parts[0].vcpu_hours, parts[0].gib_hours) == (1, 2.0, 8.0)


def test_a_vcpu_counts_as_nine_gib() -> None:
    tasks = [ran("cpu", Size(1024, 0), 0, HOUR), ran("memory", Size(0, 1024), 0, HOUR)]
    cpu, memory, *_ = divided({"spot": {"m5.large": 1.0}}, tasks, HOUR)

    assert cpu.share == pytest.approx(9 * memory.share)
    assert cpu.share == pytest.approx(9 / (2 * 9 + 8))


def test_only_the_part_of_a_task_within_the_day_counts() -> None:
    tasks = [ran("", LARGE, -5 * HOUR, HOUR), ran("", LARGE, HOUR, None)]
    [batch, spare, idle] = divided({"on-demand": {"m5.large": 2.0}}, tasks, 2 * HOUR)

    assert (batch.kind, batch.name, batch.tasks) == (PartKind.BATCH, "crunch-family", 2)
    assert (batch.share, spare.share, idle.share) == (1.0, 0.0, 0.0)


TASKS = st.builds(
    ran,
    st.sampled_from(["api", "web", ""]),
    st.builds(Size, st.integers(0, 4096), st.integers(0, 16384)),
    st.floats(-1e5, 1e5),
    st.none() | st.floats(-1e5, 2e5),
    st.sampled_from("abc"),
)
HOURS = st.dictionaries(
    st.sampled_from(["spot", "on-demand"]), st.dictionaries(st.sampled_from(list(TYPES)), st.floats(0, 1e4), max_size=2)
)


@given(HOURS, st.lists(TASKS, max_size=20), st.sampled_from(By))
def test_the_sum_is_all_instance_hours(hours: dict[str, dict[str, float]], tasks: list[Ran], by: By) -> None:
    parts = divided(hours, tasks, 86_400.0, by)

    total = sum(h for by_type in hours.values() for h in by_type.values())
    assert sum(p.instance_hours for p in parts) == pytest.approx(total)
    assert all(p.instance_hours >= -1e-9 * total for p in parts)
    assert parts == [] or [p.kind for p in parts[-2:]] == [PartKind.SPARE, PartKind.IDLE]


@pytest.fixture
def account(aws: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> Account:
    """An account with events, whose ledger has 30 instance-hours of today."""
    account = Account(aws)
    runtime = account.runtime
    accounts.ledger(runtime)
    usage = Usage(NOW, {}, {day(START): {"spot m5.large": 30.0}})
    ledger.save(runtime, accounts.LEDGER, ledger.load(runtime, accounts.LEDGER, "web"), ScalingState(usage=usage), 0.0)
    monkeypatch.setattr(command, "runtime", lambda profile, region: Runtime(session=aws, now=lambda: NOW))
    return account


def day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def test_the_cost_of_services_and_families_is_that_of_the_day(account: Account) -> None:
    account.stopped("crunch", START, START + 600)
    account.stopped("api", START, START + 1800, group="service:api")
    options = ["report", "web", "--day", day(START), "--price", "m5.large=0.1,0.04", "--by"]

    answer = json.loads(CliRunner().invoke(app, [*options, "service", "--json", "-"]).stdout)
    shown = CliRunner().invoke(app, [*options, "family"])

    web = answer["clusters"]["web"]
    assert [(p["kind"], p["name"]) for p in web["parts"]] == [
        ("service", "api"),
        ("batch family", "crunch"),
        ("spare", ""),
        ("idle", ""),
    ]
    assert sum(p["cost"] for p in web["parts"]) == pytest.approx(web["cost"], abs=0.001)
    assert sum(p["instance_hours"] for p in web["parts"]) == pytest.approx(30, abs=0.001)
    assert shown.exit_code == 0, shown.output
    assert "Who used the instance-hours of cluster web" in shown.stdout
    assert [line.split()[:2] for line in shown.stdout.splitlines() if line.startswith("family")] == [
        ["family", "api"],
        ["family", "crunch"],
    ]


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        (["--simulation", "result.json", "--day", "2026-01-31"], '--day is "2026-01-31": a --simulation has no days'),
        (["--day", "2020-01-01"], "the ledger has no instance-hours of 2020-01-01"),
    ],
)
def test_what_cannot_be_divided_is_refused(account: Account, arguments: list[str], needed: str) -> None:
    done = CliRunner().invoke(app, ["report", *arguments, "--by", "service"])

    assert done.exit_code == 2
    assert needed in done.stderr


@pytest.mark.parametrize("by", By)
def test_a_simulation_is_divided_as_a_day_of_an_account_is(by: By, tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    CliRunner().invoke(app, ["simulate", "--hours", "1", "--policy", "ecs-alone", "--json", str(result)])
    options = ["--simulation", str(result), "--policy", "ecs-alone", "--price", "m5.2xlarge=0.384,0.1536", "--by", by]

    answer = json.loads(CliRunner().invoke(app, ["report", *options, "--json", "-"]).stdout)
    shown = CliRunner().invoke(app, ["report", "batch", *options])

    assert set(answer["clusters"]) == {"web", "batch"}
    for cluster in answer["clusters"].values():
        assert sum(p["cost"] for p in cluster["parts"]) == pytest.approx(cluster["cost"], abs=0.001)
        hours = cluster["on_demand_hours"] + cluster["spot_hours"]
        assert sum(p["instance_hours"] for p in cluster["parts"]) == pytest.approx(hours, abs=0.01)
        assert 0 < sum(p["percent"] for p in cluster["parts"] if p["name"]) < 100
    [worker] = [p for p in answer["clusters"]["batch"]["parts"] if p["name"] == "worker"]
    assert worker["kind"] == ("service" if by is By.SERVICE else "family")
    assert shown.exit_code == 0, shown.output
    assert "cluster web" not in shown.stdout
    [all_] = [line.split() for line in shown.stdout.splitlines() if line.startswith("all")]
    assert all_[-1] == f"{answer['clusters']['batch']['cost']:.2f}"
