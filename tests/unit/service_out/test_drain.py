"""The next right step of a service-out."""

from hypothesis import given
from hypothesis import strategies as st

from steady.cluster import InstanceStatus
from steady.service_out.drain import (
    LOST_AGENT_S,
    STOP_MARGIN_S,
    Doomed,
    DoomedTask,
    LifecycleHook,
    Seen,
    Target,
    TargetState,
    TaskKind,
    last_stop_at,
    next_step,
    progress,
    to_drain,
)
from steady.service_out.timing import delay_to_sync

DEADLINE = 1000.0
SPOT = Doomed("i-1", "web", DEADLINE, "arn-1")
DRAINING = {"arn-1": Seen(InstanceStatus.DRAINING, 3)}
TARGET = Target("group", "i-1", 32768)


def task(kind: TaskKind, *targets: Target, name: str = "task", **fields: object) -> DoomedTask:
    return DoomedTask(name, "arn-1", kind, 30, frozenset(targets), **fields)  # type: ignore[arg-type]


def test_only_active_instances_are_drained() -> None:
    seen = {"a": Seen(InstanceStatus.ACTIVE, 0), "b": Seen(InstanceStatus.DRAINING, 1)}

    assert to_drain(seen) == ("a",)


def test_targets_are_deregistered_before_their_task_is_stopped() -> None:
    api = task(TaskKind.SERVICE, TARGET)

    taking = next_step([SPOT], DRAINING, [api], {TARGET: TargetState.TAKING}, now=0)
    leaving = next_step([SPOT], DRAINING, [api], {TARGET: TargetState.DRAINING}, now=3)
    left = next_step([SPOT], DRAINING, [api], {TARGET: TargetState.LEFT}, now=6)

    assert (taking.to_deregister, taking.to_stop) == ((TARGET,), ())
    assert (leaving.to_deregister, leaving.to_stop) == ((), ())
    assert left.to_stop == (api,)


def test_a_service_without_targets_is_stopped_at_once() -> None:
    worker = task(TaskKind.SERVICE)

    assert next_step([SPOT], DRAINING, [worker], {}, now=0).to_stop == (worker,)


def test_a_task_that_is_about_to_register_its_targets_is_left_until_they_are_known() -> None:
    starting = task(TaskKind.SERVICE, targets_unknown=True)

    assert next_step([SPOT], DRAINING, [starting], {}, now=0).to_stop == ()


def test_a_batch_task_is_spared_until_its_stop_timeout_just_fits() -> None:
    batch = task(TaskKind.BATCH)
    due = DEADLINE - 30 - STOP_MARGIN_S

    assert next_step([SPOT], DRAINING, [batch], {}, now=due - 1).to_stop == ()
    assert next_step([SPOT], DRAINING, [batch], {}, now=due).to_stop == (batch,)


def test_daemons_are_stopped_once_nothing_else_is_left() -> None:
    daemon = task(TaskKind.DAEMON)
    alone = {"arn-1": Seen(InstanceStatus.DRAINING, 1)}

    assert next_step([SPOT], DRAINING, [daemon], {}, now=0).to_stop == ()
    assert next_step([SPOT], alone, [daemon], {}, now=0).to_stop == (daemon,)


def test_the_deadline_forces_what_still_drains() -> None:
    api = task(TaskKind.SERVICE, TARGET)

    step = next_step([SPOT], DRAINING, [api], {TARGET: TargetState.DRAINING}, now=last_stop_at(api, DEADLINE))

    assert step.to_stop == (api,)


def test_tasks_behind_a_load_balancer_are_stopped_first_and_daemons_last() -> None:
    kinds = [
        task(TaskKind.DAEMON, name="daemon"),
        task(TaskKind.BATCH, name="batch"),
        task(TaskKind.SERVICE, TARGET, name="api"),
    ]

    step = next_step([SPOT], DRAINING, kinds, {TARGET: TargetState.LEFT}, now=DEADLINE)

    assert [t.arn for t in step.to_stop] == ["api", "batch", "daemon"]


def test_an_instance_is_finished_once_every_task_was_asked_to_stop() -> None:
    tasks = [task(TaskKind.BATCH, name="a"), task(TaskKind.BATCH, name="b")]

    assert progress([SPOT], DRAINING, tasks, {"a"}, now=0).waiting == (SPOT,)
    assert progress([SPOT], DRAINING, tasks, {"a", "b"}, now=0).finished == (SPOT,)


def test_an_instance_under_a_hook_is_finished_only_once_nothing_runs_on_it() -> None:
    hooked = Doomed("i-1", "web", DEADLINE, "arn-1", LifecycleHook("web", "drain", "token"))
    empty = {"arn-1": Seen(InstanceStatus.DRAINING, 0)}

    assert progress([hooked], DRAINING, [], set(), now=0).waiting == (hooked,)
    assert progress([hooked], empty, [], set(), now=0).finished == (hooked,)


def test_a_hook_does_not_wait_for_an_agent_that_is_lost_once_all_was_stopped() -> None:
    hooked = Doomed("i-1", "web", DEADLINE, "arn-1", LifecycleHook("web", "drain", "token"), noticed_at=100.0)
    lost = {"arn-1": Seen(InstanceStatus.DRAINING, 3, agent_connected=False)}
    stopped = [task(TaskKind.SERVICE, stopping=True)]

    assert progress([hooked], lost, stopped, set(), now=100.0 + LOST_AGENT_S).finished == (hooked,)
    # It may be back in a moment; and a batch task that may still run is given its time.
    assert progress([hooked], lost, stopped, set(), now=99.0 + LOST_AGENT_S).waiting == (hooked,)
    assert progress([hooked], lost, [task(TaskKind.BATCH)], set(), now=100.0 + LOST_AGENT_S).waiting == (hooked,)


def test_an_instance_that_has_not_registered_is_watched_until_its_deadline() -> None:
    booting = Doomed("i-1", "web", DEADLINE)

    assert progress([booting], {}, [], set(), now=DEADLINE - 1).waiting == (booting,)
    assert progress([booting], {}, [], set(), now=DEADLINE).finished == (booting,)


TASKS = st.lists(
    st.builds(
        lambda number, kind, targets, timeout: DoomedTask(
            f"task-{number}", "arn-1", kind, timeout, frozenset(Target("g", "i-1", p) for p in targets)
        ),
        st.integers(0, 10**6),
        st.sampled_from(TaskKind),
        st.sets(st.integers(1, 5), max_size=2),
        st.integers(2, 60),
    ),
    max_size=12,
    unique_by=lambda t: t.arn,
)


@given(TASKS, st.dictionaries(st.integers(1, 5), st.sampled_from(TargetState)), st.floats(0, 1100))
def test_no_task_is_stopped_while_a_target_of_it_takes_requests_unless_the_deadline_forces_it(
    tasks: list[DoomedTask], states: dict[int, TargetState], now: float
) -> None:
    by_target = {Target("g", "i-1", port): state for port, state in states.items()}

    step = next_step([SPOT], DRAINING, tasks, by_target, now)

    for stopped in step.to_stop:
        taking = any(by_target.get(t) is TargetState.TAKING for t in stopped.targets)
        assert not taking or now >= last_stop_at(stopped, DEADLINE)


@given(TASKS, st.floats(0, 1100))
def test_whatever_is_left_is_stopped_by_its_last_moment(tasks: list[DoomedTask], now: float) -> None:
    states = {target: TargetState.DRAINING for t in tasks for target in t.targets}

    step = next_step([SPOT], DRAINING, tasks, states, now)

    assert {t.arn for t in tasks if now >= last_stop_at(t, DEADLINE)} <= {t.arn for t in step.to_stop}


@given(TASKS, st.floats(0, 1000))
def test_the_next_look_comes_before_the_next_task_is_due(tasks: list[DoomedTask], now: float) -> None:
    step = next_step([SPOT], DRAINING, tasks, {}, now)
    after = progress([SPOT], DRAINING, tasks, {t.arn for t in step.to_stop}, now)

    left = [t for t in tasks if t not in step.to_stop]
    soonest = min((last_stop_at(t, DEADLINE) for t in left), default=DEADLINE)
    assert after.next_in_s >= 1
    assert not after.waiting or after.next_in_s <= 2 or now + delay_to_sync(now, after.next_in_s) <= soonest + 1


def test_a_protected_task_is_given_up_only_at_the_deadline() -> None:
    api = task(TaskKind.SERVICE, TARGET, protected=True)
    left = {TARGET: TargetState.LEFT}

    assert next_step([SPOT], DRAINING, [api], left, now=0).to_stop == ()
    assert next_step([SPOT], DRAINING, [api], left, now=last_stop_at(api, DEADLINE)).to_stop == (api,)
