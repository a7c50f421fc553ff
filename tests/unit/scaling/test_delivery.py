"""Whether a pool delivers: it gets the time of a launch, and a fleet that launches on-demand is waited for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steady.cluster import Snapshot
from steady.pools import PoolKind
from steady.scaling.decision import Decision
from steady.scaling.delivery import asked, seen
from steady.scaling.pool_state import Delivery
from steady.scaling.spot_patience import TRICKLES, USUAL_LAUNCH_S
from steady.scaling.state import ScalingState
from steady.thresholds import Thresholds
from tests.unit.snapshots import NOW, instance, snapshot

DEFAULTS = Thresholds()
PATIENCE_S = USUAL_LAUNCH_S + DEFAULTS.fallback_after_seconds


def short(kind: PoolKind, at: float, target: int = 3, on_demand: int = 0) -> Snapshot:
    """A pool that holds one instance."""
    found = snapshot([instance(1)], target=target, kind=kind, at=at)
    return replace(found, pool=replace(found.pool, on_demand=on_demand, may_fall_back=True))


def is_passed_over(delivery: Delivery, at: float) -> bool:
    return at < delivery.passed_over_until


def test_a_fleet_is_waited_for_while_the_on_demand_part_comes_that_it_was_just_asked_for() -> None:
    """The market took back much of it: it launches on-demand at once. Its target is raised a little at a time."""
    state = ScalingState(short_since=NOW, delivery=Delivery(NOW, held=1, target=2))
    late = NOW + PATIENCE_S + 1

    raised = seen(short(PoolKind.SPOT_FLEET, late, target=3, on_demand=2), state, DEFAULTS)
    assert not is_passed_over(raised, late)
    later = late + PATIENCE_S + 1
    assert is_passed_over(
        seen(short(PoolKind.SPOT_FLEET, later, on_demand=2), replace(state, delivery=raised), DEFAULTS), later
    )


def test_other_pools_are_asked_before_a_fleet_launches_on_demand() -> None:
    state = ScalingState(short_since=NOW, delivery=Delivery(NOW, held=1, target=2))
    late = NOW + PATIENCE_S + 1

    assert is_passed_over(seen(short(PoolKind.SPOT_FLEET, late), state, DEFAULTS), late)


@pytest.mark.parametrize("kind", PoolKind)
@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(5, 60), st.integers(0, 2)), min_size=40, max_size=60), st.integers(0, 2))
def test_a_pool_whose_target_is_raised_again_and_again_is_passed_over_in_the_end(
    kind: PoolKind, looks: list[tuple[int, int]], on_demand: int
) -> None:
    """However it is asked, one that launches nothing is waited for a few launches at most."""
    state, at, target = ScalingState(short_since=NOW), NOW, 3
    for after_s, more in looks:
        at, target = at + after_s, target + more
        delivery = seen(short(kind, at, target, on_demand), state, DEFAULTS)
        if is_passed_over(delivery, at):
            break
        state = replace(state, delivery=delivery)

    assert is_passed_over(delivery, at)
    assert at - NOW <= TRICKLES * PATIENCE_S + 2 * 60


def test_a_pool_is_short_from_when_it_is_asked_for_more() -> None:
    """And not from the next look on."""
    calm = snapshot([instance(1)], target=1)

    assert asked(Decision("web", 2), calm).state.delivery.short_since == NOW
    assert asked(Decision("web", 1), calm).state.delivery.short_since is None
