"""Placement: tasks go where ECS puts them, which is not always where they fit most closely."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steady.aws.ecs.services import placement_of
from steady.cluster import Placement, Size, TaskShape
from steady.scaling.decision import decide
from steady.scaling.packing import instances_needed
from steady.scaling.placement import place, rooms_needed
from steady.scaling.room import Room
from steady.thresholds import Thresholds
from tests.unit.snapshots import NOW, instance, service, snapshot, state

WHOLE = Size(2048, 8000)
LARGE, SMALL = TaskShape(WHOLE), TaskShape(Size(256, 500))
SHAPES = st.builds(
    TaskShape,
    st.builds(Size, st.integers(1, 2048), st.integers(1, 8000)),
    distinct=st.booleans(),
    group=st.sampled_from(["api", "web"]),
    placement=st.sampled_from(Placement),
)
TASKS = st.lists(st.tuples(SHAPES, st.integers(1, 12)), max_size=5).map(
    lambda some: [task for task, count in some for _ in range(count)]
)


def rooms(count: int) -> list[Room]:
    return [Room(WHOLE, key=str(number)) for number in range(count)]


def test_tasks_of_a_service_are_spread_and_others_are_packed_where_it_says_so() -> None:
    spread, packed = rooms(4), rooms(4)

    place([SMALL] * 4, spread)
    place([replace(SMALL, placement=Placement.BINPACK_MEMORY)] * 4, packed)

    assert [room.tasks for room in spread] == [1, 1, 1, 1]
    assert sorted(room.tasks for room in packed) == [0, 0, 0, 4]


def test_more_is_asked_for_where_ecs_spreads_than_where_it_packs() -> None:
    packed = replace(SMALL, placement=Placement.BINPACK_CPU)

    assert rooms_needed([LARGE] * 10 + [packed] * 10, [], Room(WHOLE)).rooms == 12
    # The closest packing is 12 as well, and ECS spreads the small tasks over 6 of these.
    assert rooms_needed([LARGE] * 10 + [SMALL] * 10, [], Room(WHOLE)).rooms == 16


def test_a_decision_asks_for_what_ecs_will_place_at_once() -> None:
    world = snapshot(
        [instance(0, WHOLE)], services=[service("large", 10, LARGE.size), service("small", 10, SMALL.size)]
    )
    known = state(drift_since={"large": NOW - 60, "small": NOW - 60})

    assert decide(world, known, Thresholds()).target == 1 + 16


@given(TASKS, st.integers(0, 6))
def test_no_room_is_overfilled_and_no_task_is_lost(tasks: list[TaskShape], count: int) -> None:
    there = rooms(count)

    placed = place(tasks, there)

    assert all(room.free.holds(Size(0, 0)) for room in there)
    assert sum(placed.taken.values()) + len(placed.left_over) == len(tasks)
    assert not Counter(placed.left_over) - Counter(tasks)
    distinct = {task.group for task in tasks if task.distinct}
    if all(task.distinct for task in tasks):
        assert all(room.groups[group] <= 1 for room in there for group in distinct)


@given(TASKS)
def test_what_was_asked_for_is_enough_and_never_less_than_the_closest_packing(tasks: list[TaskShape]) -> None:
    empty = Room(WHOLE)

    needed = rooms_needed(tasks, [], empty)

    assert needed.rooms >= instances_needed(tasks, empty)[0]
    assert needed.homeless == len(tasks)
    again = rooms_needed(tasks, [Room(WHOLE, key="coming") for _ in range(needed.rooms)], empty)
    assert (again.rooms, again.homeless, again.nowhere) == (0, 0, ())


def test_a_task_that_only_a_coming_instance_holds_is_not_asked_for_again_and_one_that_none_holds_is_said() -> None:
    larger = TaskShape(WHOLE * 2)

    assert rooms_needed([larger], [Room(WHOLE * 2, key="coming")], Room(WHOLE)).nowhere == ()
    assert rooms_needed([larger] * 2, [Room(WHOLE * 2, key="coming")], Room(WHOLE)).nowhere == (larger,)


@pytest.mark.parametrize(
    ("strategies", "placement"),
    [
        ([], Placement.SPREAD),
        ([{"type": "random"}], Placement.SPREAD),
        ([{"type": "binpack", "field": "MEMORY"}], Placement.BINPACK_MEMORY),
        (
            [{"type": "spread", "field": "attribute:ecs.availability-zone"}, {"type": "binpack", "field": "cpu"}],
            Placement.BINPACK_CPU,
        ),
        ([{"type": "spread", "field": "instanceId"}], Placement.SPREAD),
        ([{"type": "binpack"}], Placement.SPREAD),
    ],
)
def test_the_last_strategy_of_a_service_says_how_its_instances_are_chosen(
    strategies: list[dict[str, str]], placement: Placement
) -> None:
    assert placement_of(strategies) is placement


def test_tasks_of_a_capacity_provider_are_placed_on_its_instances_and_on_new_ones_alone() -> None:
    task = replace(SMALL, providers=frozenset({"ours"}))
    bare, ours, new = Room(WHOLE, key="bare", provider=""), Room(WHOLE, key="ours", provider="ours"), Room(WHOLE)

    assert place([task] * 9, [bare, ours]).taken == {"ours": 8}
    assert (bare.holds(SMALL), new.holds(task)) == (True, True)


def test_an_instance_that_is_older_than_its_groups_capacity_provider_is_no_room_for_its_tasks() -> None:
    lacking = service("api", 1, SMALL.size)
    assert lacking.shape
    lacking = replace(lacking, shape=replace(lacking.shape, providers=frozenset({"ours"})))
    world = snapshot([instance(0)], services=[lacking])
    drifting = state(drift_since={"api": NOW - 60})

    assert decide(world, drifting, Thresholds()).target == 2
    of_it = replace(world, instances=tuple(replace(i, provider="ours") for i in world.instances))
    assert decide(of_it, drifting, Thresholds()).target == 1
