"""What a one-off burst has taught is gone after the time that docs/scaling.md names, in weeks of nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from steady.cluster import Size, Snapshot
from steady.scaling.decision import decide
from steady.scaling.recurrence import DAYS, RECENT
from steady.scaling.scale_out import scale_out
from steady.scaling.staffing import FADES_WITHIN_S, KEPT_FOR_S
from steady.scaling.state import ScalingState, update_state
from steady.thresholds import Thresholds
from tests.unit.snapshots import NOW, demand, instance, service, snapshot, state

# A pattern that came once is believed: the worst case.
CREDULOUS = Thresholds(learning_confidence=1)
LOOK_S, HOUR_S, DAY_S = 900, 3600, 86_400
FULL = Size(2048, 8000)


def world(at: float, missing: int = 0) -> Snapshot:
    """Four full instances, and a service that lacks `missing` tasks."""
    services = [service("api", missing, Size(512, 2000), running=16)]
    return snapshot([instance(n, FULL, tasks=4) for n in range(4)], services=services, at=at)


def after_a_burst() -> ScalingState:
    """What is remembered after three days of nothing, and then 40 tasks that waited at once."""
    known = nothing_until(update_state(world(NOW - 3 * DAY_S), state(), CREDULOUS), NOW - LOOK_S)
    waiting = state(*(demand(f"a-{n}", Size(512, 2000)) for n in range(40))).demands
    return update_state(world(NOW, missing=4), replace(known, demands=waiting), CREDULOUS)


def nothing_until(known: ScalingState, until: float) -> ScalingState:
    """Look each quarter of an hour while nothing comes and nothing goes."""
    at = known.recent.slot_s * (known.recent.first + len(known.recent.peaks))
    while at <= until:
        known = update_state(world(at), known, CREDULOUS)
        at += LOOK_S
    return known


def asked_for(known: ScalingState, at: float) -> int:
    """How many units a decision asks for beyond the four that are there."""
    return decide(world(at), known, CREDULOUS).target - 4


@pytest.mark.parametrize("day", [0.5, 3, 6.5])
def test_a_week_after_a_burst_all_of_its_room_is_kept(day: float) -> None:
    burst = after_a_burst()
    later = nothing_until(burst, NOW + day * DAY_S)

    assert burst.staffing.factor == pytest.approx(0.59, abs=0.02)
    assert asked_for(later, NOW + day * DAY_S) >= 1


def test_after_two_weeks_of_nothing_a_burst_has_taught_nothing() -> None:
    gone_at = NOW + KEPT_FOR_S + FADES_WITHIN_S
    known = nothing_until(after_a_burst(), gone_at)

    for at in range(int(gone_at) + LOOK_S, int(gone_at) + 7 * DAY_S, LOOK_S):
        known = update_state(world(at), known, CREDULOUS)
        out = scale_out(world(at), known, CREDULOUS)
        assert (out.add_units, out.reasons) == (0, ())
        assert out.reserve == FULL * 4, "what runs, and nothing beside it"


def test_the_peaks_of_a_burst_are_gone_once_their_rows_are_over() -> None:
    burst = after_a_burst()
    highest = max(size.cpu_units for size in burst.recent.peaks)
    assert highest > 4 * 2048

    in_hours = nothing_until(burst, NOW + RECENT.slot_s * RECENT.keep + 2 * LOOK_S)
    assert max(size.cpu_units for size in in_hours.recent.peaks) == 4 * 2048
    in_days = nothing_until(burst, NOW + DAYS.slot_s * DAYS.keep + 2 * LOOK_S)
    assert max(size.cpu_units for size in in_days.days.peaks) == 4 * 2048
    assert (RECENT.slot_s * RECENT.keep, DAYS.slot_s * DAYS.keep) == (8 * HOUR_S, 7 * DAY_S)


def test_a_burst_each_week_is_never_forgotten_and_what_has_faded_does_not_come_back() -> None:
    burst = after_a_burst()
    week = update_state(world(NOW + 6 * DAY_S, missing=1), nothing_until(burst, NOW + 6 * DAY_S - LOOK_S), CREDULOUS)
    assert week.staffing.factor > burst.staffing.factor
    assert week.waited_at == NOW + 6 * DAY_S

    late = NOW + 10.5 * DAY_S
    faded = update_state(world(late, missing=1), nothing_until(burst, late - LOOK_S), CREDULOUS)
    assert faded.staffing.factor == pytest.approx(burst.staffing.factor / 2, abs=0.03)


def test_what_the_last_release_has_learned_is_kept_for_a_week_from_the_first_look_on() -> None:
    known = replace(after_a_burst(), waited_at=None)
    first = update_state(world(NOW + LOOK_S), known, CREDULOUS)

    assert first.staffing.factor == known.staffing.factor
    assert first.waited_at == NOW + LOOK_S
