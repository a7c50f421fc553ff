"""Workloads on which no default was chosen: the same for the same seed, and of the form that they promise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from simulator import comparison
from simulator.instance_types import registered_size
from simulator.workload import held_out
from simulator.workload.plan import Work, fitting, lower_bound_instance_hours

Kind = Callable[[float, int], Work]
KINDS: tuple[Kind, ...] = (held_out.nightly, held_out.offices, held_out.crowd)
HELD_OUT = [w for w in comparison.WORKLOADS if w.work]


@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
def test_a_seed_makes_the_same_work_and_another_one_other_work(make: Kind) -> None:
    assert make(12, 3) == make(12, 3)
    assert make(12, 3) != make(12, 4)


@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
def test_all_work_is_in_order_and_within_the_hours(make: Kind) -> None:
    work = make(7.5, 1)
    times = [[job.submit_s for job in work.jobs], [change.at_s for change in work.services]]

    assert all(each == sorted(each) for each in times)
    assert all(0 <= at < 7.5 * 3600 for each in times for at in each)
    assert any(times)


@pytest.mark.parametrize("workload", HELD_OUT, ids=lambda w: w.name)
def test_every_task_fits_an_instance_of_its_workload_within_the_maximum(
    workload: comparison.Workload, tmp_path: Path
) -> None:
    size = registered_size(workload.instance_type)
    for seed in range(5):
        plan, left_out = fitting(replace(workload, hours=24).plan(tmp_path, seed))
        assert left_out is None
        assert lower_bound_instance_hours(plan, size, 86_400) / 24 < comparison.MAX_CAPACITY / 2


def test_every_kind_is_a_workload() -> None:
    assert tuple(w.work for w in HELD_OUT) == KINDS


def test_the_waves_come_at_night_and_not_on_two_days_of_seven() -> None:
    hours = Counter(int(job.submit_s // 3600) for job in held_out.nightly(7 * 24, 0).jobs)
    by_night = {day: sum(hours[day * 24 + hour] for hour in range(1, 6)) for day in range(7)}

    assert all(by_night[day] > 200 for day in range(5))
    assert all(by_night[day] < 50 for day in (5, 6))
