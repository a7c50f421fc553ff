"""Packing: what is placed fits, the instances asked for are enough, and what ECS looks at is looked at here."""

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from simulator.bench.placement import Case
from steady.cluster import Daemons, InstanceShape, Size, TaskShape
from steady.scaling.packing import _opened, instances_needed, lacking_room, largest_of, pack
from steady.scaling.room import Room, new_room, room_on
from tests.unit.snapshots import instance, service, snapshot

SIZES = st.builds(Size, st.integers(0, 2048), st.integers(1, 8000))
TASKS = st.lists(
    st.builds(
        TaskShape,
        SIZES,
        st.frozensets(st.sampled_from([80, 443]), max_size=1),
        gpus=st.integers(0, 1),
        enis=st.integers(0, 1),
        group=st.just("api"),
        distinct=st.booleans(),
    ),
    max_size=30,
)
INSTANCE = Size(2048, 8000)
SMALL = TaskShape(Size(10, 10))


def empty(size: Size = INSTANCE) -> Room:
    return Room(size, gpus=1, enis=2)


@given(TASKS, st.lists(SIZES, max_size=10))
def test_no_room_is_ever_overfilled_and_no_task_is_lost(tasks: list[TaskShape], free: list[Size]) -> None:
    rooms = [Room(size, key=str(number), gpus=1, enis=2) for number, size in enumerate(free)]

    packing = pack(tasks, rooms)

    assert all(room.free.cpu_units >= 0 and room.free.memory_mib >= 0 for room in rooms)
    assert all(room.gpus >= 0 and room.enis is not None and room.enis >= 0 for room in rooms)
    placed_cpu = sum(size.cpu_units for size in free) - sum(room.free.cpu_units for room in rooms)
    assert placed_cpu + sum(t.size.cpu_units for t in packing.left_over) == sum(t.size.cpu_units for t in tasks)


@given(TASKS)
def test_the_instances_asked_for_hold_every_task(tasks: list[TaskShape]) -> None:
    count, too_large = instances_needed(tasks, empty())

    assert not too_large
    assert not lacking_room(tasks, [empty() for _ in range(count)])


@given(TASKS, st.lists(SIZES, min_size=1, max_size=10))
def test_rooms_are_packed_at_least_as_closely_as_by_a_first_fit(tasks: list[TaskShape], free: list[Size]) -> None:
    rooms = [Room(size, gpus=1, enis=2) for size in free]

    left = lacking_room(tasks, rooms)

    assert [room.free for room in rooms] == free
    assert len(left) <= len(pack(tasks, [room.copy() for room in rooms], largest_of(rooms)).left_over)
    assert not Counter(left) - Counter(tasks)


def test_tasks_of_cpu_and_tasks_of_memory_are_put_together() -> None:
    """A first fit by size puts like to like, and leaves a part of each instance empty."""
    cases = [Case.random(seed) for seed in range(60)]
    by_first_fit = sum(_opened([TaskShape(size) for size in c.tasks], Room(c.instance)) for c in cases)

    needed = sum(case.needed() for case in cases)

    assert all(case.needed() >= case.least for case in cases)
    assert needed < by_first_fit


def test_tasks_of_which_no_two_are_alike_are_still_placed() -> None:
    tasks = [TaskShape(Size(100 + number % 600, 500 + number)) for number in range(2000)]
    rooms = [Room(INSTANCE) for _ in range(200)]

    left = lacking_room(tasks, rooms)

    assert left == pack(tasks, [room.copy() for room in rooms], INSTANCE).left_over
    assert instances_needed(tasks, Room(INSTANCE))[0] > 200


@given(TASKS, SIZES)
def test_a_shape_that_found_no_room_once_is_not_placed_later_either(tasks: list[TaskShape], free: Size) -> None:
    # The packing skips rooms that refused a shape before: it must come to what a look at every room comes to.
    rooms = [Room(free, gpus=1, enis=2), Room(INSTANCE, gpus=1, enis=2)]

    packing = pack(tasks, rooms)

    assert not any(room.holds(task) for room in rooms for task in packing.left_over)


def test_tasks_with_the_same_fixed_port_need_an_instance_each() -> None:
    task = TaskShape(Size(10, 10), frozenset({80}))

    assert instances_needed([task, task, task], empty()) == (3, ())


def test_tasks_of_a_service_with_distinct_instances_need_an_instance_each() -> None:
    apart = replace(SMALL, group="api", distinct=True)
    together = replace(SMALL, group="search")

    assert instances_needed([apart, apart, apart, together, together], empty()) == (3, ())


def test_an_instance_that_has_a_task_of_the_service_already_is_not_distinct() -> None:
    here = [instance(0), instance(1)]
    world = snapshot(here, services=[replace(service("api", 2), on=frozenset({"arn-0"}))])
    apart = replace(SMALL, group="api", distinct=True)

    assert pack([apart, apart], room_on(here, world)).left_over == (apart,)


def test_gpus_are_counted() -> None:
    task = replace(SMALL, gpus=1)

    assert instances_needed([task] * 3, Room(INSTANCE, gpus=2)) == (2, ())
    assert instances_needed([task], Room(INSTANCE)) == (0, (task,))


def test_an_awsvpc_task_takes_a_network_interface_where_they_are_limited() -> None:
    task = replace(SMALL, enis=1)

    assert instances_needed([task] * 5, Room(INSTANCE, enis=2)) == (3, ())
    assert instances_needed([task] * 5, Room(INSTANCE, enis=None)) == (1, ())


def test_the_interfaces_that_tasks_hold_already_are_not_free() -> None:
    taken = replace(instance(0), enis_used=2)
    trunked = replace(taken, enis_limited=False)
    shapes = {"m5.large": InstanceShape("m5.large", INSTANCE, enis=2)}
    task = replace(SMALL, enis=1)

    assert pack([task], room_on([taken], replace(snapshot([taken]), shapes=shapes))).left_over == (task,)
    assert not pack([task], room_on([trunked], replace(snapshot([trunked]), shapes=shapes))).left_over


def test_a_member_of_constraint_is_met_only_by_the_instances_that_ecs_says_match() -> None:
    here = [instance(0), instance(1)]
    world = replace(snapshot(here), matching={"attribute:stack == prod": frozenset({"arn-1"})})
    task = replace(SMALL, member_of=frozenset({"attribute:stack == prod"}))

    assert pack([task], room_on(here, world)).used == {"arn-1"}


def test_a_new_instance_matches_what_one_of_its_type_matches_now() -> None:
    stack, zone = "attribute:stack == prod", "attribute:ecs.availability-zone == us-east-1a"
    world = replace(snapshot([instance(0)]), matching={stack: frozenset(), zone: frozenset()})
    large, other = InstanceShape("m5.large", INSTANCE), InstanceShape("c5.large", INSTANCE)

    # In which zone it comes up nobody knows; what its user data says of it, its sisters show.
    assert new_room(large, world).matches == {zone}
    assert new_room(other, world).matches == {stack, zone}


def test_the_daemons_part_of_a_new_instance_is_taken() -> None:
    world = replace(snapshot([]), daemons=Daemons(Size(256, 1000), (2,)))

    assert new_room(InstanceShape("m5.large", INSTANCE), world).free == Size(1792, 7000)


def test_a_service_that_is_spread_over_zones_goes_where_it_has_fewest() -> None:
    rooms = [Room(INSTANCE, zone=zone, key=f"{zone}{n}") for zone in "abc" for n in range(2)]
    task = replace(SMALL, group="api", spread_zones=True)

    pack([task] * 6, rooms)

    in_zone: Counter[str] = Counter()
    for room in rooms:
        in_zone[room.zone] += room.groups["api"]
    assert in_zone == {"a": 2, "b": 2, "c": 2}


def test_a_task_that_fits_no_instance_asks_for_none() -> None:
    giant = TaskShape(Size(4096, 100))

    assert instances_needed([giant], empty()) == (0, (giant,))
