"""Places that are kept free: for kinds of tasks that have waited again and again, as far as their price allows."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from steady.cluster import ContainerInstance, InstanceStatus, Size, Started, TaskShape
from steady.pools import PoolTraits, Purchase
from steady.scaling.allotment import allot
from steady.scaling.candidate import Candidate
from steady.scaling.demand import Demand, RunShape
from steady.scaling.learning import Lately
from steady.scaling.spare_places import KEPT_S, MOST_OF_PRICE, learn_places, places_to_keep
from steady.scaling.state import ScalingState
from steady.scaling.tries import key_of
from steady.thresholds import Thresholds
from tests.unit.scaling.test_allotment import SHAPES, candidate, pools, tasks
from tests.unit.snapshots import NOW, demand, service, snapshot

SIZE = Size(4096, 12_000)
DEFAULTS = Thresholds()


def running(name: str, type_: str, count: int) -> Candidate:
    """A pool with so many idle instances."""
    size = SHAPES[type_].size
    here = tuple(
        ContainerInstance(f"{name}-{n}", f"i-{name}-{n}", InstanceStatus.ACTIVE, size, size, 0, instance_type=type_)
        for n in range(count)
    )
    empty = candidate(name, type_, target=count)
    pool = replace(empty.snapshot.pool, members={i.instance_id: type_ for i in here})
    return replace(empty, snapshot=replace(empty.snapshot, instances=here, pool=pool))


def waited(times: int, size: Size = SIZE, **fields: object) -> ScalingState:
    """What is known after tasks of this size began to wait at so many looks, a minute apart."""
    state = ScalingState(**fields)  # type: ignore[arg-type]
    for number in range(times):
        at = NOW + 60 * number
        new = {**state.demands, f"d{number}": demand(f"d{number}", size, at)}
        looked = learn_places(snapshot([], at=at), replace(state, demands=new), DEFAULTS)
        state = replace(looked, demands={key: replace(d, seen=True) for key, d in looked.demands.items()})
    return state


def kept(state: ScalingState, instances: int = 10) -> Counter[TaskShape]:
    return places_to_keep(state, [running("large", "large", instances)], DEFAULTS)


def test_a_kind_that_has_waited_gets_one_place_however_often_it_waited() -> None:
    assert kept(waited(0)) == Counter()
    assert kept(waited(1)) == {TaskShape(SIZE, is_spare=True): 1}
    assert kept(waited(9)) == {TaskShape(SIZE, is_spare=True): 1}


def test_tasks_of_about_the_same_size_are_one_kind_and_get_a_place_for_the_largest() -> None:
    first = waited(1, Size(2500, 12_000))
    second = replace(first, demands={"other": Demand("other", Size(4000, 9000), NOW, NOW)})

    found = kept(learn_places(snapshot([]), second, DEFAULTS))

    assert found == {TaskShape(Size(4000, 12_000), is_spare=True): 1}


def test_a_kind_that_has_not_waited_for_long_is_forgotten() -> None:
    late = learn_places(snapshot([], at=NOW + 60 + KEPT_S + 1), replace(waited(2), demands={}), DEFAULTS)

    assert late.late_kinds == {}


def test_no_place_is_kept_while_enough_tasks_start_at_once() -> None:
    assert kept(replace(waited(2), lately=Lately(200, 2))) == Counter()
    assert kept(replace(waited(2), lately=Lately(200, 20))) != Counter()


def test_tasks_that_a_notice_has_displaced_and_those_of_services_get_none() -> None:
    assert kept(waited(5, doomed={"i-1": NOW})) == Counter()
    state = ScalingState()
    for _ in range(3):
        state = learn_places(snapshot([], services=[service("api", 4, SIZE)]), state, DEFAULTS)
    assert kept(state) == Counter()


def test_how_many_tasks_have_started_is_counted_for_the_whole_cluster() -> None:
    state = ScalingState(started=10.0)
    looked = learn_places(replace(snapshot([]), started=Started(7, 10.0)), state, DEFAULTS)

    assert (looked.started, looked.lately.started) == (17.0, 7.0)


@settings(max_examples=30)
@given(st.integers(0, 12), st.lists(st.sampled_from(sorted(SHAPES)), min_size=1, max_size=3, unique=True))
def test_places_cost_a_part_of_what_runs_at_most(instances: int, types: list[str]) -> None:
    candidates = [running(type_, type_, instances) for type_ in types]
    state = waited(2)
    for size in (Size(700, 1000), Size(1500, 6000), Size(8000, 50_000)):
        again = replace(state, demands={f"{size}{n}": Demand(f"{size}{n}", size, NOW, NOW) for n in range(2)})
        state = learn_places(snapshot([]), again, DEFAULTS)

    found = places_to_keep(state, candidates, DEFAULTS)

    usd = sum(
        min(one.price(shape) for one in candidates for shape in one.likely if one.rooms[shape].holds(place))
        for place in found
    )
    assert usd <= MOST_OF_PRICE * sum(one.running_usd for one in candidates) + 1e-9


@settings(max_examples=30)
@given(tasks, pools)
def test_no_task_is_held_up_by_a_place_that_is_kept_free(
    waiting: Counter[TaskShape], drawn: list[tuple[str, int, int, bool]]
) -> None:
    """Each task is given to one pool, and a place for which no pool may grow is left out."""
    candidates = [
        replace(candidate(f"p{i}", type_, target=target, maximum=maximum), is_passed_over=ill)
        for i, (type_, target, maximum, ill) in enumerate(drawn)
    ]
    spare = Counter({replace(task, is_spare=True): 1 for task in waiting})

    found = allot(waiting + spare, candidates, DEFAULTS)

    given_ = sum(found.tasks.values(), Counter[TaskShape]())
    assert {task: count for task, count in given_.items() if not task.is_spare} == waiting
    assert all(given_[task] <= 1 for task in spare)
    ill = {one.name for one in candidates if one.is_passed_over}
    assert not any(task.is_spare for name in ill for task in found.tasks[name])


def test_a_task_that_a_pool_has_let_down_goes_to_an_on_demand_pool() -> None:
    """Another Spot pool, which costs less, may be short as well."""
    task = TaskShape(Size(1024, 1000))
    spot = PoolTraits("", "", "", Purchase.SPOT)
    ill, cheap, sure = (candidate(name, "small") for name in ("ill", "cheap", "sure"))
    ill, cheap = (
        replace(one, snapshot=replace(one.snapshot, pool=replace(one.snapshot.pool, own_traits=spot)))
        for one in (ill, cheap)
    )
    ill = replace(ill, is_passed_over=True, state=ScalingState(expected={key_of(task): 2}))

    found = allot(Counter({task: 3}), [ill, cheap, sure], DEFAULTS)

    assert found.tasks == {"ill": {}, "cheap": {task: 1}, "sure": {task: 2}}


def test_a_place_needs_what_the_tasks_need() -> None:
    run = RunShape(gpus=1)
    state = ScalingState(run_shapes={"a": run, "b": run}, demands={key: demand(key, SIZE) for key in ("a", "b")})
    state = learn_places(snapshot([]), state, DEFAULTS)

    assert kept(state) == Counter()
    assert places_to_keep(state, [running("gpu", "gpu", 5)], DEFAULTS) == {replace(run.task(SIZE), is_spare=True): 1}
