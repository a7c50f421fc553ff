"""One round of a cluster: run what finds room, give up what is over its deadline, and tell scaling of the rest."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from steady.aws import queued_runs
from steady.aws.cache import Cache
from steady.aws.ecs.run_tasks import Refused, Throttled, Unanswered, run_tasks
from steady.aws.queued_rounds import Hold, RoundTaken, book_round
from steady.aws.queued_runs import AskedByOthers
from steady.aws.runtime import CALLS_AT_ONCE, Runtime
from steady.queued_run import ROUND_S, QueuedRun, in_order
from steady.settings import ClusterSettings
from task_launcher import no_room
from task_launcher.demands import tell_scaling
from task_launcher.ends import conclude, give_up_all
from task_launcher.environment import Environment
from task_launcher.gangs import lacks_room, stop_part

# A round begins nothing new after this many seconds: what is left is tried by the next one, at once.
ROUND_TAKES_S = 4.0
# Each takes four calls, of ten at once.
GIVEN_UP_A_SECOND = 20
# Also a round that comes to its end without time gives up some: they would be tried again and again.
GIVING_UP_TAKES_S = 1.0
# A round that finds another one going on comes again this many seconds later.
HELD_WAIT_S = 1.0
# Lambda has ended an invocation after this many seconds (`infra.wiring.TASK_LAUNCHER`): it makes no call any more.
OVER_AFTER_S = 10.0
# The clusters for which ECS has throttled a call: rounds that begin with new requests try nothing. By their names.
RESTS = Cache[str, bool](max_age_s=ROUND_S - 1.0)


@dataclass
class Tried:
    """What a round has done so far.

    Attributes:
        waiting: the requests that still wait.
        given_up: those whose deadline is over and whose tasks are known not to run.
        without_room: why the shapes of requests have found no room.
        is_over: whether no further request is tried.
        is_taken: whether another round has begun: this one knows no more what waits.
        is_throttled: whether ECS has throttled a call: the next round begins no sooner than usual.
    """

    waiting: list[QueuedRun] = field(default_factory=list)
    given_up: list[QueuedRun] = field(default_factory=list)
    without_room: dict[str, str] = field(default_factory=dict)
    is_over: bool = False
    is_taken: bool = False
    is_throttled: bool = False


def run_round(
    runtime: Runtime, environment: Environment, cluster: ClusterSettings, new: Iterable[QueuedRun] = ()
) -> None:
    """Run one round of `cluster`, or book one if another goes on.

    Args:
        new: requests that have just been kept: the index may not have them yet.
    """
    table, name = environment.launches_table, cluster.name
    hold = Hold.begin(runtime, table, name)
    if hold is None:
        book_round(runtime, table, environment.queue_url, name, HELD_WAIT_S)
        return
    try:
        _run_held(runtime, environment, cluster, hold, {run.id: run for run in new})
    except RoundTaken as taken:
        runtime.telemetry.info(f"{taken}: it goes on with what this one has not tried", cluster=name)


def _run_held(
    runtime: Runtime, environment: Environment, cluster: ClusterSettings, hold: Hold, added: Mapping[str, QueuedRun]
) -> None:
    """Run one round while `hold` is kept.

    Raises:
        RoundTaken: if another round has begun meanwhile.
    """
    table, name = environment.launches_table, cluster.name
    stop_at = runtime.now() + ROUND_TAKES_S
    before = in_order(queued_runs.waiting(runtime, table, name, hold.keep), runtime.now())
    before = [run for run in before if run.id not in added]
    # Before anything is tried: after a crash, the next round begins once this one no longer holds the cluster, and
    # capacity comes meanwhile.
    if before or added:
        book_round(runtime, table, environment.queue_url, name, ROUND_S)
    if before:
        tell_scaling(runtime, environment, cluster, before)
    recalled = no_room.recall(runtime, name)
    rests = RESTS.get(runtime, name) is not None
    tried = Tried(without_room=dict(recalled), is_over=rests, is_throttled=rests)
    runs = in_order([*before, *added.values()], runtime.now())
    _try_all(runtime, environment, cluster, hold, runs, tried, stop_at)
    if tried.is_throttled and not rests:
        RESTS.keep(runtime, name, value=True)
    no_room.keep(runtime, name, tried.without_room, recalled, is_cut=tried.is_over)
    hold.keep()
    most = math.ceil(max(GIVING_UP_TAKES_S, stop_at - runtime.now()) * GIVEN_UP_A_SECOND)
    tried.waiting += tried.given_up[most:]
    give_up_all(runtime, environment, hold, tried.given_up[:most])
    if {run.id for run in tried.waiting} != {run.id for run in before}:
        tell_scaling(runtime, environment, cluster, tried.waiting)
    hold.end()
    if not tried.is_throttled and (tried.is_over or tried.given_up[most:]):
        book_round(runtime, table, environment.queue_url, name, 0.0)


def _try_all(
    runtime: Runtime,
    environment: Environment,
    cluster: ClusterSettings,
    hold: Hold,
    runs: Sequence[QueuedRun],
    tried: Tried,
    stop_at: float,
) -> None:
    """Try `runs` in their order, those of the same priority side by side.

    Of those that are alike one is tried, and while they find room, more and more.

    Raises:
        RoundTaken: if another round has begun meanwhile.
    """
    # A session makes its clients in one thread only: before the calls side by side.
    _ = runtime.ecs, runtime.ecs_once, runtime.dynamodb, runtime.events, runtime.step_functions
    begin, together = 0, 1
    while begin < len(runs):
        if not tried.is_over:
            hold.keep()
        tried.is_over = tried.is_over or runtime.now() > stop_at
        now = _next_wave(runs[begin:], together, tried, runtime.now())
        without_room = len(tried.without_room)
        left = runtime.in_parallel(lambda run: _outcome(runtime, environment, cluster, hold, run, tried), now)
        if tried.is_taken:
            raise RoundTaken(cluster.name)
        tried.waiting += [run for run in left if run]
        begin += len(now)
        together = 1 if len(tried.without_room) > without_room else min(2 * together, CALLS_AT_ONCE)


def _next_wave(runs: Sequence[QueuedRun], together: int, tried: Tried, now: float) -> Sequence[QueuedRun]:
    """Return the first of `runs`: those that are tried side by side, and those among them that need no call."""
    alike, calls = Counter[str](), 0
    for number, run in enumerate(runs):
        if run.priority != runs[0].priority or calls == CALLS_AT_ONCE or alike[run.shape] == together:
            return runs[:number]
        if run.shape not in tried.without_room or now >= run.given_up_at:
            alike[run.shape] += 1
            calls += 1
    return runs


def _outcome(
    runtime: Runtime, environment: Environment, cluster: ClusterSettings, hold: Hold, run: QueuedRun, tried: Tried
) -> QueuedRun | None:
    """Run one request if it may find room; return it if it still waits. What fails concerns no other request."""
    is_due = runtime.now() >= run.given_up_at
    has_room = run.shape not in tried.without_room
    if tried.is_over or not (has_room or is_due):
        return run
    table = environment.launches_table
    # The request as it is kept, while no call of RunTask for it is under way.
    known: QueuedRun | None = None
    try:
        if run.all_or_nothing or not has_room:
            current = queued_runs.read(runtime, table, run)
            if current is None:
                return None
            known = None if current.asked else current
            # What was asked for may run already, and is asked for again: the answer tells.
            lacks = "" if current.asked else tried.without_room.get(run.shape) or lacks_room(runtime, cluster, current)
            if lacks:
                tried.without_room[run.shape] = lacks
                current = replace(current, reason=lacks)
                if is_due:
                    tried.given_up.append(current)
                return None if is_due else current
        known = None
        current = queued_runs.ask(runtime, table, run, hold.id)
        return _tried(runtime, environment, hold, current, tried) if current else None
    except (RoundTaken, AskedByOthers):
        tried.is_over = tried.is_taken = True
    except Throttled:
        # More calls would only be refused, too, and those of everybody else with them.
        tried.is_over = tried.is_throttled = True
    except Exception as error:
        runtime.telemetry.error(
            f"cluster {run.cluster}: launch {run.id} could not be tried; the next round does: {error}",
            cluster=run.cluster,
        )
        if known and is_due:
            tried.given_up.append(replace(known, reason=str(error)))
            return None
    return run


def _tried(runtime: Runtime, environment: Environment, hold: Hold, run: QueuedRun, tried: Tried) -> QueuedRun | None:
    """Call RunTask for a request, and return it if it still waits.

    Raises:
        Throttled: if ECS throttles RunTask.
        RoundTaken, AskedByOthers: if another round has begun meanwhile.
    """
    if not run.missing:
        conclude(runtime, environment, hold, run)
        return None
    table = environment.launches_table
    try:
        hold.keep()
        ran = run_tasks(runtime, run.cluster, run.call, run.missing, run.client_token)
    except Unanswered as error:
        # Its token stays: whether it has run, its next try tells.
        tried.without_room[run.shape] = str(error)
        return replace(run, reason=str(error))
    except Refused as error:
        tried.given_up.append(replace(run, reason=str(error)))
        return None
    tasks = ran.tasks
    if run.all_or_nothing and ran.reasons:
        # After a crash in between, the same token brings the same answer, and these are stopped again.
        stop_part(runtime, run.cluster, tasks)
        tasks = ()
    if ran.reasons and runtime.now() < run.asked_at + OVER_AFTER_S:
        # A call with this token may still be under way, of a round that has been overtaken: it would start tasks that
        # the next token starts again.
        tried.without_room[run.shape] = ", ".join(ran.reasons)
        queued_runs.leave_asked(runtime, table, run, hold.id)
        return replace(run, reason=tried.without_room[run.shape])
    run = run.answered(tasks, ran.reasons)
    if not run.missing:
        conclude(runtime, environment, hold, run)
        return None
    tried.without_room[run.shape] = run.reason
    queued_runs.save(runtime, table, run, hold.id)
    if runtime.now() >= run.given_up_at:
        tried.given_up.append(run)
        return None
    return run
