"""`steady bench interruption`: what it measures, and that a broken promise is said and ends it with 1."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.bench import interruption_tables
from cli.main import app
from simulator import peers
from simulator.bench import reclaim_matrix
from simulator.bench.reasons import REASONS
from simulator.bench.taken_services import SERVICES
from simulator.world import World

BENCH = ["bench", "interruption", "--instances", "2", "--at-once", "1"]

runner = CliRunner()


def handled_by(monkeypatch: pytest.MonkeyPatch, peer: Callable[[World], None]) -> None:
    """Let a peer handle in place of the suite."""
    monkeypatch.setitem(peers.HANDLINGS, "steady", peer)  # type: ignore[arg-type]


def test_a_whole_fleet_is_reclaimed_by_default() -> None:
    done = runner.invoke(app, [*BENCH, "--json", "-"])

    figures = json.loads(done.stdout)
    assert done.exit_code == 0
    assert (figures["instances"], figures["tasks"], figures["tasks_killed_in_service"]) == (2, 18, 0)


def test_a_whole_fleet_that_is_not_emptied_in_time_ends_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    handled_by(monkeypatch, peers.agent_draining)

    done = runner.invoke(app, BENCH)

    assert done.exit_code == 1
    assert "18 of 18 tasks killed in service, and 0 at most" in done.stderr


@pytest.mark.parametrize(
    ("killed", "failed", "limit", "broken"),
    [(0, 0, 10, 0), (3, 0, 8, 0), (4, 0, 8, 1), (0, 1, 8, 1), (1, 1, 10, 2)],
)
def test_what_no_handling_can_stop_in_time_is_not_promised(killed: int, failed: int, limit: int, broken: int) -> None:
    figures = {
        "tasks": 10,
        "physical_limit_tasks": limit,
        "tasks_killed_in_service": killed,
        "failed_requests": failed,
    }

    assert len(reclaim_matrix.broken_promises(figures)) == broken


def test_each_timing_is_a_cell_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reclaim_matrix, "POLLERS", (2,))
    monkeypatch.setattr(reclaim_matrix, "LATENCIES_S", (0.1, 0.3))
    monkeypatch.setattr(reclaim_matrix, "EXITS_S", (29.0,))
    monkeypatch.setattr(reclaim_matrix, "DELAYS_S", (10.0, 300.0))

    done = runner.invoke(app, [*BENCH, "--matrix", "--at-once", "1"])

    assert done.exit_code == 0, done.stderr
    assert "0.1 s, 29 s" in done.stdout
    assert "0.3 s, 29 s" in done.stdout


def test_a_matrix_has_options_of_its_own() -> None:
    done = runner.invoke(app, [*BENCH, "--matrix", "--services", "nlb"])

    assert done.exit_code == 2
    assert "--services" in done.stderr


def test_kinds_and_reasons_are_measured_each_with_the_others() -> None:
    kinds = ["--services", "nlb", "--services", "rolling", "--services", "nlb"]
    done = runner.invoke(app, [*BENCH, *kinds, "--reason", "spot", "--reason", "hook", "--json", "-"])

    assert done.exit_code == 0, done.stderr
    assert [(one["reason"], one["services"], one["room"]) for one in json.loads(done.stdout)] == [
        ("spot", "nlb", True),
        ("spot", "nlb", False),
        ("spot", "rolling", True),
        ("spot", "rolling", False),
        ("hook", "nlb", False),
        ("hook", "rolling", False),
    ]


def test_a_reason_alone_is_measured_with_services_of_several_tasks_and_of_one() -> None:
    done = runner.invoke(app, [*BENCH, "--reason", "rebalance", "--json", "-"])

    assert [one["services"] for one in json.loads(done.stdout)] == ["rolling", "single-task"]


@pytest.mark.parametrize("reason", ["spot", "rebalance"])
def test_a_broken_promise_is_named_and_ends_with_1(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, reason: str
) -> None:
    handled_by(monkeypatch, peers.drain_then_stop)
    page = tmp_path / "page.md"
    page.write_text(f"<!-- figures: made by `{interruption_tables.MADE_BY}` -->\n<!-- end of figures -->\n")

    done = runner.invoke(app, [*BENCH, "--services", "single-task", "--reason", reason, "--page", str(page)])

    assert done.exit_code == 1
    assert "promises are not kept:" in done.stderr
    assert f"{reason}: single-task: " in done.stderr.replace(", no room", "")
    assert "not kept** |" in page.read_text()


def test_peers_are_measured_beside_and_promise_nothing() -> None:
    done = runner.invoke(app, [*BENCH, "--services", "rolling", "--peers", "--json", "-"])

    figures = json.loads(done.stdout)
    assert done.exit_code == 0, done.stderr
    assert {one["handling"] for one in figures} == set(peers.HANDLINGS)
    assert {one["handling"] for one in figures if one["broken"]} >= {"drain-then-stop"}


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--services", "fargate"], f"one of {', '.join(SERVICES)}, all is needed"),
        (["--reason", "fire"], f"one of {', '.join(REASONS)}, all is needed"),
        (["--reason", "hook", "--tasks", "3"], "leave it out"),
    ],
)
def test_what_cannot_be_measured_is_said(options: list[str], why: str) -> None:
    done = runner.invoke(app, [*BENCH, *options])

    assert done.exit_code == 2
    assert why in done.stderr


def test_the_pages_figures_of_peers_are_those_that_the_command_prints(tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "interruption-benchmark.md"
    copy = tmp_path / "page.md"
    copy.write_text(page.read_text())

    done = runner.invoke(app, ["bench", "interruption", "--peers", "--page", str(copy)])

    assert done.exit_code == 0, done.output
    assert copy.read_text() == page.read_text()
