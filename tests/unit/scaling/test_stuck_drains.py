"""Drains that do not end: who is not chosen, who is taken back, and for how long both are left alone."""

from __future__ import annotations

from dataclasses import replace

from steady.cluster import Size, TaskShape
from steady.scaling import stuck_drains
from steady.scaling.decision import decide, instances_to_read
from steady.scaling.state import update_state
from steady.scaling.stuck_drains import ENDS_WITHIN_S, NOT_AGAIN_FOR_S, PINNED_FOR_S, DrainDoesNotEnd, TasksCannotMove
from steady.thresholds import Thresholds
from tests.unit.snapshots import NOW, demand, instance, snapshot, state

THRESHOLDS = Thresholds(scale_in_after_seconds=300, scale_in_share=34)
SMALL = Size(256, 500)
TASK = TaskShape(SMALL)
LONG_LOW = NOW - 900


def test_an_instance_with_a_task_that_ecs_cannot_move_is_not_chosen() -> None:
    world = snapshot([instance(n, SMALL) for n in range(3)])
    decision = decide(replace(world, pinned=frozenset({"arn-0", "arn-1"})), state(low_since=LONG_LOW), THRESHOLDS)

    assert decision.to_drain == ("arn-2",)
    assert [r for r in decision.reasons if isinstance(r, TasksCannotMove)] == [TasksCannotMove(2, "i-0")]
    assert decision.state.spared_until == {"arn-0": NOW + PINNED_FOR_S, "arn-1": NOW + PINNED_FOR_S}


def test_what_was_found_pinned_is_not_read_at_each_look_so_that_others_are() -> None:
    world = snapshot([instance(n, SMALL) for n in range(30)])
    spared = {f"arn-{n}": NOW + 60.0 for n in range(25)}
    before = state(low_since=LONG_LOW, spared_until={**spared, "arn-7": NOW - 1.0, "gone": NOW + 60.0})
    known = update_state(world, before, THRESHOLDS)

    assert known.spared_until == {arn: until for arn, until in spared.items() if arn != "arn-7"}
    read = {i.arn for i in instances_to_read(world, known, THRESHOLDS)}
    assert read == {"arn-7", *(f"arn-{n}" for n in range(25, 30))}


def test_a_task_that_only_its_own_instance_satisfies_keeps_no_other_instance() -> None:
    pinned = TaskShape(SMALL, member_of=frozenset({"attribute:disk == ssd"}))
    world = snapshot(
        [instance(n, SMALL) for n in range(3)], tasks_of={"arn-0": (pinned,), "arn-1": (TASK,), "arn-2": (TASK,)}
    )
    world = replace(world, matching={"attribute:disk == ssd": frozenset({"arn-0"})})

    assert decide(world, state(low_since=LONG_LOW), THRESHOLDS).to_drain == ("arn-1",)


def late(seconds: float = ENDS_WITHIN_S, **fields: object) -> dict[str, object]:
    return {"draining": {"arn-0": "i-0"}, "chosen_at": {"arn-0": NOW - seconds}, **fields}


def test_a_drain_that_does_not_end_is_taken_back_once_and_not_begun_again() -> None:
    world = snapshot([instance(0, SMALL, draining=True), instance(1, SMALL)], tasks_of={"arn-0": (TASK,)})
    decision = decide(world, state(**late()), THRESHOLDS)

    assert decision.to_undrain == ("arn-0",)
    assert [r for r in decision.reasons if isinstance(r, DrainDoesNotEnd)] == [DrainDoesNotEnd(1, "i-0")]

    active = snapshot([instance(0, SMALL), instance(1, SMALL)], tasks_of={"arn-0": (TASK,), "arn-1": (TASK,)})
    known = replace(update_state(active, decision.state, THRESHOLDS), low_since=LONG_LOW)
    assert known.draining == {}
    assert known.spared_until == {"arn-0": NOW + NOT_AGAIN_FOR_S}
    assert decide(active, known, THRESHOLDS).to_drain == ("arn-1",)


def test_a_drain_goes_on_before_its_limit_and_with_batch_tasks_alone() -> None:
    world = snapshot([instance(0, SMALL, draining=True), instance(1, SMALL)], tasks_of={"arn-0": (TASK,)})

    assert decide(world, state(**late(ENDS_WITHIN_S - 1)), THRESHOLDS).to_undrain == ()
    assert decide(replace(world, tasks_of={"arn-0": ()}), state(**late()), THRESHOLDS).to_undrain == ()
    assert decide(replace(world, tasks_of={}), state(**late()), THRESHOLDS).to_undrain == ()


def test_what_new_work_takes_back_is_taken_back_once() -> None:
    world = snapshot([instance(0, SMALL, draining=True), instance(1, Size(2048, 8000))], tasks_of={"arn-0": (TASK,)})

    assert decide(world, state(demand("a", SMALL), **late()), THRESHOLDS).to_undrain == ("arn-0",)


def test_the_time_of_a_choice_is_remembered_until_the_instance_drains_no_more() -> None:
    draining = snapshot([instance(0, SMALL, draining=True), instance(1)])
    known = update_state(draining, state(draining={"arn-0": "i-0"}), THRESHOLDS)
    assert known.chosen_at == {"arn-0": NOW}

    later = update_state(replace(draining, at=NOW + 60), known, THRESHOLDS)
    assert later.chosen_at == {"arn-0": NOW}
    assert update_state(snapshot([instance(0), instance(1)]), later, THRESHOLDS).chosen_at == {}


def test_all_drains_that_do_not_end_are_read_in_turns() -> None:
    here = [instance(n, SMALL, draining=True) for n in range(25)]
    known = state(
        draining={i.arn: i.instance_id for i in here}, chosen_at=dict.fromkeys((i.arn for i in here), NOW - 7200)
    )
    looks = [stuck_drains.instances_to_read(snapshot(here, at=NOW + 60 * n), known) for n in range(5)]

    assert max(len(look) for look in looks) == stuck_drains.READ_A_LOOK
    assert {i.arn for look in looks for i in look} == {i.arn for i in here}
