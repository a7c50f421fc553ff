"""What the benchmarks write: pages with figures between marks, and tables of what is promised and what is so."""

from __future__ import annotations

import inspect
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.bench import (
    benchmarks_page,
    clairvoyant,
    cold_start,
    figures_page,
    growth,
    interruption_tables,
    lambda_sizes,
    peers_table,
    promises,
    reliability_page,
)
from cli.bench import karpenter_suite as karpenter_command
from cli.bench.cold_start import Loaded
from cli.bench.command import app as bench
from cli.bench.lambda_sizes import Measured
from cli.bench.promises import Limit
from cli.main import app
from infra import wiring
from simulator import comparison
from simulator.bench import karpenter_suite, placement
from simulator.bench.clairvoyant import limit
from simulator.bench.clairvoyant.limit import Limit as Limit_
from simulator.bench.clairvoyant.program import Answer
from simulator.bench.clairvoyant.spending import KINDS
from simulator.outcome import FunctionUse

DOCS = Path(__file__).parent.parent.parent / "docs"
PAGE = "# Figures\n\n<!-- figures: made by `x` -->\nold\n<!-- end of figures -->\n\n## More\n"
MADE_BY = {
    "benchmarks.md": (
        interruption_tables.MADE_BY,
        promises.MADE_BY,
        growth.MADE_BY,
        lambda_sizes.MADE_BY,
        benchmarks_page.MADE_BY,
        clairvoyant.MADE_BY,
        karpenter_command.MADE_BY,
    ),
    "interruption-benchmark.md": (peers_table.MADE_BY,),
    "reliability.md": (reliability_page.MADE_BY,),
}

runner = CliRunner()


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.md"
    path.write_text(PAGE)
    return path


def test_figures_are_written_between_their_marks_again_and_again(page: Path) -> None:
    for text in ("new\n", "newer\n"):
        figures_page.write(page, "x", text)

    assert page.read_text() == PAGE.replace("old", "\nnewer\n")


def test_a_page_without_the_marks_is_left_as_it_is(page: Path) -> None:
    with pytest.raises(figures_page.NoFigures, match=r"page\.md lacks <!-- figures: made by `y` -->"):
        figures_page.write(page, "y", "new\n")

    assert page.read_text() == PAGE


@pytest.mark.parametrize(("name", "command"), [(name, of) for name, all_ in MADE_BY.items() for of in all_])
def test_the_docs_have_a_place_for_each_commands_figures(tmp_path: Path, name: str, command: str) -> None:
    copy = tmp_path / name
    copy.write_text((DOCS / name).read_text())

    figures_page.write(copy, command, "these\n")

    assert copy.read_text().count("these\n") == 1


def test_a_promise_that_is_not_kept_is_said_and_ends_with_an_error(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [Limit("a tick's calls", 121, 120, "", "steady x"), Limit("memory", 127.96, 128, "MiB", "steady y")]
    monkeypatch.setattr(promises, "MADE_BY", "x")
    monkeypatch.setattr(promises, "measure", lambda *args, **options: found)

    done = runner.invoke(app, ["bench", "limits", "--traces", ".", "--page", str(page)])

    assert done.exit_code == 1
    assert "promises are not kept:\n  a tick's calls is 121, at most 120" in done.stderr
    assert "| a tick's calls | 121 | 120 | **not kept** | `steady x` |" in page.read_text()
    assert "| memory | 128 MiB | 128 MiB | kept | `steady y` |" in page.read_text()


def compared(**figures: float) -> comparison.Comparison:
    """A workload on which nothing is promised in vain but what `figures` of the suite's row change."""
    ours = comparison.Row(comparison.OURS, 0, 0, 0, 2.0, 8.0, 3.0, 1.0, 0, 0, 0, 0, 100, 1.0, 1.0)
    return comparison.Comparison(comparison.WORKLOADS[0], 10.0, 11.0, (replace(ours, **figures),))  # type: ignore[arg-type]


@pytest.mark.parametrize(("wait_s", "code"), [(105, 0), (106, 1)])
def test_policies_answer_as_json_and_end_with_an_error_if_a_promise_is_not_kept(
    monkeypatch: pytest.MonkeyPatch, wait_s: float, code: int
) -> None:
    monkeypatch.setattr(comparison.Workload, "plan", lambda *_: None)
    monkeypatch.setattr(comparison, "compare", lambda *_: [compared(wait_p95_s=wait_s)])

    done = runner.invoke(app, ["bench", "policies", "--traces", ".", "--json", "-"])

    [figures] = json.loads(done.stdout)
    [row] = figures["policies"]
    assert (row["on_demand_hours"], row["spot_hours"], row["usd"]) == (2.0, 8.0, 3.0)
    assert [one["kept"] for one in figures["promises"]].count(False) == code == done.exit_code
    assert ("wait p95 at most 105 s: 106 s" in done.stderr) == bool(code)


@pytest.mark.parametrize(("usd", "code"), [(110.0, 0), (110.1, 1)])
def test_the_clairvoyant_ends_with_an_error_if_the_suite_costs_over_a_tenth_more(
    monkeypatch: pytest.MonkeyPatch, page: Path, usd: float, code: int
) -> None:
    spent = dict.fromkeys(KINDS, 1.0)
    least, at_30_s = Answer(100.0, None, 1.0), Answer(90.0, 91.0, 1.0)
    found = Limit_("lcg-a", 24.0, 9, 0.0, 80.0, usd, least, Answer(104.0, None, 1.0), {30.0: at_30_s}, spent)
    monkeypatch.setattr(comparison.Workload, "plan", lambda *_: None)
    monkeypatch.setattr(limit, "measure_all", lambda *_: [found])
    monkeypatch.setattr(clairvoyant, "MADE_BY", "x")

    done = runner.invoke(app, ["bench", "clairvoyant", "--traces", ".", "--page", str(page), "--json", "-"])

    [figures] = json.loads(done.stdout)
    assert (figures["clairvoyant_usd"], figures["kept"], done.exit_code) == (100.0, code == 0, code)
    assert figures["clairvoyant_usd_at_wait_s"] == {"30": 90.0}
    assert (
        f"| lcg-a (24 h) | 0 | 110 | 100 | 1.10 | {'**not kept**' if code else 'kept'} | 104 | 90 |" in page.read_text()
    )


@pytest.mark.parametrize(("seconds", "code"), [(119.0, 0), (120.0, 1)])
def test_karpenters_own_test_is_a_promise_of_the_suite_alone(
    monkeypatch: pytest.MonkeyPatch, seconds: float, code: int
) -> None:
    ours = karpenter_suite.Result(comparison.OURS, seconds, 70, 90, 80, 300, 50, 90, 80, 0)
    slow = replace(ours, policy="escalator", out_s=500)
    monkeypatch.setattr(karpenter_suite, "measure", lambda *_, **__: [ours, slow])

    done = runner.invoke(app, ["bench", "karpenter"])

    assert done.exit_code == code
    assert ("1,000 tasks placed in 120 s, under 120 s" in done.stderr) == bool(code)
    assert "| escalator | 500 | 70 | 90 / 80 | 300 | 50 | 90 / 80 | 1,000 tasks placed in 500 s" in done.stdout


def test_every_benchmark_can_answer_as_json() -> None:
    benches = {command.name or command.callback.__name__: command.callback for command in bench.registered_commands}  # type: ignore[union-attr]

    assert [name for name, run in benches.items() if "json_" not in inspect.signature(run).parameters] == []  # type: ignore[arg-type]


def test_the_limits_are_not_measured_without_all_that_they_need(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cold_start, "measure", lambda runs: pytest.fail("it began all the same"))

    done = runner.invoke(app, ["bench", "limits", "--traces", str(tmp_path)])

    assert done.exit_code == 2
    assert "jobs-lcg-a.csv: No such file or directory" in done.stderr


def test_placement_without_or_tools_says_how_to_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ortools", None)
    monkeypatch.delitem(sys.modules, "ortools.sat.python.cp_model", raising=False)

    done = runner.invoke(app, ["bench", "placement", "--cases", "20"])

    assert done.exit_code == 2
    assert "pip install 'ortools>=9,<10'" in done.stderr


def test_where_no_packing_could_be_closer_nothing_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement.Case, "least", property(placement.Case.needed))

    figures = placement.placement(cases=3)

    assert (figures["cases"], figures["over_best"]) == (3, 1)
    assert figures["best"] == figures["instances"] > 3


def test_growth_is_a_row_for_each_cluster() -> None:
    small, large = growth.measure((10, 20))

    assert (small["services"], small["tasks"], large["tasks"]) == (4, 100, 200)
    assert growth.table([large | {"seconds": 0.01}]).endswith(
        f"| 20 | 8 | 200 | 10 | 500 | {large['api_calls_total']} | {large['peak_mib']} |\n"
    )


def test_less_memory_makes_the_same_cpu_last_longer_and_waiting_as_long_as_ever() -> None:
    use = FunctionUse(invocations=10, cpu_s=0.1, waits_s=0.5)
    sizes = {size.memory_mb: size for size in Measured("autoscaler", Loaded(0.4, 90), use, 512).sizes()}

    assert sizes[1769].start_s == pytest.approx(0.4)
    assert sizes[1769].invocation_s == pytest.approx(0.6)
    assert sizes[256].start_s == pytest.approx(0.4 * 1769 / 256)
    assert sizes[256].invocation_s == pytest.approx(0.5 + 0.1 * 1769 / 256)
    # 0.6 s of 1,769 MB at 0.0000133334 USD for a GB-second, and 0.20 USD for the requests.
    assert sizes[1769].usd_a_million == pytest.approx(0.6 * 1769 / 1024 * 13.3334 + 0.2)
    assert [size.memory_mb for size in sizes.values() if not size.is_enough] == []


def test_the_table_says_which_size_is_chosen_and_which_is_too_small() -> None:
    measured = [Measured("task-status", Loaded(0.3, 100), None, 256)]
    table = lambda_sizes.table(measured)

    assert "| task-status | 128 | too small |  |  |" in table
    assert "| task-status | **256** | 2.07 |  |  |" in table
    assert [one["memory_mb"] for one in lambda_sizes.figures(measured) if one["is_chosen"]] == [256]
    assert {one["usd_a_million"] for one in lambda_sizes.figures(measured)} == {None}


def test_each_function_is_measured_with_its_clients_and_has_its_memory() -> None:
    handlers = {path.parent.name for path in cold_start.FUNCTIONS.glob("*/handler.py")}

    assert set(cold_start.CLIENTS) == handlers
    assert set(wiring.MEMORY_MB) == {name.replace("_", "-") for name in handlers}
    assert set(wiring.MEMORY_MB.values()) <= set(lambda_sizes.SIZES_MB)


@pytest.mark.skipif(sys.platform != "linux", reason="a process's peak is read as Linux says it")
def test_a_function_is_loaded_in_a_process_of_its_own() -> None:
    found = cold_start.loaded("task_status", runs=1)

    assert found.cpu_s > 0
    assert 20 < found.mib < 200
