"""The next right step of a service-out: what is deregistered, what is stopped when, and what is finished."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steady.cluster import InstanceStatus
from steady.service_out.doomed import Doomed, DoomedTask, LifecycleHook, Seen, Target, TaskKind
from steady.service_out.drain import LOST_AGENT_S, Release, after_release, progress, to_drain, to_release
from steady.service_out.stopping import STILL_SENT_S, to_stop
from steady.service_out.stops import STOP_MARGIN_S, last_stop_at

DEADLINE = 120.0
DRAIN_S = 20.0
SPOT = Doomed("i-1", "web", DEADLINE, "arn-1")
LEFT = replace(SPOT, looked_at=True, deregistered_at=10.0)
PATIENT = Doomed("i-1", "web", 7200.0, "arn-1")
SEEN = {"arn-1": Seen(InstanceStatus.DRAINING, 3)}
TARGET = Target("group", "i-1", 32768)
HOOK = LifecycleHook("web", "drain", "token")


def task(kind: TaskKind, *targets: Target, name: str = "task", **fields: object) -> DoomedTask:
    return DoomedTask(name, "arn-1", kind, 30, frozenset(targets), service=name, **fields)  # type: ignore[arg-type]


def stop_at(instance: Doomed, one: DoomedTask, now: float = 2.0) -> float | None:
    """When `one` is to be stopped; None: not within the next minute."""
    stops = to_stop([instance], SEEN, [one], DRAIN_S, now)
    return stops[0].at if stops else None


def test_only_active_instances_are_drained() -> None:
    seen = {"a": Seen(InstanceStatus.ACTIVE, 0), "b": Seen(InstanceStatus.DRAINING, 1)}

    assert to_drain(seen) == ("a",)


def test_targets_leave_at_once_and_their_task_is_stopped_when_their_requests_are_over() -> None:
    api = task(TaskKind.SERVICE, TARGET)

    release = to_release([SPOT], [api], (), DRAIN_S, now=2.0)
    after = after_release(SPOT, release, [api], (), now=2.0)

    assert release == Release((TARGET,), {})
    assert (after.deregistered_at, after.held) == (2.0, ())
    assert stop_at(after, api) == 2.0 + DRAIN_S


def test_the_last_healthy_targets_of_a_service_stay_as_long_as_their_requests_allow() -> None:
    api = task(TaskKind.SERVICE, TARGET)
    last = last_stop_at(api, DEADLINE)

    early = to_release([SPOT], [api], {"task"}, DRAIN_S, now=2.0)
    late = to_release([SPOT], [api], {"task"}, DRAIN_S, now=last - DRAIN_S)

    assert (early.targets, early.held) == ((), {"i-1": {"task"}})
    assert late.targets == (TARGET,)
    held = after_release(SPOT, early, [api], (), now=2.0)
    assert (held.held, held.deregistered_at) == (("task",), 0.0)
    assert stop_at(held, api, now=last - 50) is None
    assert stop_at(held, api, now=last - 5) == last


def test_a_target_that_elb_refused_is_tried_again_and_its_task_stopped_late() -> None:
    api = task(TaskKind.SERVICE, TARGET)
    release = to_release([SPOT], [api], (), DRAIN_S, now=2.0)

    refused = after_release(SPOT, release, [api], {TARGET}, now=2.0)

    assert refused.held == ("task",)
    assert to_release([refused], [api], (), DRAIN_S, now=9.0).targets == (TARGET,)
    assert stop_at(refused, api, now=77.0) == last_stop_at(api, DEADLINE)
    assert after_release(refused, release, [api], (), now=9.0).deregistered_at == 9.0


def test_targets_that_have_left_are_not_deregistered_again_but_those_of_a_task_that_has_started_since() -> None:
    old, new = task(TaskKind.SERVICE, TARGET), task(TaskKind.SERVICE, Target("group", "i-1", 1), name="new")

    again = to_release([LEFT], [old, replace(new, started_at=30.0)], (), DRAIN_S, now=31.0)

    assert again.targets == tuple(new.targets)


def test_where_there_is_time_ecs_replaces_a_services_task_first() -> None:
    api, worker = task(TaskKind.SERVICE, TARGET), task(TaskKind.SERVICE)

    release = to_release([PATIENT], [api], (), DRAIN_S, now=2.0)

    assert (release.targets, release.held) == ((), {"i-1": {"task"}})
    assert stop_at(after_release(PATIENT, release, [api], (), 2.0), api) is None
    assert stop_at(PATIENT, worker) is None


@pytest.mark.parametrize("target", [TARGET, None])
def test_a_task_that_ecs_cannot_replace_first_waits_for_the_turn_of_its_instance(target: Target | None) -> None:
    stuck = replace(task(TaskKind.SERVICE), targets=frozenset({target} if target else ()), replaced_first=False)

    waits = to_release([PATIENT], [stuck], (), DRAIN_S, now=300.0)
    held = after_release(PATIENT, waits, [stuck], (), now=300.0)
    turn = to_release([held], [stuck], (), DRAIN_S, now=310.0, turns={"task": "i-1"})
    left = after_release(held, turn, [stuck], (), now=310.0)
    again = to_release([left], [stuck], (), DRAIN_S, now=320.0)

    assert (waits.targets, held.held, stop_at(held, stuck, now=300.0)) == ((), ("task",), None)
    assert (turn.targets, left.held) == (tuple(stuck.targets), ())
    assert again.held == {}
    assert stop_at(left, stuck, now=310.0) == (310.0 + DRAIN_S if target else 0.0)


def test_a_service_without_targets_is_stopped_at_once() -> None:
    assert stop_at(SPOT, task(TaskKind.SERVICE)) == 0.0


def test_no_task_is_stopped_while_requests_to_the_instance_itself_go_on() -> None:
    left_pool = replace(SPOT, looked_at=True, pool_left_at=4.0)

    alone = {"arn-1": Seen(InstanceStatus.DRAINING, 1)}
    for instance, kind in (
        (left_pool, TaskKind.SERVICE),
        (replace(left_pool, deadline_s=200.0), TaskKind.DAEMON),
    ):
        (stop,) = to_stop([instance], alone, [task(kind)], DRAIN_S, now=5.0)
        assert stop.at == 4.0 + DRAIN_S


def test_a_task_whose_targets_are_not_known_is_stopped_as_late_as_a_batch_task() -> None:
    due = DEADLINE - 30 - STOP_MARGIN_S

    for late in (task(TaskKind.SERVICE, targets_unknown=True), task(TaskKind.BATCH)):
        assert stop_at(SPOT, late) == stop_at(SPOT, late, now=due - 10) == due


def test_daemons_are_stopped_once_nothing_else_is_left() -> None:
    daemon = task(TaskKind.DAEMON)
    alone = {"arn-1": Seen(InstanceStatus.DRAINING, 1)}

    assert stop_at(SPOT, daemon) == last_stop_at(daemon, DEADLINE)
    assert stop_at(replace(PATIENT, deadline_s=200.0), daemon, now=60.0) == last_stop_at(daemon, 200.0)
    assert to_stop([replace(PATIENT, deadline_s=200.0)], alone, [daemon], DRAIN_S, now=2.0)[0].at == 2.0


def test_on_spot_daemons_are_left_to_ecs_since_tasks_that_are_stopping_are_not_counted() -> None:
    daemon = task(TaskKind.DAEMON)
    alone = {"arn-1": Seen(InstanceStatus.DRAINING, 1)}

    assert to_stop([SPOT], alone, [daemon], DRAIN_S, now=2.0)[0].at == last_stop_at(daemon, DEADLINE)


def test_a_stop_timeout_that_does_not_fit_leaves_the_load_balancer_its_seconds() -> None:
    long = replace(task(TaskKind.SERVICE, TARGET), stop_timeout_s=120)

    assert stop_at(LEFT, long) == 10.0 + STILL_SENT_S


def test_a_protected_task_is_given_up_only_at_the_deadline() -> None:
    api = task(TaskKind.SERVICE, TARGET, protected=True)

    assert stop_at(LEFT, api, now=50.0) == last_stop_at(api, DEADLINE)


def test_tasks_behind_a_load_balancer_are_stopped_first_and_daemons_last_where_not_all_can_be_stopped_in_time() -> None:
    kinds = [
        task(TaskKind.DAEMON, name="daemon"),
        task(TaskKind.BATCH, name="batch"),
        task(TaskKind.SERVICE, TARGET, name="api"),
    ]

    stops = to_stop([LEFT], SEEN, kinds, DRAIN_S, now=DEADLINE)

    assert [stop.arn for stop in stops] == ["api", "batch", "daemon"]


def finished(instance: Doomed, seen: dict[str, Seen], tasks: list[DoomedTask], now: float = 5.0) -> bool:
    return progress([instance], seen, tasks, (), DRAIN_S, now).finished == (instance,)


def test_an_instance_is_finished_once_every_task_was_asked_to_stop() -> None:
    tasks = [task(TaskKind.BATCH, name="a"), task(TaskKind.BATCH, name="b")]

    assert progress([SPOT], SEEN, tasks, {"a"}, DRAIN_S, now=0).waiting == (SPOT,)
    assert progress([SPOT], SEEN, tasks, {"a", "b"}, DRAIN_S, now=0).finished == (SPOT,)


def test_an_instance_that_ecs_has_not_drained_is_not_finished() -> None:
    assert not finished(SPOT, {"arn-1": Seen(InstanceStatus.ACTIVE, 0)}, [])


def test_an_instance_under_a_hook_is_finished_only_once_nothing_runs_on_it() -> None:
    hooked = replace(SPOT, hooks=(HOOK,))

    assert not finished(hooked, SEEN, [])
    assert finished(hooked, {"arn-1": Seen(InstanceStatus.DRAINING, 0)}, [])


def test_a_hook_does_not_wait_for_an_agent_that_is_lost_once_all_was_stopped() -> None:
    hooked = replace(SPOT, hooks=(HOOK,), noticed_at=100.0)
    lost = {"arn-1": Seen(InstanceStatus.DRAINING, 3, agent_connected=False)}
    stopped = [task(TaskKind.SERVICE, stopping=True)]

    assert finished(hooked, lost, stopped, now=100.0 + LOST_AGENT_S)
    # It may be back in a moment; and a batch task that may still run is given its time.
    assert not finished(hooked, lost, stopped, now=99.0 + LOST_AGENT_S)
    assert not finished(hooked, lost, [task(TaskKind.BATCH)], now=100.0 + LOST_AGENT_S)


def test_an_instance_that_has_not_registered_is_watched_until_its_deadline() -> None:
    booting = Doomed("i-1", "web", DEADLINE)

    assert not finished(booting, {}, [], now=DEADLINE - 1)
    assert finished(booting, {}, [], now=DEADLINE)


TASKS = st.lists(
    st.builds(
        lambda number, kind, targets, timeout, unknown: DoomedTask(
            f"task-{number}",
            "arn-1",
            kind,
            timeout,
            frozenset(Target("g", "i-1", p) for p in targets),
            targets_unknown=unknown,
            service=f"s{len(targets)}",
        ),
        st.integers(0, 10**6),
        st.sampled_from(TaskKind),
        st.sets(st.integers(1, 5), max_size=2),
        st.integers(2, 120),
        st.booleans(),
    ),
    max_size=12,
    unique_by=lambda t: t.arn,
)
NOW = st.floats(0, DEADLINE)


@given(TASKS, st.sets(st.sampled_from(["s1", "s2"])), st.sets(st.integers(1, 5)), NOW, st.sampled_from([SPOT, PATIENT]))
def test_no_task_is_stopped_while_a_target_of_it_takes_requests_unless_its_stop_timeout_forces_it(
    tasks: list[DoomedTask], alone: set[str], refused_ports: set[int], now: float, instance: Doomed
) -> None:
    release = to_release([instance], tasks, alone, DRAIN_S, now)
    refused = {t for t in release.targets if t.port in refused_ports}
    after = after_release(instance, release, tasks, refused, now)
    left = set(release.targets) - refused

    for stop in to_stop([after], SEEN, tasks, DRAIN_S, now):
        one = next(t for t in tasks if t.arn == stop.arn)
        forced = last_stop_at(one, instance.deadline_s)
        assert stop.at >= min(forced, stop.by, now + DRAIN_S) or not one.targets
        assert one.targets <= left or stop.at >= min(forced, stop.by)
        assert not one.targets or stop.at >= now + STILL_SENT_S


@given(TASKS, NOW)
def test_whatever_is_left_is_to_be_stopped_by_its_last_moment(tasks: list[DoomedTask], now: float) -> None:
    stops = {stop.arn: stop for stop in to_stop([LEFT], SEEN, tasks, DRAIN_S, now)}

    for one in tasks:
        last = last_stop_at(one, DEADLINE)
        if last <= now + 60:
            assert stops[one.arn].at <= max(last, LEFT.deregistered_at + STILL_SENT_S)


@given(TASKS, NOW)
def test_the_next_look_comes_before_the_next_task_is_due(tasks: list[DoomedTask], now: float) -> None:
    after = progress([LEFT], SEEN, tasks, (), DRAIN_S, now)

    soonest = min((last_stop_at(t, DEADLINE) for t in tasks), default=DEADLINE)
    assert after.next_in_s >= 1
    assert not after.waiting or after.next_in_s == 1 or now + after.next_in_s <= soonest
