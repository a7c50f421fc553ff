"""Instance-hours: counted exactly, kept by day, and no more often written than needed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from steady.cluster import Snapshot
from steady.pools import PoolKind
from steady.scaling.usage import COUNTED_EVERY_S, DAYS_KEPT, UNUSED
from tests.unit.snapshots import NOW, instance, snapshot

DAY_S = 86_400
# NOW is midnight.
TODAY, TOMORROW = "2026-01-01", "2026-01-02"


def of(instances: int, at: float, kind: PoolKind = PoolKind.SPOT_FLEET) -> Snapshot:
    return snapshot([instance(n) for n in range(instances)], at=at, kind=kind)


def test_what_ran_is_counted_from_one_look_to_the_next() -> None:
    usage = UNUSED.record(of(2, NOW)).record(of(3, NOW + 1800)).record(of(0, NOW + 3600))

    assert usage.hours == {TODAY: {"spot m5.large": pytest.approx(2 * 0.5 + 3 * 0.5)}}


def test_a_look_that_shows_the_same_is_not_kept_for_a_while() -> None:
    usage = UNUSED.record(of(2, NOW))

    assert usage.record(of(2, NOW + COUNTED_EVERY_S - 1)) is usage
    assert usage.record(of(2, NOW + COUNTED_EVERY_S)) is not usage


def test_hours_are_those_of_the_day_they_ran_on() -> None:
    usage = UNUSED.record(of(2, NOW + DAY_S - 3600)).record(of(0, NOW + DAY_S + 7200))

    assert usage.hours == {TODAY: {"spot m5.large": pytest.approx(2)}, TOMORROW: {"spot m5.large": pytest.approx(4)}}


def test_what_still_runs_is_counted_when_it_is_asked_for() -> None:
    assert UNUSED.record(of(2, NOW)).until(NOW + 3600).hours == {TODAY: {"spot m5.large": pytest.approx(2)}}


def test_a_groups_instances_are_on_demand_and_a_fleets_fallback_too() -> None:
    assert UNUSED.record(of(1, NOW, PoolKind.AUTO_SCALING_GROUP)).running == {"on-demand m5.large": 1}

    fallen_back = of(2, NOW)
    fallen_back = replace(fallen_back, pool=replace(fallen_back.pool, on_demand_members=frozenset({"i-1"})))
    assert UNUSED.record(fallen_back).running == {"spot m5.large": 1, "on-demand m5.large": 1}


def test_an_instance_that_waits_under_its_hook_still_costs() -> None:
    seen = of(2, NOW)
    leaving = replace(seen, pool=replace(seen.pool, members={"i-0": "m5.large"}))

    assert UNUSED.record(leaving).running == {"spot m5.large": 2}


def test_days_are_forgotten_after_a_month() -> None:
    usage = UNUSED
    for day in range(DAYS_KEPT + 5):
        usage = usage.record(of(1 + day % 2, NOW + day * DAY_S))

    assert len(usage.hours) == DAYS_KEPT
