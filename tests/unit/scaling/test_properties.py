"""What holds of every decision, whatever the cluster looks like."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from steady.cluster import ContainerInstance, Size, Snapshot, TaskShape
from steady.scaling import scale_out
from steady.scaling.decision import decide
from steady.scaling.packing import pack
from steady.scaling.room import room_on
from steady.scaling.state import ScalingState, update_state
from steady.thresholds import Thresholds
from tests.unit.snapshots import NOW, demand, instance, service, snapshot, state

SIZES = st.builds(Size, st.integers(0, 2048), st.integers(0, 8000))


@st.composite
def clusters(draw: st.DrawFn) -> tuple[Snapshot, ScalingState, Thresholds]:
    """A cluster with its history and its thresholds. Each instance's reservation is one task, as large."""
    used = draw(st.lists(st.tuples(SIZES, st.booleans()), max_size=8))
    instances = [instance(n, size, draining=draining) for n, (size, draining) in enumerate(used)]
    minimum = draw(st.integers(0, 4))
    maximum = draw(st.integers(minimum, 12))
    world = snapshot(
        instances,
        target=draw(st.integers(minimum, maximum)),
        minimum=minimum,
        maximum=maximum,
        services=[
            service(f"s{n}", m, draw(SIZES)) for n, m in enumerate(draw(st.lists(st.integers(0, 4), max_size=3)))
        ],
        tasks_of={i.arn: (TaskShape(i.reserved),) if i.task_count else () for i in instances},
    )
    remembered = state(
        *(demand(f"t{n}", size) for n, size in enumerate(draw(st.lists(SIZES, max_size=5)))),
        low_since=draw(st.sampled_from([None, NOW - 10_000])),
        drift_since={f"s{n}": NOW - 100 for n in range(3)},
        draining={i.arn: i.instance_id for i in instances if draw(st.booleans())},
    )
    return world, remembered, Thresholds(max_capacity=draw(st.integers(1, 12)))


@given(clusters())
def test_the_target_never_leaves_its_bounds(case: tuple[Snapshot, ScalingState, Thresholds]) -> None:
    world, remembered, thresholds = case

    decision = decide(world, update_state(world, remembered, thresholds), thresholds)

    highest = min(world.pool.maximum, thresholds.max_capacity)
    # A target that was over a maximum is not pushed further, and not cut under what runs.
    assert min(world.pool.minimum, highest) <= decision.target <= max(highest, world.pool.target)


@given(clusters())
def test_what_is_emptied_fits_on_the_rest_with_all_that_runs_there(
    case: tuple[Snapshot, ScalingState, Thresholds],
) -> None:
    world, remembered, thresholds = case

    decision = decide(world, update_state(world, remembered, thresholds), thresholds)

    leaving = set(decision.to_drain)
    rest: list[ContainerInstance] = [i for i in world.active if i.arn not in leaving]
    moved = [task for arn in leaving for task in world.tasks_of[arn]]
    assert not pack(moved, room_on(rest, world)).left_over


@given(clusters())
def test_only_what_is_empty_and_was_chosen_is_terminated(case: tuple[Snapshot, ScalingState, Thresholds]) -> None:
    world, remembered, thresholds = case

    decision = decide(world, update_state(world, remembered, thresholds), thresholds)

    by_id = {i.instance_id: i for i in world.instances}
    assert all(by_id[id_].task_count == 0 for id_ in decision.to_terminate)
    assert set(decision.to_terminate) <= set(remembered.draining.values())


@given(clusters(), st.randoms())
def test_the_order_in_which_things_are_described_does_not_matter(
    case: tuple[Snapshot, ScalingState, Thresholds], random: st.DataObject
) -> None:
    world, remembered, thresholds = case
    shuffled = list(world.services)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    other = replace(world, services=tuple(shuffled))

    one = decide(world, update_state(world, remembered, thresholds), thresholds)
    two = decide(other, update_state(other, remembered, thresholds), thresholds)

    assert (one.target, one.to_drain, one.to_undrain) == (two.target, two.to_drain, two.to_undrain)


@given(clusters())
def test_a_decision_that_took_effect_is_not_taken_again(case: tuple[Snapshot, ScalingState, Thresholds]) -> None:
    world, remembered, thresholds = case
    first = decide(world, update_state(world, remembered, thresholds), thresholds)
    later = replace(world, pool=replace(world.pool, target=first.target))

    again = decide(later, update_state(later, first.state, thresholds), thresholds)

    if first.target > world.pool.target:
        assert again.target == first.target


@given(clusters(), st.lists(SIZES, min_size=1, max_size=4))
def test_more_demand_never_lowers_the_target(case: tuple[Snapshot, ScalingState, Thresholds], more: list[Size]) -> None:
    world, remembered, thresholds = case
    demands = {f"more{n}": demand(f"more{n}", size) for n, size in enumerate(more)}
    wanting = replace(remembered, demands={**remembered.demands, **demands})

    less = decide(world, update_state(world, remembered, thresholds), thresholds)
    greater = decide(world, update_state(world, wanting, thresholds), thresholds)

    assert greater.target >= less.target


@given(clusters())
def test_nothing_is_emptied_or_terminated_while_a_want_is_open(case: tuple[Snapshot, ScalingState, Thresholds]) -> None:
    world, remembered, thresholds = case

    seen = update_state(world, remembered, thresholds)
    decision = decide(world, seen, thresholds)

    if scale_out.scale_out(world, seen, thresholds).is_open:
        assert (decision.to_drain, decision.to_terminate) == ((), ())
        assert decision.target >= world.pool.target


@given(clusters(), st.integers(2049, 500_000))
def test_what_no_instance_can_hold_changes_no_decision(
    case: tuple[Snapshot, ScalingState, Thresholds], cpu: int
) -> None:
    world, remembered, thresholds = case
    huge = demand("huge", Size(cpu, 1000))
    odd = replace(remembered, demands={**remembered.demands, "huge": huge})
    with_service = replace(world, services=(*world.services, service("huge", 3, Size(100, 8001))))

    usual = decide(world, update_state(world, remembered, thresholds), thresholds)
    other = decide(with_service, update_state(with_service, odd, thresholds), thresholds)

    assert (other.target, other.to_drain, other.to_undrain) == (usual.target, usual.to_drain, usual.to_undrain)
    assert (other.state.staffing.factor, other.state.recent) == (usual.state.staffing.factor, usual.state.recent)
