"""Which pool is to hold what waits: no task is lost or given twice, bounds hold, and the answer repeats itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steady.cluster import InstanceShape, Size, Snapshot, TaskShape
from steady.pools import Pool, PoolKind, PoolName
from steady.scaling.allotment import allot
from steady.scaling.candidate import Candidate
from steady.scaling.expander import EXPANDERS
from steady.scaling.placement import rooms_needed
from steady.scaling.state import ScalingState
from steady.thresholds import Thresholds

SHAPES = {
    "small": InstanceShape("small", Size(2048, 8000)),
    "large": InstanceShape("large", Size(8192, 32_000)),
    "lean": InstanceShape("lean", Size(8192, 16_000)),
    "gpu": InstanceShape("gpu", Size(8192, 60_000), gpus=1),
}


def candidate(name: str, type_: str, *, target: int = 0, maximum: int = 100, priority: int = 0) -> Candidate:
    """A pool of one type that holds nothing yet; a target over 0 is still to be launched."""
    pool = Pool(PoolName(PoolKind.AUTO_SCALING_GROUP, name), target, 0, 1000, weights={type_: 1})
    snapshot = Snapshot("web", 0.0, (), (), pool, shapes=SHAPES)
    return Candidate(name, snapshot, ScalingState(), Thresholds(max_capacity=maximum), priority)


tasks = st.dictionaries(
    st.builds(TaskShape, st.builds(Size, st.sampled_from((256, 1024, 4096)), st.sampled_from((512, 4000, 30_000)))),
    st.integers(1, 30),
    max_size=4,
).map(Counter)
pools = st.lists(
    st.tuples(st.sampled_from(sorted(SHAPES)), st.integers(0, 5), st.integers(0, 12), st.booleans()),
    min_size=1,
    max_size=4,
)


@pytest.mark.parametrize("expander", EXPANDERS)
@settings(max_examples=15)
@given(tasks, pools)
def test_each_task_is_given_to_one_pool(
    expander: str, waiting: Counter[TaskShape], drawn: list[tuple[str, int, int, bool]]
) -> None:
    candidates = [
        replace(candidate(f"p{i}", type_, target=target, maximum=maximum), is_passed_over=ill)
        for i, (type_, target, maximum, ill) in enumerate(drawn)
    ]

    found = allot(waiting, candidates, Thresholds(expander=expander))

    assert sum(found.tasks.values(), Counter()) == waiting
    again = allot(waiting, list(reversed(candidates)), Thresholds(expander=expander))
    assert again.tasks == found.tasks


@pytest.mark.parametrize("expander", EXPANDERS)
@settings(max_examples=15)
@given(tasks, st.lists(st.sampled_from(sorted(SHAPES)), min_size=1, max_size=4, unique=True))
def test_once_the_instances_are_asked_for_the_same_tasks_ask_for_no_more(
    expander: str, waiting: Counter[TaskShape], types: list[str]
) -> None:
    candidates = [candidate(type_, type_) for type_ in types]
    asked = allot(waiting, candidates, Thresholds(expander=expander))
    units = {one.name: needed(one, asked.tasks[one.name]) for one in candidates}

    after = [
        replace(candidate(type_, type_, target=units[type_]), state=ScalingState(expected=asked.expected[type_]))
        for type_ in types
    ]
    found = allot(waiting, after, Thresholds(expander=expander))

    for one in after:
        of_pool = Counter({task: count for task, count in found.tasks[one.name].items() if one.holds(task)})
        assert rooms_needed(in_order(of_pool), one.coming(), one.rooms[one.shapes[0]]).rooms == 0


def in_order(tasks: Counter[TaskShape]) -> list[TaskShape]:
    """The tasks as a decision lists them: by service, whatever pool they were given to before."""
    return sorted(tasks.elements(), key=repr)


def needed(one: Candidate, of_pool: Counter[TaskShape]) -> int:
    return rooms_needed(in_order(of_pool), (), one.rooms[one.shapes[0]]).rooms


def test_least_waste_takes_the_pool_that_the_tasks_fill_best() -> None:
    cpu_heavy, memory_heavy = TaskShape(Size(4096, 7000)), TaskShape(Size(2048, 7500))
    candidates = [candidate("large", "large"), candidate("lean", "lean")]

    found = allot(Counter({cpu_heavy: 4}), candidates, Thresholds(expander="least-waste"))
    assert found.tasks["lean"] == {cpu_heavy: 4}
    found = allot(Counter({memory_heavy: 4}), candidates, Thresholds(expander="least-waste"))
    assert found.tasks["large"] == {memory_heavy: 4}


def test_a_pool_that_is_passed_over_gets_only_what_no_other_holds() -> None:
    plain, with_gpu = TaskShape(Size(1024, 1000)), TaskShape(Size(1024, 1000), gpus=1)
    ill = replace(candidate("gpu", "gpu", priority=9), is_passed_over=True)

    found = allot(Counter({plain: 3, with_gpu: 1}), [ill, candidate("small", "small")], Thresholds())

    assert found.tasks == {"gpu": {with_gpu: 1}, "small": {plain: 3}}
    assert found.needed == {"gpu"}


def test_a_task_of_a_capacity_provider_goes_to_its_pool() -> None:
    task = TaskShape(Size(1024, 1000), providers=frozenset({"of-b"}))
    a, b = candidate("a", "small", priority=5), candidate("b", "small")
    b = replace(b, snapshot=replace(b.snapshot, pool=replace(b.snapshot.pool, providers=frozenset({"of-b"}))))

    assert allot(Counter({task: 2}), [a, b], Thresholds()).tasks["b"] == {task: 2}
