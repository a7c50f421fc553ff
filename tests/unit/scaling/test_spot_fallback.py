"""Spot shortage: on-demand inside the fleet while the market has nothing, given back when Spot is there again."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from steady.cluster import ContainerInstance, Size, Snapshot
from steady.drain_mark import DrainMark, DrainReason
from steady.pools import PoolKind
from steady.scaling.decision import Decision, decide
from steady.scaling.reasons import FellBack, SpotIsBack
from steady.scaling.state import ScalingState
from steady.thresholds import Thresholds
from tests.unit.snapshots import NOW, instance, snapshot, state

BUSY = Size(1900, 7000)
CALM = Thresholds(fallback_after_seconds=60)


def fleet(
    instances: list[ContainerInstance],
    target: int,
    on_demand: int = 0,
    on_demand_members: frozenset[str] = frozenset(),
    bound_since: Mapping[str, float] | None = None,
    **pool: object,
) -> Snapshot:
    """A fleet that can fall back; instances whose numbers are in `on_demand_members` are on-demand ones."""
    world = snapshot(instances, target=target)
    changed = replace(
        world.pool,
        **{"may_fall_back": True, "on_demand": on_demand, "on_demand_members": on_demand_members, **pool},  # type: ignore[arg-type]
    )
    return replace(world, pool=changed, bound_since=bound_since or {})


def decided(world: Snapshot, remembered: ScalingState, thresholds: Thresholds = CALM) -> Decision:
    return decide(world, remembered, thresholds)


def busy(count: int) -> list[ContainerInstance]:
    return [instance(n, BUSY) for n in range(count)]


def test_what_spot_has_not_given_for_long_enough_is_launched_on_demand() -> None:
    short = fleet(busy(2), target=5)

    assert decided(short, state(short_since=NOW - 99, spot_held=2, launches_s=(12, 40, 8))).on_demand == 0
    decision = decided(short, state(short_since=NOW - 100, spot_held=2, launches_s=(12, 40, 8)))
    assert (decision.target, decision.on_demand) == (5, 3)
    assert FellBack(3, 100.0) in decision.reasons


def test_the_count_starts_when_the_fleet_first_holds_less_than_its_target() -> None:
    decision = decided(fleet(busy(2), target=3), state())

    assert decision.state.short_since == NOW
    assert decision.look_again_at is None, "the next tick is as soon"
    soon = decided(fleet(busy(2), target=3), state(launches_s=(10,)), Thresholds(fallback_after_seconds=20))
    assert soon.look_again_at == NOW + 30


def test_a_pool_whose_launches_are_not_known_is_waited_for_a_minute_longer() -> None:
    short = fleet(busy(2), target=5)

    assert decided(short, state(short_since=NOW - 119, spot_held=2)).on_demand == 0
    assert decided(short, state(short_since=NOW - 120, spot_held=2)).on_demand == 3


def test_each_launch_is_learned_and_the_count_goes_on_from_it() -> None:
    short = fleet(busy(3), target=5)
    seen = decided(short, state(short_since=NOW - 40, spot_held=2, launches_s=(30,))).state

    assert (seen.launches_s, seen.spot_grew_at, seen.spot_held, seen.short_since) == ((30, 40), NOW, 3, NOW - 40)
    later = replace(short, at=NOW + 99)
    assert decided(later, seen).on_demand == 0
    assert decided(replace(short, at=NOW + 100), seen).on_demand == 2


def test_a_market_that_gives_a_little_again_and_again_is_short_all_the_same() -> None:
    trickle = state(short_since=NOW - 300, spot_grew_at=NOW - 10, spot_held=2, launches_s=(40,))

    assert decided(fleet(busy(2), target=5), trickle).on_demand == 3


def test_where_aws_says_that_spot_has_nothing_the_threshold_alone_is_waited_for() -> None:
    short = fleet(busy(2), target=5, trouble="Could not launch Spot Instances")

    assert decided(short, state(short_since=NOW - 60, spot_held=2, launches_s=(40,))).on_demand == 3


def test_an_on_demand_instance_is_no_launch_of_spot() -> None:
    short = fleet(busy(3), 5, 1, frozenset({"i-2"}))

    assert decided(short, state(short_since=NOW - 40, spot_held=2)).state.launches_s == ()


def test_a_fleet_that_holds_its_target_starts_the_count_anew() -> None:
    assert decided(fleet(busy(3), target=3), state(short_since=NOW - 600)).state.short_since is None


@pytest.mark.parametrize(("leaving", "on_demand"), [(1, 0), (2, 2)])
def test_a_market_that_takes_a_quarter_back_at_once_is_not_waited_for(leaving: int, on_demand: int) -> None:
    instances = [*busy(8 - leaving), *(instance(8 - n, BUSY, draining=True) for n in range(leaving))]

    assert decided(fleet(instances, target=8), state()).on_demand == on_demand


@pytest.mark.parametrize("reason", [DrainReason.MAINTENANCE, DrainReason.RETIREMENT, DrainReason.REBALANCE])
def test_what_aws_ends_for_another_reason_is_asked_of_the_market_first(reason: DrainReason) -> None:
    mark = DrainMark(reason, int(NOW) + 900, int(NOW))
    leaving = [replace(instance(n, BUSY, draining=True), drain_mark=mark) for n in range(4, 8)]
    asked = decided(fleet([*busy(4), *leaving], target=8), state())

    assert (asked.on_demand, asked.target) == (0, 12)


def test_a_group_and_a_fleet_of_launch_specifications_cannot_fall_back() -> None:
    world = fleet(busy(2), target=5, may_fall_back=False)
    group = replace(world, pool=replace(world.pool, name=replace(world.pool.name, kind=PoolKind.AUTO_SCALING_GROUP)))

    assert decided(world, state(short_since=NOW - 600)).on_demand == 0
    assert decided(group, state(short_since=NOW - 600)).on_demand == 0


def test_spot_is_asked_again_for_the_places_of_what_can_be_moved() -> None:
    # Two on-demand instances, one of which runs a batch task.
    world = fleet(busy(4), 4, 2, frozenset({"i-2", "i-3"}), bound_since={"arn-3": NOW - 500})

    assert decided(world, state()).on_demand == 1


def test_nothing_is_asked_for_in_the_place_of_an_instance_that_is_being_emptied() -> None:
    # It still runs its last task, and nothing is wanted in its place: Spot would come, stand empty and go, for ever.
    emptying = instance(3, BUSY, draining=True)
    world = fleet([*busy(3), emptying], 4, 1, frozenset({"i-3"}))

    assert decided(world, state(draining={emptying.arn: emptying.instance_id})).on_demand == 1


def test_the_on_demand_part_falls_with_the_termination_of_what_was_emptied() -> None:
    emptied = instance(2, draining=True)
    world = fleet([*busy(2), emptied], target=2, on_demand=1, on_demand_members=frozenset({"i-2"}))

    decision = decided(world, state(draining={emptied.arn: "i-2"}))

    assert decision.to_terminate == ("i-2",)
    assert (decision.target, decision.on_demand) == (2, 0), "the fleet would launch another on-demand one in its place"


def test_on_demand_instances_are_emptied_once_spot_has_taken_their_place() -> None:
    world = fleet(busy(4), 3, 1, frozenset({"i-3"}))

    decision = decided(world, state())

    assert decision.to_drain == ("arn-3",)
    assert SpotIsBack(1) in decision.reasons


def test_an_on_demand_instance_with_a_batch_task_is_left_to_end_it() -> None:
    world = fleet(busy(4), 3, 1, frozenset({"i-3"}), bound_since={"arn-3": NOW - 500})

    assert decided(world, state()).to_drain == ()


def keeping(instances: list[ContainerInstance], target: int, on_demand: int, members: frozenset[str]) -> Snapshot:
    """A group of Spot Instances: it ends what is not bought as it was asked for."""
    world = fleet(instances, target, on_demand, members, maximum=20)
    traits = replace(world.pool.traits, keeps_to_its_parts=True, replaces_only_once_gone=False)
    return replace(world, pool=replace(world.pool, own_traits=traits))


def test_a_pool_that_keeps_to_its_parts_is_asked_for_what_runs_on_demand_and_for_spot_beside_it() -> None:
    decision = decided(keeping(busy(4), 4, 2, frozenset({"i-2", "i-3"})), state())

    assert (decision.target, decision.on_demand) == (6, 2)
    assert (decision.state.raised_by, decision.state.raised_to) == (2, 6)


def test_it_is_not_asked_for_more_while_it_is_short_of_what_lasts() -> None:
    decision = decided(keeping(busy(4), 5, 2, frozenset({"i-2", "i-3"})), state())

    assert (decision.target, decision.on_demand) == (5, 2)


def test_it_is_asked_for_less_only_with_the_terminations() -> None:
    emptied = instance(3, draining=True)
    world = keeping([*busy(3), emptied, instance(4, BUSY)], 5, 2, frozenset({"i-2", "i-3"}))
    remembered = state(draining={emptied.arn: emptied.instance_id}, raised_by=1, raised_to=5)

    decision = decided(world, remembered)

    assert decision.to_terminate == ("i-3",)
    assert (decision.target, decision.on_demand) == (5, 1), "one goes, and one is asked for in the place of i-2"


def test_what_came_for_an_instance_that_has_a_batch_task_by_now_is_not_ended() -> None:
    world = keeping(busy(5), 5, 1, frozenset({"i-4"}))
    world = replace(world, bound_since={"arn-4": NOW - 500})

    decision = decided(world, state(raised_by=1, raised_to=5))

    assert (decision.target, decision.to_drain, decision.to_terminate) == (5, (), ())


def test_what_waits_under_a_hook_counts_for_a_market_that_takes_a_quarter_back() -> None:
    world = keeping([*busy(6), instance(6, BUSY, draining=True), instance(7, BUSY, draining=True)], 8, 0, frozenset())
    members = {id_: type_ for id_, type_ in world.pool.members.items() if id_ not in ("i-6", "i-7")}
    world = replace(world, pool=replace(world.pool, members=members))

    assert decided(world, state(doomed={"i-6": NOW, "i-7": NOW})).on_demand == 2
    assert decided(world, state()).on_demand == 0


@pytest.mark.parametrize("now", [0, 1, 2])
def test_instances_whose_tasks_were_not_read_change_the_on_demand_part_neither_way(now: int) -> None:
    """At one look they can be read, and at the next one they cannot, for want of API calls."""
    world = replace(fleet(busy(4), 4, now, frozenset({"i-2", "i-3"})), unread=frozenset({"arn-2", "arn-3"}))

    assert decided(world, state()).on_demand == now


def test_an_instance_that_was_read_counts_whatever_was_not() -> None:
    world = fleet(busy(4), 4, 0, frozenset({"i-2", "i-3"}), bound_since={"arn-3": NOW - 500})
    assert decided(replace(world, unread=frozenset({"arn-2"})), state()).on_demand == 1

    world = replace(world, pool=replace(world.pool, on_demand=4), bound_since={})
    assert decided(replace(world, unread=frozenset({"arn-2"})), state()).on_demand == 1


def test_what_spot_was_asked_for_in_the_place_of_an_instance_stands_while_that_is_not_read() -> None:
    world = keeping(busy(4), 6, 2, frozenset({"i-2", "i-3"}))
    remembered = state(raised_by=2, raised_to=6)

    for unread in (frozenset[str](), frozenset({"arn-3"}), frozenset({"arn-2", "arn-3"})):
        decision = decided(replace(world, unread=unread), remembered)
        assert (decision.target, decision.on_demand) == (6, 2)


def test_nothing_is_asked_for_in_the_place_of_an_instance_that_a_person_has_drained() -> None:
    drained = instance(3, BUSY, draining=True)
    world = fleet([*busy(3), drained], 4, 1, frozenset({"i-3"}))

    assert decided(world, state(leaving_since={drained.arn: NOW - 600})).on_demand == 1
