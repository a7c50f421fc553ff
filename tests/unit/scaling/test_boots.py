"""How long a boot takes: a figure that one odd boot does not move."""

from __future__ import annotations

from dataclasses import replace

import pytest

from steady.scaling.rules import LOOK_AHEAD_S, ready_s
from steady.scaling.state import update_state
from steady.thresholds import Thresholds
from tests.unit.snapshots import NOW, instance, snapshot, state


@pytest.mark.parametrize(
    ("boots_s", "taken_s"),
    [((), 120), ((90,), 90), ((90, 100, 110), 110), ((90, 90, 100, 10_800, 95), 190), ((10_800, 90, 90), 180)],
)
def test_one_boot_of_three_hours_does_not_make_the_look_ahead_three_hours(
    boots_s: tuple[float, ...], taken_s: float
) -> None:
    assert ready_s(state(boots_s=boots_s)) == LOOK_AHEAD_S + taken_s


def test_an_instance_that_registers_after_the_boot_timeout_is_no_measure_of_a_boot() -> None:
    before = state(booting_since={"i-0": NOW - 10_800, "i-1": NOW - 95}, boots_s=(90.0,))

    after = update_state(snapshot([instance(0), instance(1)]), before, Thresholds())

    assert after.boots_s == (90.0, 95.0)
    assert after.healing.registered_at == NOW
    assert replace(after, boots_s=()).booting_since == {}
