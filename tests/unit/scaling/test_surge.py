"""One budget for the surge: what renewal has under way, and what Spot is asked for beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steady.cluster import InstanceStatus, Snapshot
from steady.pools import PoolKind, PoolName
from steady.scaling.decision import decide
from steady.scaling.pool import target_after_leaving
from steady.scaling.renewal_progress import RenewalProgress
from steady.scaling.renewal_round import with_target
from steady.scaling.state import ScalingState, update_state
from steady.scaling.surge import units_left
from steady.thresholds import Thresholds
from tests.unit.scaling.test_renewal import AMI_2, PROVEN, asked_for, cluster, step

ON = Thresholds(renew="drift", cpu_reservation_low=1, memory_reservation_low=1, max_capacity=1000)
GROUP = replace(
    PoolKind.AUTO_SCALING_GROUP.traits,
    has_on_demand_part=True,
    keeps_to_its_parts=True,
    replaces_only_once_gone=False,
)


def drained(seen: Snapshot, count: int) -> tuple[Snapshot, dict[str, str]]:
    """Return `seen` with its first instances draining, and these from ARN to id."""
    going = {one.arn: one.instance_id for one in seen.instances[:count]}
    status = InstanceStatus.DRAINING
    found = tuple(replace(one, status=status) if one.arn in going else one for one in seen.instances)
    return replace(seen, instances=found), going


@pytest.mark.parametrize(
    ("progress", "left"),
    [
        (RenewalProgress(AMI_2), 1),
        (PROVEN, 4),
        (asked_for(3), 1),
        (asked_for(9), 0),
        (replace(PROVEN, is_proven=False, stopped="2 tasks have failed"), 0),
    ],
)
def test_what_is_left_of_the_budget(progress: RenewalProgress, left: int) -> None:
    seen = cluster(old=40, new=progress.asked)
    state = ScalingState(renewal=progress)

    assert units_left(seen, state, ON, seen.pool.target, ()) == left
    nothing = replace(seen, pool=replace(seen.pool, drifted={}))
    assert units_left(nothing, state, ON, seen.pool.target, ()) is None
    unread = replace(nothing, pool=replace(nothing.pool, drift_unread="Rate exceeded"))
    assert units_left(unread, state, ON, seen.pool.target, ()) == left


def test_an_interruption_of_an_old_instance_leaves_its_replacement() -> None:
    seen, going = drained(cluster(old=5, new=1), 1)
    progress = replace(PROVEN, old=dict.fromkeys(going, seen.at))

    found = step(seen, progress, state=ScalingState(interrupted=going, doomed={"i-0": seen.at}))

    assert found.state["renewal"].asked == 1
    assert found.state["renewal"].old == {}
    assert (found.units, found.to_drain) == (0, ()), "the pool launches it"


def test_where_the_target_does_not_fall_with_an_old_instance_its_replacement_is_left() -> None:
    seen, going = drained(cluster(old=5, new=2, target=6), 1)
    progress, state = replace(PROVEN, old=dict.fromkeys(going, seen.at)), ScalingState(draining=going)
    gone = frozenset(going.values())

    kept = step(seen, progress, state=state, target=6, terminated=gone).state["renewal"]
    fell = step(seen, progress, state=state, target=5, terminated=gone)

    assert (kept.asked, set(kept.old)) == (0, {"arn-1"}), "it takes the place of the next one"
    assert fell.state["renewal"].asked == fell.units


def test_a_target_of_before_is_not_remembered_while_a_fleet_is_changing() -> None:
    changing = replace(cluster(old=5).pool, is_changing=True)

    assert with_target(asked_for(2, target=7), 16, changing).target == 7
    assert with_target(asked_for(2, target=7), 16, replace(changing, is_changing=False)).target == 16


def fleet(spot: int, on_demand: int, part: int, target: int) -> Snapshot:
    seen = cluster(old=spot + on_demand, target=target)
    bought = frozenset(one.instance_id for one in seen.instances[spot:])
    name = PoolName(PoolKind.SPOT_FLEET, "sfr-1")
    pool = replace(seen.pool, name=name, on_demand=part, on_demand_members=bought, may_fall_back=True)
    return replace(seen, pool=pool)


def test_a_fleet_with_on_demand_instances_beyond_its_part_replaces_no_spot_instance_that_goes() -> None:
    full = fleet(spot=22, on_demand=1, part=0, target=22)

    assert target_after_leaving(full, ["i-0"], 0) == 21
    assert target_after_leaving(full, ["i-22"], 0) == 22
    lowered = replace(full, pool=replace(full.pool, target=21))
    assert target_after_leaving(lowered, ["i-0"], 0) == 21, "a repeat lowers nothing twice"
    short = fleet(spot=10, on_demand=10, part=0, target=20)
    assert target_after_leaving(short, ["i-19"], 0) == 19


@given(data=st.data(), kind=st.sampled_from(["group", "fleet"]))
def test_no_decision_asks_for_more_than_the_budget_of_renewal(data: st.DataObject, kind: str) -> None:
    lasting = data.draw(st.integers(1, 30), "lasting")
    on_demand = data.draw(st.integers(0, lasting), "on-demand")
    budget = data.draw(st.integers(1, 50), "renew_budget")
    proven = data.draw(st.booleans(), "proven")
    seen = cluster(old=lasting)
    traits = GROUP if kind == "group" else PoolKind.SPOT_FLEET.traits
    bought = frozenset(one.instance_id for one in seen.instances[:on_demand])
    pool: dict[str, Any] = {"own_traits": traits, "on_demand": on_demand, "on_demand_members": bought}
    seen = replace(seen, pool=replace(seen.pool, may_fall_back=True, maximum=1000, **pool))
    thresholds = replace(ON, renew_budget=budget)
    state = ScalingState(renewal=replace(PROVEN if proven else RenewalProgress(AMI_2)))

    decision = decide(seen, update_state(seen, state, thresholds), thresholds)

    most = max(1, lasting * budget // 100 if proven else 0)
    beyond_part = on_demand - decision.on_demand if kind == "fleet" else 0
    assert decision.target + beyond_part <= lasting + most
    assert decision.target >= lasting
