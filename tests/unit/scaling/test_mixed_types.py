"""Pools of several types: units, not instances, and enough of them whichever type the pool launches."""

from collections.abc import Mapping
from dataclasses import replace

from steady.cluster import ContainerInstance, InstanceShape, Size, Snapshot
from steady.scaling.decision import decide
from steady.scaling.reasons import FitsNoInstance
from steady.scaling.staffing import Staffing
from steady.scaling.state import ScalingState
from steady.thresholds import Thresholds
from tests.unit.snapshots import NOW, demand, instance, snapshot, state

LARGE = InstanceShape("m5.large", Size(2048, 8000))
XLARGE = InstanceShape("m5.xlarge", Size(4096, 16_000))
FULL = Size(2048, 8000)
# An m5.xlarge counts for two.
WEIGHTS = {"m5.large": 1, "m5.xlarge": 2}


def mixed(
    instances: list[ContainerInstance], target: int, weights: Mapping[str, int] = WEIGHTS, extra_member: str = ""
) -> Snapshot:
    """A fleet of both types; `extra_member` is the type of an instance that boots."""
    world = snapshot(instances, target=target)
    members = {i.instance_id: i.instance_type for i in instances}
    if extra_member:
        members["i-boots"] = extra_member
    pool = replace(world.pool, weights=weights, members=members)
    return replace(world, pool=pool, shapes={s.name: s for s in (LARGE, XLARGE)})


def xlarge(number: int, used: Size) -> ContainerInstance:
    return replace(
        instance(number, used), instance_type="m5.xlarge", registered=XLARGE.size, remaining=XLARGE.size - used
    )


def wanting(*sizes: Size, **fields: object) -> ScalingState:
    shapes = {s.name: s for s in (LARGE, XLARGE)}
    demands = [demand(f"task-{n}", size) for n, size in enumerate(sizes)]
    return replace(state(*demands), shapes=shapes, **fields)  # type: ignore[arg-type]


def test_no_more_units_are_asked_for_than_the_type_that_comes_needs() -> None:
    # An m5.large holds one task of 1100 CPU units, an m5.xlarge holds three.
    tasks = [Size(1100, 1000)] * 30
    world = mixed([instance(0, FULL)], 1)

    assert decide(world, wanting(*tasks), Thresholds()).target == 1 + 20
    assert decide(world, wanting(*tasks, launched=("m5.xlarge",) * 3), Thresholds()).target == 1 + 20
    assert decide(world, wanting(*tasks, launched=("m5.large",) * 3), Thresholds()).target == 1 + 30
    first = replace(world, pool=replace(world.pool, order=("m5.large", "m5.xlarge")))
    assert decide(first, wanting(*tasks), Thresholds()).target == 1 + 30


def test_if_the_other_type_comes_the_rest_is_asked_for_at_once() -> None:
    tasks = [Size(1100, 1000)] * 30
    world = mixed([instance(0, FULL)], 1)
    decision = decide(world, wanting(*tasks), Thresholds())
    assert decision.look_again_at == NOW + 20

    larges = {f"i-{n}": "m5.large" for n in range(1, 21)}
    pool = replace(world.pool, target=decision.target, members={**world.pool.members, **larges})
    later = decide(replace(world, pool=pool), wanting(*tasks, launched=("m5.large",) * 5), Thresholds())
    assert later.target == 1 + 30


def test_a_task_that_only_the_larger_type_holds_is_counted_on_that_one() -> None:
    decision = decide(mixed([instance(0, FULL)], 1), wanting(Size(3000, 9000)), Thresholds())

    assert decision.target == 1 + 2
    assert not any(isinstance(r, FitsNoInstance) for r in decision.reasons)


def test_what_boots_counts_as_the_type_that_it_is() -> None:
    two_tasks = wanting(FULL, FULL)

    assert decide(mixed([instance(0, FULL)], 3, extra_member="m5.xlarge"), two_tasks, Thresholds()).target == 3
    assert decide(mixed([instance(0, FULL)], 2, extra_member="m5.large"), two_tasks, Thresholds()).target > 2


def test_the_room_is_asked_for_in_units() -> None:
    # 4 vCPUs' worth of load twice over is 4 larges; half of the root of 4 is 1 of them.
    full = [xlarge(n, XLARGE.size) for n in range(2)]

    assert decide(mixed(full, 4), wanting(staffing=Staffing(0.5)), Thresholds()).target == 5


def test_an_emptied_instance_takes_its_own_weight_off_the_target() -> None:
    empty = replace(xlarge(1, Size(0, 0)), status=instance(1, draining=True).status)
    world = mixed([instance(0, Size(1500, 5500)), empty], 3)

    decision = decide(world, wanting(draining={empty.arn: empty.instance_id}), Thresholds())

    assert decision.to_terminate == (empty.instance_id,)
    assert decision.target == 1


def test_scale_in_keeps_the_minimum_in_units() -> None:
    world = replace(mixed([xlarge(n, Size(0, 0)) for n in range(3)], 6), at=NOW)
    world = replace(world, pool=replace(world.pool, minimum=3))

    decision = decide(world, wanting(low_since=NOW - 900), Thresholds(scale_in_share=100))

    # 6 units less one xlarge is 4; less two would be 2, which is under the minimum of 3.
    assert len(decision.to_drain) == 1
