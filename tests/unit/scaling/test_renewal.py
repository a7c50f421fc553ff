"""Renewal, one step at a time: what is asked for, what is emptied, and what keeps it from either."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from steady.cluster import ContainerInstance, Snapshot
from steady.drift import Drift
from steady.scaling.change import Change
from steady.scaling.renewal import Round, drifted_instances, renew
from steady.scaling.renewal_progress import NOT_RENEWING, RenewalProgress
from steady.scaling.state import ScalingState
from steady.thresholds import Thresholds
from tests.unit.snapshots import instance, snapshot

AMI_2 = "ami-2 (lt-1, version 2)"
ON = Thresholds(renew="drift")
# An instance of the new image has been well for long.
PROVEN = RenewalProgress(AMI_2, is_proven=True, well_since=0.0)


def cluster(old: int, new: int = 0, **pool: Any) -> Snapshot:
    instances = [instance(number) for number in range(old + new)]
    seen = snapshot(instances)
    drifted: Mapping[str, Drift] = {one.instance_id: Drift.IMAGE for one in instances[:old]}
    return replace(seen, pool=replace(seen.pool, drifted=drifted, **{"launches": AMI_2, **pool}))


def step(seen: Snapshot, progress: RenewalProgress = NOT_RENEWING, **of: Any) -> Change:
    state = of.pop("state", ScalingState())
    this = {
        "snapshot": seen,
        "state": replace(state, renewal=progress),
        "thresholds": ON,
        "target": seen.pool.target,
        "maximum": 100,
        "is_calm": True,
        **of,
    }
    return renew(Round(**this))


def test_the_first_round_is_of_one_instance() -> None:
    found = step(cluster(old=40))

    assert (found.units, found.to_drain) == (1, ())
    assert found.state["renewal"].asked == 1
    assert "40 instances to renew (40 by image): 1 more first" in str(found.reasons[0])


def test_once_the_new_kind_is_proven_a_share_goes_at_a_time() -> None:
    assert step(cluster(old=39, new=1), PROVEN).units == 4
    assert step(cluster(old=39, new=1), PROVEN, thresholds=replace(ON, renew_budget=25)).units == 10


def test_old_instances_are_emptied_once_their_replacements_are_there() -> None:
    there = cluster(old=8, new=2)
    found = step(there, replace(PROVEN, asked=2))

    assert len(found.to_drain) == 2
    assert found.units == 0
    assert set(found.to_drain) == set(found.state["renewal"].old) == set(found.state["draining"])
    assert set(found.to_drain) <= {one.arn for one in there.instances[:8]}

    short = replace(there, pool=replace(there.pool, target=11))
    assert "not there yet" in str(step(short, replace(PROVEN, asked=2)).reasons[0])


def test_the_first_new_instance_bakes() -> None:
    seen = cluster(old=2, new=1)
    asked = RenewalProgress(AMI_2, asked=1, asked_at=seen.at - 200, well_since=seen.at - 100)

    assert "stay well for 200 s more" in str(step(seen, asked).reasons[0])
    assert len(step(seen, replace(asked, well_since=seen.at - 300)).to_drain) == 1

    ill = replace(seen, instances=(*seen.instances[:2], replace(seen.instances[2], impaired=True)))
    assert step(ill, asked).state["renewal"].well_since is None


def test_renewal_stops_if_no_new_instance_registers_and_gives_back_what_was_asked() -> None:
    seen = cluster(old=3)
    asked = RenewalProgress(AMI_2, asked=1, asked_at=seen.at - 600)
    found = step(replace(seen, pool=replace(seen.pool, target=4)), asked)

    assert found.units == -1
    assert found.state["renewal"].stopped
    assert "renewal stopped: no instance of ami-2" in str(found.reasons[0])
    assert step(seen, found.state["renewal"]).units == 0, "it stays stopped"

    another = replace(seen, pool=replace(seen.pool, launches="ami-3 (lt-1, version 3)"))
    assert step(another, found.state["renewal"]).units == 1


def test_a_pool_that_cannot_launch_says_nothing_of_the_image() -> None:
    seen = cluster(old=3, trouble="We currently do not have sufficient capacity", target=4)

    assert step(seen, RenewalProgress(AMI_2, asked=1, asked_at=seen.at - 9000)).units == 0


@pytest.mark.parametrize(
    ("of", "why"),
    [
        ({"is_calm": False}, "something else first"),
        ({"maximum": 3}, "raise max_capacity"),
        ({"thresholds": replace(ON, renew_window="Tue 00:00-00:01 UTC")}, "renew_window is Tue"),
    ],
)
def test_what_keeps_renewal_from_its_next_round_is_said(of: Mapping[str, Any], why: str) -> None:
    found = step(cluster(old=3), **of)

    assert (found.units, found.to_drain) == (0, ())
    assert why in str(found.reasons[0])


def test_a_groups_own_refresh_is_waited_for() -> None:
    assert "instance refresh" in str(step(cluster(old=3, refreshing=True)).reasons[0])


def test_a_round_that_has_begun_goes_on_when_the_window_closes() -> None:
    closed = replace(ON, renew_window="Tue 00:00-00:01 UTC")

    assert step(cluster(old=8, new=2), replace(PROVEN, asked=2), thresholds=closed).to_drain


def test_no_more_are_under_way_than_the_budget_allows() -> None:
    seen = cluster(old=18, new=2)
    going = {one.arn: seen.at for one in seen.instances[:2]}
    state = ScalingState(draining={one.arn: one.instance_id for one in seen.instances[:2]})

    found = step(seen, replace(PROVEN, old=going), state=state)

    assert found.units == 0
    assert "old instances are being emptied" in str(found.reasons[0])


def without(seen: Snapshot, one: ContainerInstance, how: str) -> tuple[Snapshot, ScalingState]:
    state = ScalingState()
    if how == "doomed":
        return seen, replace(state, doomed={one.instance_id: seen.at})
    if how == "draining":
        return seen, replace(state, draining={one.arn: one.instance_id})
    return replace(seen, pinned=frozenset({one.arn})), state


@pytest.mark.parametrize("how", ["doomed", "draining", "pinned"])
def test_what_others_deal_with_or_ecs_cannot_empty_is_left_alone(how: str) -> None:
    seen = cluster(old=2)
    seen, state = without(seen, seen.instances[0], how)

    assert [one.arn for one in drifted_instances(seen, state)] == [seen.instances[1].arn]


def test_nothing_is_renewed_where_nothing_was_read() -> None:
    seen = cluster(old=3, launches="")

    unread = replace(seen, pool=replace(seen.pool, drifted={}))
    assert step(unread) == Change()
    assert step(unread, PROVEN).state["renewal"] == NOT_RENEWING
