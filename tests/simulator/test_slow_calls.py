"""Whole fleets in a hundred target groups, with calls of 0.3 s: what takes longer than a step is not begun again."""

from __future__ import annotations

import pytest

from simulator.bench.interruption import interruption
from simulator.bench.reclaim_matrix import Cell, measure
from simulator.timing import Timing

TARGET_GROUPS = 100


@pytest.fixture(scope="module")
def figures() -> dict[str, object]:
    slow = Timing.as_aws(pollers=2, latency_s=0.3, exits=29.0)
    return interruption(60, 9, timing=slow, target_groups=TARGET_GROUPS)


def test_targets_that_a_step_had_no_time_for_are_deregistered_by_the_next_one_and_no_others(
    figures: dict[str, dict[str, int]],
) -> None:
    # One call for each group. Those that are under way when a step ends may come again.
    assert figures["api_calls"]["elbv2:DeregisterTargets"] <= 1.1 * TARGET_GROUPS
    assert (figures["tasks_killed_in_service"], figures["failed_requests"]) == (0, 0)


def test_the_health_of_targets_that_cannot_be_kept_is_not_read(figures: dict[str, dict[str, int]]) -> None:
    assert figures["api_calls"].get("elbv2:DescribeTargetHealth", 0) == 0


@pytest.mark.parametrize("pollers", [2, 10])
def test_three_hundred_instances_lose_nothing(pollers: int) -> None:
    cell = Cell(300, pollers, latency_s=0.3, exit_s=29.0, delay_s=60.0, target_groups=TARGET_GROUPS)

    assert measure(cell)["broken"] == []
