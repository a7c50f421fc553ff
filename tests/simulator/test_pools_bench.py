"""`steady bench pools`: the choice beside a search that never ends dearer, days on five pools beside single ones."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from simulator.bench import pool_days, pools
from simulator.bench.pool_days import FIVE, Compared, Row, together


def test_a_few_cases_are_within_the_promise() -> None:
    pytest.importorskip("ortools")

    figures = pools.choice(cases=3, search_s=1.0)

    assert figures["cases"] == 3
    assert 1 <= figures["over_best"] <= figures["worst_over_best"] < 1.03
    assert figures["best_usd"] <= figures["usd"]


@pytest.mark.parametrize(("over", "seconds", "code"), [(1.02, 0.4, 0), (1.04, 0.4, 1), (1.0, 0.6, 1)])
def test_a_broken_promise_ends_with_1(monkeypatch: pytest.MonkeyPatch, over: float, seconds: float, code: int) -> None:
    def found(*_: Any) -> dict[str, Any]:
        return {"cases": 1, "over_best": 1.0, "worst_over_best": over, "seconds": seconds}

    monkeypatch.setattr(pools, "choice", found)

    assert CliRunner().invoke(app, ["bench", "pools", "--hours", "0", "--json", "-"]).exit_code == code


def test_days_are_measured_on_five_pools_and_on_each_single_one() -> None:
    options = ["--cases", "0", "--hours", "0.3", "--workload", "mixed", "--at-once", "1", "--json", "-"]
    result = CliRunner().invoke(app, ["bench", "pools", *options])

    assert result.exit_code in (0, 1), result.output
    [day] = json.loads(result.stdout[: result.stdout.rindex("}") + 1])["days"]
    assert (day["workload"], day["shapes_differ"]) == ("mixed", True)
    runs = {(run["pools"], run["policy"]) for run in day["runs"]}
    peers = {"capacity-providers", "cluster-autoscaler-least-waste", "cluster-autoscaler-priority", "karpenter"}
    assert {policy for of, policy in runs if of == FIVE} == {"steady", *peers}
    assert {of for of, _ in runs} >= {FIVE, "g5g.16xlarge"}
    assert all(0 < run["usd"] <= run["list_usd"] for run in day["runs"])


def test_a_single_pool_is_one_that_holds_all_tasks() -> None:
    by_name = {day.name: day for day in pool_days.days(1, seed=0)}

    assert set(by_name["batch, Spot reclaims"].singles()) == {
        type_ for p in pool_days.POOLS.values() for type_ in p.types
    }
    # Neither an instance without GPUs, nor one of x86_64, nor a small one holds the mixed work.
    assert set(by_name["mixed"].singles()) == {"g5g.16xlarge", "g5g.8xlarge"}
    assert [day.name for day in by_name.values() if day.differs] == ["mixed"]


def row(pools_: str, usd: float, p95: float = 60.0, longest: float = 90.0, policy: str = "steady") -> Row:
    return Row(policy, pools_, usd, 2 * usd, p95, longest, 100, 0, 0, 1.0)


@pytest.mark.parametrize(
    ("ours", "differs", "broken"),
    [
        (row(FIVE, 10.0), False, []),
        (row(FIVE, 10.1), False, [0]),
        (row(FIVE, 8.1), True, [0]),
        (row(FIVE, 8.0), True, []),
        (row(FIVE, 8.0, p95=61.0), True, [1]),
        (row(FIVE, 8.0, longest=91.0), True, [2]),
    ],
)
def test_what_is_promised_of_a_day(
    ours: Row, differs: bool, broken: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A dearer single pool, and a peer that is cheaper, are not what it is held against.
    others = (row("m5.large", 10.0), row("m5.xlarge", 12.0, 1.0, 1.0), row(FIVE, 1.0, policy="karpenter"))
    found = Compared("some work", differs, (*others, ours))
    monkeypatch.setattr(pool_days, "days", lambda *_: [])
    monkeypatch.setattr(pool_days, "compare", lambda *_: [found])

    result = CliRunner().invoke(app, ["bench", "pools", "--cases", "0", "--json", "-"])

    assert found.best_single.pools == "m5.large"
    assert [number for number, (_, kept, _) in enumerate(found.promises()) if not kept] == broken
    assert result.exit_code == bool(broken)


def test_the_figures_of_several_seeds_are_their_means_and_the_worst_of_what_must_not_be() -> None:
    rows = [row(FIVE, 10.0, 60.0, 90.0), replace(row(FIVE, 13.0, 0.0, 120.0), killed=2)]

    found = together(rows)

    assert (found.usd, found.list_usd, found.wait_p95_s, found.wait_max_s) == (11.5, 23.0, 30.0, 105.0)
    assert (found.killed, found.unplaced) == (2, 0)


def test_each_day_runs_with_each_seed_on_the_single_pools_of_the_first() -> None:
    by_seed = {seed: [day for day in pool_days.days(1, seed) if day.differs] for seed in (3, 4)}

    runs = pool_days.runs_of(by_seed)

    of = [{(run.policy, run.pools) for run in runs if run.seed == seed} for seed in (3, 4)]
    assert of[0] == of[1]
    assert len(runs) == 2 * len(of[0])
