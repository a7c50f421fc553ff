"""`steady bench pools`: the choice is held against a search that never ends dearer, and a broken promise is told."""

from __future__ import annotations

from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from simulator.bench import pools


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

    assert CliRunner().invoke(app, ["bench", "pools", "--json", "-"]).exit_code == code
