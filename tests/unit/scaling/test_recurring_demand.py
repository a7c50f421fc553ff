"""The rule of recurring demand: what comes back finds its place, and what comes beside it finds spare capacity."""

from dataclasses import replace

import pytest

from steady.cluster import NOTHING, Size
from steady.scaling.observations import RecurringDemandSeen
from steady.scaling.recurrence import HOUR_S, Peaks
from steady.scaling.rules import CapacityWant, demand_coming_within
from steady.scaling.staffing import Staffing
from steady.thresholds import Thresholds
from tests.unit.snapshots import INSTANCE, NOW, instance, snapshot, state

BURST = Size(20_000, 40_000)
SPARE_FACTOR = 0.5


def wants(share: int, factor: float = SPARE_FACTOR) -> list[CapacityWant]:
    """What is wanted two minutes before a burst that came each hour, on four full instances."""
    recent = Peaks(180, 160)
    calm = Size(4 * INSTANCE.cpu_units, 4 * INSTANCE.memory_mib)
    for slot in range(-5 * 20, 0):
        recent = recent.record(NOW + slot * 180, calm + (BURST if slot % 20 == 0 else NOTHING))
    world = replace(snapshot([instance(n, INSTANCE) for n in range(4)]), at=NOW - 60)
    known = replace(state(staffing=Staffing(factor)), recent=recent, waited_at=NOW)
    found = demand_coming_within(120, world, known, Thresholds(start_at_once_share=share))
    return [want for want in found if isinstance(want, CapacityWant)]


def test_the_spare_capacity_of_the_whole_load_is_wanted_beside_what_comes_back() -> None:
    (want,) = wants(share=97)

    assert isinstance(want.observation, RecurringDemandSeen)
    demand, spare = want.observation.demand, want.observation.spare
    assert want.observation.every_s == HOUR_S
    assert want.capacity == demand + spare
    # As much as a cluster of that load keeps: the square root of it, and half of that.
    assert spare.cpu_units == pytest.approx(SPARE_FACTOR * (demand.cpu_units * INSTANCE.cpu_units) ** 0.5, abs=1)


def test_it_is_filled_up_only_once_half_of_it_is_used() -> None:
    (want,) = wants(share=97)

    assert isinstance(want.observation, RecurringDemandSeen)
    demand, spare = want.observation.demand, want.observation.spare
    assert want.is_met_by(demand + Size(spare.cpu_units // 2, spare.memory_mib // 2))
    assert not want.is_met_by(demand)
    assert f"with {spare.cpu_units} and {spare.memory_mib} to spare" in str(want.observation)


@pytest.mark.parametrize(("share", "factor"), [(0, SPARE_FACTOR), (97, 0.0)])
def test_nothing_is_wanted_beside_it_where_none_is_asked_for_or_learned(share: int, factor: float) -> None:
    (want,) = wants(share, factor)

    assert isinstance(want.observation, RecurringDemandSeen)
    assert want.capacity == want.observation.demand
    assert "to spare" not in str(want.observation)
