"""`steady bench renewal`: what it promises is kept in the small, and a broken promise is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simulator.bench import renewal
from simulator.bench.renewal import Case, Result


@pytest.fixture(scope="module")
def found() -> dict[str, Result]:
    return {way: renewal.run(Case(way, 12, seed=1)) for way in renewal.WAYS}


def test_a_small_cluster_is_renewed_without_loss_also_through_crashes(found: dict[str, Result]) -> None:
    for way in (renewal.OURS, renewal.CRASHING):
        assert found[way].left == 0
        assert [what for what, kept in found[way].promises() if not kept and "minutes" not in what] == []
    assert found[renewal.CRASHING].crashes


def test_a_broken_image_costs_one_instance(found: dict[str, Result]) -> None:
    broken = found[renewal.BROKEN]

    assert (broken.launched, broken.left) == (1, 12)
    assert all(kept for _, kept in broken.promises())


def test_the_other_ways_renew_all_too_and_promise_nothing(found: dict[str, Result]) -> None:
    for way in (renewal.REFRESH, renewal.ONE_AT_A_TIME):
        assert found[way].left == 0
        assert found[way].promises() == []


@pytest.mark.parametrize(
    "worse", [{"killed": 1}, {"failed": 1}, {"without_target_s": 1.0}, {"most": 700}, {"services_minutes": 293}]
)
def test_a_broken_promise_is_told(worse: dict[str, float]) -> None:
    kept = Result(renewal.OURS, 500, 3500, 290, 300, 0, 0, 0, 0.0, 550, 500, 0)

    assert all(so for _, so in kept.promises())
    assert not all(so for _, so in replace(kept, **worse).promises())  # type: ignore[arg-type]
