"""`steady bench sensitivity`: each headline figure at half and at double, and the claims that turn round."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.bench.sensitivity import MADE_BY, tornado
from cli.main import app
from simulator.bench import sensitivity
from simulator.bench.sensitivity import DOUBLE, HALF, QUANTITIES, Account, Claim, Found, Reclaim, Variant

runner = CliRunner()


def claim(**changed: tuple[float, float]) -> Claim:
    """A claim of at most 10, which is 5, but for the quantities `changed` at half and at double."""
    found = {Variant(): Found(5, True)}
    for name in QUANTITIES:
        values = changed.get(name.split()[0], (5, 5))
        found |= {Variant(name, f): Found(v, v <= 10) for f, v in zip((HALF, DOUBLE), values, strict=True)}
    return Claim("a wait", "s", "at most 10 s", found)


@pytest.mark.parametrize("name", QUANTITIES)
def test_each_quantity_changes_one_thing_of_the_account(name: str) -> None:
    as_it_is = Account()
    half, double = (Variant(name, factor).account for factor in (HALF, DOUBLE))

    assert QUANTITIES[name](half, DOUBLE) == QUANTITIES[name](double, HALF) == as_it_is
    assert half != as_it_is


def test_a_claim_that_holds_everywhere_does_not_turn_round() -> None:
    assert claim(boot=(3, 9)).turns_round() == []


def test_a_claim_that_does_not_hold_at_double_turns_round() -> None:
    assert claim(boot=(3, 11)).turns_round() == ["a wait: at most 10 s: 11 s with the boot at double"]


def test_the_quantity_that_changes_a_figure_most_comes_first() -> None:
    lines = tornado([claim(boot=(4, 6), fleet=(2, 11))]).splitlines()

    assert [line.split(" | ")[3] for line in lines[2:4]] == ["fleet and group latency", "boot"]
    assert "`      ██████¦████████████`" in lines[2]
    assert "turns round" in lines[2]
    assert "turns round" not in lines[3]


def test_a_reclaim_is_measured_in_each_account() -> None:
    ended: list[int] = []
    claims = sensitivity.measure([Reclaim(3)], at_once=2, done=lambda: ended.append(1))

    assert len(ended) == 1 + 2 * len(QUANTITIES)
    assert [one.figure for one in claims if "killed" in one.figure or "failed" in one.figure]
    calls = next(one for one in claims if one.figure == "reclaim of 3: all targets deregistered")
    at = {factor: calls.found[Variant("call latency", factor)].value for factor in (HALF, DOUBLE)}
    assert at[HALF] < calls.base.value < at[DOUBLE]


def test_the_command_writes_its_page_and_exits_with_1_if_a_claim_turns_round(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"<!-- figures: made by `{MADE_BY}` -->\n<!-- end of figures -->\n")
    for found, code in ((claim(), 0), (claim(boot=(3, 11)), 1)):
        monkeypatch.setattr(sensitivity, "measure", lambda *of, found=found: [found])
        result = runner.invoke(app, ["bench", "sensitivity", "--page", str(page), "--json", "-"])

        assert result.exit_code == code
        assert "fleet and group latency" in page.read_text()
        assert json.loads(result.stdout)[0]["holds"] is True
    assert "with the boot at double" in result.stderr


def test_a_workload_needs_traces() -> None:
    result = runner.invoke(app, ["bench", "sensitivity", "--workload", "lcg"])

    assert result.exit_code == 2
    assert "--traces" in result.stderr
