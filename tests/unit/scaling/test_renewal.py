"""Renewal, one step at a time: what is asked for, what is emptied, and what keeps it from either."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from steady.cluster import ContainerInstance, Snapshot
from steady.drift import Drift
from steady.scaling.change import Change
from steady.scaling.pool import Bounds
from steady.scaling.renewal import renew
from steady.scaling.renewal_progress import NOT_RENEWING, RenewalProgress
from steady.scaling.renewal_round import Round, drifted_instances, to_go_first
from steady.scaling.state import ScalingState
from steady.thresholds import Thresholds
from tests.unit.snapshots import instance, snapshot

AMI_2 = "ami-2 (lt-1, version 2)"
ON = Thresholds(renew="drift")
# An instance of the new image has been well for long.
PROVEN = RenewalProgress(AMI_2, is_proven=True, well_since=0.0)


def asked_for(units: int, **of: Any) -> RenewalProgress:
    return replace(PROVEN, **{"asked": units, "asked_for": AMI_2, **of})


def cluster(old: int, new: int = 0, **pool: Any) -> Snapshot:
    instances = [instance(number) for number in range(old + new)]
    seen = snapshot(instances)
    drifted: Mapping[str, Drift] = {one.instance_id: Drift.IMAGE for one in instances[:old]}
    current = frozenset(one.instance_id for one in instances[old:])
    known = {"drifted": drifted, "current": current, "launches": AMI_2}
    return replace(seen, pool=replace(seen.pool, **{**known, **pool}))


def step(seen: Snapshot, progress: RenewalProgress = NOT_RENEWING, **of: Any) -> Change:
    state = of.pop("state", ScalingState())
    this = {
        "snapshot": seen,
        "state": replace(state, renewal=progress),
        "thresholds": ON,
        "target": seen.pool.target,
        "bounds": Bounds(0, of.pop("maximum", 100)),
        "is_wanted": False,
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
    found = step(there, asked_for(2))

    assert len(found.to_drain) == 2
    assert found.units == 0
    assert set(found.to_drain) == set(found.state["renewal"].old) == set(found.state["draining"])
    assert set(found.to_drain) <= {one.arn for one in there.instances[:8]}

    short = replace(there, pool=replace(there.pool, target=12))
    assert "not there yet" in str(step(short, asked_for(2)).reasons[0])
    one_missing = replace(there, pool=replace(there.pool, target=11))
    assert len(step(one_missing, asked_for(2)).to_drain) == 1, "one has come: one goes"


def test_the_first_new_instance_bakes() -> None:
    seen = cluster(old=2, new=1)
    asked = RenewalProgress(AMI_2, asked=1, asked_for=AMI_2, well_since=seen.at - 100)

    assert "stay well for 200 s more" in str(step(seen, asked).reasons[0])
    assert len(step(seen, replace(asked, well_since=seen.at - 300)).to_drain) == 1

    ill = replace(seen, instances=(*seen.instances[:2], replace(seen.instances[2], impaired=True)))
    assert step(ill, asked).state["renewal"].well_since is None


def booting(old: int, since_s: float, **pool: Any) -> tuple[Snapshot, ScalingState]:
    """A cluster with one instance of the new kind that has not registered for so long."""
    seen = cluster(old, target=old + 1, **pool)
    seen = replace(seen, pool=replace(seen.pool, members={**seen.pool.members, "i-new": "m5.large"}))
    return seen, ScalingState(booting_since={"i-new": seen.at - since_s})


def test_renewal_stops_if_no_new_instance_registers() -> None:
    seen, state = booting(3, 600)
    asked = asked_for(1, is_proven=False, well_since=None, waiting_since=seen.at - 600, target=4)
    found = step(seen, asked, state=state)

    assert "renewal stopped: no instance of ami-2" in str(found.reasons[-1])
    assert found.units == 0, "the pool would choose what to terminate"
    assert step(seen, found.state["renewal"], state=state).units == 0, "it stays stopped"

    old_again = cluster(4)
    drawn = step(old_again, asked, state=ScalingState()).state["renewal"].stopped
    assert "out of date itself, as an instance from a warm pool may be" in drawn

    healed = cluster(3)
    over = step(healed, found.state["renewal"])
    assert (over.units, over.to_drain, over.state["renewal"].asked) == (0, (), 0), "healing has taken the unit with it"

    another = replace(healed, pool=replace(healed.pool, launches="ami-3 (lt-1, version 3)"))
    assert step(another, over.state["renewal"]).units == 1


@pytest.mark.parametrize("how", ["trouble", "nothing launched", "one had registered"])
def test_the_wait_for_the_first_instance_counts_only_while_one_boots(how: str) -> None:
    seen, state = booting(3, 100)
    if how == "trouble":
        seen = replace(seen, pool=replace(seen.pool, trouble="We currently do not have sufficient capacity"))
    if how == "nothing launched":
        seen, state = cluster(3, target=4), ScalingState()
    if how == "one had registered":
        seen, state = cluster(3, new=1), ScalingState()
    asked = asked_for(1, is_proven=False, waiting_since=seen.at - 9000, target=4)

    progress = step(seen, asked, state=state).state["renewal"]

    assert (progress.stopped, progress.waiting_since) == ("", None)


def test_what_fails_on_the_first_new_instance_alone_stops_the_renewal_and_the_instance_goes() -> None:
    seen = replace(cluster(old=3, new=1), canary_failure="2 tasks of service api have failed on i-3")
    found = step(seen, asked_for(1, is_proven=False, well_since=None))
    assert "renewal stopped: 2 tasks of service api" in str(found.reasons[-1])

    state = ScalingState(renewal=found.state["renewal"])
    first = to_go_first(seen, state)
    assert step(replace(seen, to_go_first=first), state.renewal).to_drain == ("arn-3",)


@pytest.mark.parametrize(
    ("of", "why"),
    [
        ({"is_calm": False}, "something else first"),
        ({"maximum": 3}, "the maximum is"),
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

    assert step(cluster(old=8, new=2), asked_for(2), thresholds=closed).to_drain


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


def test_what_cannot_be_read_forgets_nothing() -> None:
    unread = cluster(old=3, launches="", drifted={}, current=frozenset(), drift_unread="Rate exceeded")
    stopped = replace(NOT_RENEWING, launches=AMI_2, stopped="no instance of ami-2 has registered")

    assert step(unread, stopped).state["renewal"] == stopped
    assert step(unread, asked_for(2)).state["renewal"] == asked_for(2)
    assert "Rate exceeded" in str(step(unread, PROVEN).reasons[0])


def test_renewal_that_is_switched_off_gives_back_what_it_has_asked_for() -> None:
    off = cluster(old=6, launches="", drifted={}, current=frozenset())

    assert step(off, PROVEN).state["renewal"] == NOT_RENEWING
    assert len(step(off, asked_for(2)).to_drain) == 2
    not_launched = replace(off, pool=replace(off.pool, target=8))
    assert step(not_launched, asked_for(2)).units == -2
    wanted = step(off, asked_for(2), is_wanted=True, is_calm=False)
    assert (wanted.units, wanted.to_drain, wanted.state["renewal"].asked) == (0, (), 0), "tasks that wait have it"


def test_what_was_asked_for_is_given_back_before_another_image_is_tried() -> None:
    seen = cluster(old=6, launches="ami-3")
    found = step(seen, asked_for(2))

    assert (len(found.to_drain), found.units) == (2, 0)
    assert not found.state["renewal"].is_proven
    state = ScalingState(draining=found.state["draining"])
    assert step(seen, found.state["renewal"], state=state).state["renewal"].asked == 0, "until they have gone"


@pytest.mark.parametrize(("target", "emptied"), [(8, 0), (9, 1), (10, 2)])
def test_a_target_that_was_lowered_or_never_set_leaves_no_replacements(target: int, emptied: int) -> None:
    """A crash between the ledger and the pool, or somebody else, who lowered the target."""
    old = target - 2
    seen = cluster(old=old, new=2)

    assert len(step(seen, asked_for(2, target=10)).to_drain) == emptied


@pytest.mark.parametrize("how", ["never drained", "drain did not end"])
def test_a_replacement_whose_old_instance_stays_after_all_is_not_forgotten(how: str) -> None:
    """A crash between the ledger and the drain, or a drain that scale-in's rule has ended."""
    seen = cluster(old=3, new=1)
    stays = seen.instances[0].arn
    state = ScalingState()
    if how == "drain did not end":
        state = ScalingState(spared_until={stays: seen.at + 3600})
        seen = replace(seen, pinned=frozenset({stays}))

    found = step(seen, replace(PROVEN, old={stays: seen.at - 1800}), state=state)

    assert len(found.to_drain) == 1
    assert found.units == 0


def test_an_old_instance_that_scale_out_takes_back_is_needed() -> None:
    seen = cluster(old=3, new=1)
    one = seen.instances[0]
    state = ScalingState(draining={one.arn: one.instance_id})

    found = step(seen, replace(PROVEN, old={one.arn: seen.at}), state=state, taken_back=frozenset({one.arn}))

    assert one.arn not in found.state["renewal"].old


def test_the_budget_is_a_share_of_what_is_there_without_renewal() -> None:
    seen = cluster(old=15, new=5)
    going = {one.arn: one.instance_id for one in seen.instances[:5]}
    state = ScalingState(draining=going)
    progress = replace(PROVEN, old=dict.fromkeys(going, seen.at))

    assert step(seen, progress, state=state, thresholds=replace(ON, renew_budget=40)).units == 1


def test_an_instance_of_which_nothing_is_known_is_no_new_one() -> None:
    seen = cluster(old=2, new=1, current=frozenset())

    assert step(seen, asked_for(1, is_proven=False, well_since=None)).state["renewal"].well_since is None


def test_an_instance_whose_tasks_were_not_read_is_not_emptied() -> None:
    seen = cluster(old=3, new=2)
    read = {seen.instances[2].arn: ()}

    assert step(replace(seen, tasks_of=read), asked_for(2)).to_drain == (seen.instances[2].arn,)
    assert "not been read" in str(step(replace(seen, tasks_of={}), asked_for(2)).reasons[0])
