"""The cheapest instances for what waits: no task is lost, no instance is overfull, small cases are solved exactly."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from dataclasses import replace

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from steady.cluster import Size, TaskShape
from steady.scaling.cheapest import Bought, Option, cheapest
from steady.scaling.room import Room

FREE = 1e6
sizes = st.builds(Size, st.sampled_from((128, 512, 1024, 3000)), st.sampled_from((256, 2000, 7000)))
tasks = st.dictionaries(
    st.builds(
        TaskShape,
        sizes,
        gpus=st.sampled_from((0, 0, 1)),
        enis=st.integers(0, 1),
        ports=st.sampled_from((frozenset(), frozenset({80}))),
    ),
    st.integers(1, 6),
    max_size=3,
).map(Counter)
rooms = st.builds(
    Room,
    st.builds(Size, st.sampled_from((2048, 4096, 16_384)), st.sampled_from((3800, 7600, 30_000))),
    gpus=st.sampled_from((0, 0, 2)),
    enis=st.sampled_from((None, 2)),
)
prices = st.floats(0.05, 2.0).map(lambda usd: round(usd, 3))


def options_of(drawn: list[tuple[Room, float]], waiting: Counter[TaskShape]) -> list[Option]:
    return [Option(f"p{i}", room, usd, 1, frozenset(waiting)) for i, (room, usd) in enumerate(drawn)]


def usd(bought: list[Bought]) -> float:
    return sum(one.option.price for one in bought)


def held(bought: list[Bought]) -> Counter[TaskShape]:
    return sum((Counter(dict(one.tasks)) for one in bought), Counter())


@settings(max_examples=25, phases=(Phase.explicit, Phase.generate))
@given(tasks, st.lists(st.tuples(rooms, prices), min_size=1, max_size=4), st.integers(0, 6))
def test_each_task_has_its_place_and_no_pool_grows_beyond_its_units(
    waiting: Counter[TaskShape], drawn: list[tuple[Room, float]], most: int
) -> None:
    options = options_of(drawn, waiting)
    units = {one.pool: float(most) for one in options}

    bought = cheapest(waiting, options, units)

    assert held(bought) <= waiting
    if most == 6 and held(bought) != waiting:
        left = waiting - held(bought)
        assert len(bought) >= most or not any(one.holds(task) for one in options for task in left)
    for one in bought:
        room = one.option.room.copy()
        for task in Counter(dict(one.tasks)).elements():
            assert room.holds(task)
            room.place(task)
    of_pool = Counter(one.option.pool for one in bought)
    assert all(count <= most for count in of_pool.values())
    assert cheapest(waiting, options, units) == bought


@settings(max_examples=25, phases=(Phase.explicit, Phase.generate))
@given(
    st.dictionaries(st.builds(TaskShape, sizes), st.integers(1, 3), max_size=2).map(Counter),
    st.lists(st.tuples(rooms, prices), min_size=1, max_size=3),
)
def test_small_cases_are_solved_exactly(waiting: Counter[TaskShape], drawn: list[tuple[Room, float]]) -> None:
    options = options_of(drawn, waiting)
    fits = Counter({task: count for task, count in waiting.items() if any(one.holds(task) for one in options)})

    found = usd(cheapest(waiting, options, {one.pool: FREE for one in options}))

    assert math.isclose(found, least(fits, options), abs_tol=1e-6)


def least(left: Counter[TaskShape], options: list[Option]) -> float:
    """The fewest dollars for `left`, by trying every filling of every option for the first task that is left."""
    best: dict[tuple[int, ...], float] = {}
    kinds = list(left)

    def of(counts: tuple[int, ...]) -> float:
        if not any(counts):
            return 0.0
        if counts not in best:
            first = next(index for index, count in enumerate(counts) if count)
            best[counts] = min(
                one.price + of(tuple(count - taken for count, taken in zip(counts, filling, strict=True)))
                for one in options
                for filling in itertools.product(*(range(count + 1) for count in counts))
                if filling[first] and all_fit(one.room, kinds, filling)
            )
        return best[counts]

    return of(tuple(left.values()))


def all_fit(room: Room, kinds: list[TaskShape], filling: tuple[int, ...]) -> bool:
    here = room.copy()
    for task in Counter(dict(zip(kinds, filling, strict=True))).elements():
        if not here.holds(task):
            return False
        here.place(task)
    return True


def test_one_large_instance_is_bought_where_it_is_cheaper_than_many_small_ones() -> None:
    task = TaskShape(Size(1024, 2000))
    small, large = (
        Option("a", Room(Size(2048, 4000)), 0.1, 1, frozenset({task})),
        Option("b", Room(Size(8192, 16_000)), 0.3, 1, frozenset({task})),
    )
    units = {"a": FREE, "b": FREE}

    assert [one.option.pool for one in cheapest(Counter({task: 8}), [small, large], units)] == ["b"]
    assert [one.option.pool for one in cheapest(Counter({task: 2}), [small, large], units)] == ["a"]
    dearer = replace(large, price=0.5)
    assert [one.option.pool for one in cheapest(Counter({task: 8}), [small, dearer], units)] == ["a"] * 4


def test_a_perfect_packing_is_found_where_tasks_of_much_memory_and_of_much_cpu_must_share_instances() -> None:
    """Filled with the largest tasks first, eight instances and a small one do not hold them, and a ninth is dearer."""
    counts = {(128, 2176): 14, (128, 1152): 7, (512, 1024): 5, (2048, 320): 7, (512, 320): 6, (2048, 256): 5}
    waiting = Counter({TaskShape(Size(*size)): count for size, count in counts.items()})
    options = options_of(
        [
            (Room(Size(2048, 15_892)), 0.0518),
            (Room(Size(4096, 7946)), 0.0586),
            (Room(Size(8192, 31_784)), 0.1587),
        ],
        waiting,
    )

    assert usd(cheapest(waiting, options, {one.pool: FREE for one in options})) < 0.53
