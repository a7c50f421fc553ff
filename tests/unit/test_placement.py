"""Packing: what is placed fits, and the instances asked for are enough."""

from hypothesis import given
from hypothesis import strategies as st

from steady.cluster import Size, TaskShape
from steady.placement import Room, instances_needed, pack

SIZES = st.builds(Size, st.integers(0, 2048), st.integers(1, 8000))
TASKS = st.lists(st.builds(TaskShape, SIZES, st.frozensets(st.sampled_from([80, 443]), max_size=1)), max_size=30)
INSTANCE = Size(2048, 8000)


@given(TASKS, st.lists(SIZES, max_size=10))
def test_no_room_is_ever_overfilled_and_no_task_is_lost(tasks: list[TaskShape], free: list[Size]) -> None:
    rooms = [Room(size, key=str(number)) for number, size in enumerate(free)]

    packing = pack(tasks, rooms)

    assert all(room.free.cpu_units >= 0 and room.free.memory_mib >= 0 for room in rooms)
    placed_cpu = sum(size.cpu_units for size in free) - sum(room.free.cpu_units for room in rooms)
    assert placed_cpu + sum(t.size.cpu_units for t in packing.left_over) == sum(t.size.cpu_units for t in tasks)


@given(TASKS)
def test_the_instances_asked_for_hold_every_task(tasks: list[TaskShape]) -> None:
    count, too_large = instances_needed(tasks, INSTANCE)

    assert not too_large
    assert not pack(tasks, [Room(INSTANCE) for _ in range(count)]).left_over


def test_tasks_with_the_same_fixed_port_need_an_instance_each() -> None:
    task = TaskShape(Size(10, 10), frozenset({80}))

    assert instances_needed([task, task, task], INSTANCE) == (3, ())


def test_a_task_that_fits_no_instance_asks_for_none() -> None:
    giant = TaskShape(Size(4096, 100))

    assert instances_needed([giant], INSTANCE) == (0, (giant,))
