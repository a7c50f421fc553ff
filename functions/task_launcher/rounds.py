"""One round of a cluster: run what finds room, give up what is over its deadline, and tell scaling of the rest."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from steady.aws import queue, queued_runs
from steady.aws.cache import Cache
from steady.aws.ecs.run_tasks import Refused, Throttled, Unanswered, run_tasks
from steady.aws.runtime import CALLS_AT_ONCE, Runtime
from steady.metrics import MetricName
from steady.queued_run import ROUND_S, QueuedRun, in_order
from steady.settings import ClusterSettings
from task_launcher import no_room
from task_launcher.demands import tell_scaling
from task_launcher.environment import Environment
from task_launcher.gangs import lacks_room, stop_part
from task_launcher.waiting_states import answer, give_up

# A round begins nothing new after this many seconds: what is left is tried by the next one, at once.
ROUND_TAKES_S = 4.0
# Each takes four calls, of ten at once.
GIVEN_UP_A_SECOND = 20
# Also a round that comes to its end without time gives up some: they would be tried again and again.
GIVING_UP_TAKES_S = 1.0
# A round that finds another one going on comes again this many seconds later.
HELD_WAIT_S = 1.0
# Lambda ends a round that takes longer (`infra.wiring.TASK_LAUNCHER`), so no two rounds of a cluster go on at once.
HELD_FOR_S = 10.0
# The clusters for which ECS has throttled a call: rounds that begin with new requests try nothing. By their names.
RESTS = Cache[str, bool](max_age_s=ROUND_S - 1.0)
SOURCE = "steady.launch-queue"
STARTED, GIVEN_UP = "Launch Started", "Launch Given Up"


@dataclass
class Tried:
    """What a round has done so far.

    Attributes:
        waiting: the requests that still wait.
        given_up: those whose deadline is over and whose tasks are known not to run.
        without_room: why the shapes of requests have found no room.
        is_over: whether no further request is tried.
        is_throttled: whether ECS has throttled a call: the next round begins no sooner than usual.
    """

    waiting: list[QueuedRun] = field(default_factory=list)
    given_up: list[QueuedRun] = field(default_factory=list)
    without_room: dict[str, str] = field(default_factory=dict)
    is_over: bool = False
    is_throttled: bool = False


def run_round(
    runtime: Runtime, environment: Environment, cluster: ClusterSettings, new: Iterable[QueuedRun] = ()
) -> None:
    """Run one round of `cluster`, or book one if another goes on.

    Args:
        new: requests that have just been kept: the index may not have them yet.
    """
    table, name = environment.launches_table, cluster.name
    until = queued_runs.begin_round(runtime, table, name, HELD_FOR_S)
    if not until:
        queued_runs.book_round(runtime, table, environment.queue_url, name, HELD_WAIT_S)
        return
    stop_at = runtime.now() + ROUND_TAKES_S
    added = {run.id: run for run in new}
    before = in_order(queued_runs.waiting(runtime, table, name), runtime.now())
    before = [run for run in before if run.id not in added]
    # Before anything is tried: after a crash, the next round begins once this one no longer holds the cluster, and
    # capacity comes meanwhile.
    if before or added:
        queued_runs.book_round(runtime, table, environment.queue_url, name, ROUND_S)
    if before:
        tell_scaling(runtime, environment, cluster, before)
    recalled = no_room.recall(runtime, name)
    rests = RESTS.get(runtime, name) is not None
    tried = Tried(without_room=dict(recalled), is_over=rests, is_throttled=rests)
    _try_all(runtime, environment, cluster, in_order([*before, *added.values()], runtime.now()), tried, stop_at)
    if tried.is_throttled and not rests:
        RESTS.keep(runtime, name, value=True)
    no_room.keep(runtime, name, tried.without_room, recalled, is_cut=tried.is_over)
    most = math.ceil(max(GIVING_UP_TAKES_S, stop_at - runtime.now()) * GIVEN_UP_A_SECOND)
    tried.waiting += tried.given_up[most:]
    _give_up_all(runtime, environment, tried.given_up[:most])
    if {run.id for run in tried.waiting} != {run.id for run in before}:
        tell_scaling(runtime, environment, cluster, tried.waiting)
    queued_runs.end_round(runtime, table, name, until)
    if not tried.is_throttled and (tried.is_over or tried.given_up[most:]):
        queued_runs.book_round(runtime, table, environment.queue_url, name, 0.0)


def _try_all(
    runtime: Runtime,
    environment: Environment,
    cluster: ClusterSettings,
    runs: Sequence[QueuedRun],
    tried: Tried,
    stop_at: float,
) -> None:
    """Try `runs` in their order, those of the same priority side by side.

    Of those that are alike one is tried, and while they find room, more and more.
    """
    # A session makes its clients in one thread only: before the calls side by side.
    _ = runtime.ecs, runtime.ecs_once, runtime.dynamodb, runtime.events, runtime.step_functions
    begin, together = 0, 1
    while begin < len(runs):
        tried.is_over = tried.is_over or runtime.now() > stop_at
        now = _next_wave(runs[begin:], together, tried, runtime.now())
        without_room = len(tried.without_room)
        left = runtime.in_parallel(lambda run: _outcome(runtime, environment, cluster, run, tried), now)
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
    runtime: Runtime, environment: Environment, cluster: ClusterSettings, run: QueuedRun, tried: Tried
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
        current = queued_runs.ask(runtime, table, run)
        return _tried(runtime, environment, current, tried) if current else None
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


def _tried(runtime: Runtime, environment: Environment, run: QueuedRun, tried: Tried) -> QueuedRun | None:
    """Call RunTask for a request, and return it if it still waits.

    Raises:
        Throttled: if ECS throttles RunTask.
    """
    if not run.missing:
        _conclude(runtime, environment, run)
        return None
    try:
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
    run = run.answered(tasks, ran.reasons)
    if not run.missing:
        _conclude(runtime, environment, run)
        return None
    tried.without_room[run.shape] = run.reason
    queued_runs.save(runtime, environment.launches_table, run)
    if runtime.now() >= run.given_up_at:
        tried.given_up.append(run)
        return None
    return run


def _conclude(runtime: Runtime, environment: Environment, run: QueuedRun) -> None:
    """Tell that all tasks of a request have been started. After a crash in between, this is done again."""
    _tell(runtime, run, STARTED)
    if run.task_token:
        # The tasks whose end was told before they were kept, nothing else will tell of.
        answer(runtime, queued_runs.save(runtime, environment.launches_table, run))
    queued_runs.finish(runtime, environment.launches_table, run)
    runtime.telemetry.count(MetricName.LAUNCHES_STARTED)


def _give_up_all(runtime: Runtime, environment: Environment, runs: Sequence[QueuedRun]) -> None:
    """Give up `runs`, side by side. What fails is done by the next round."""
    # A session makes its clients in one thread only: before the calls side by side.
    _ = runtime.sqs, runtime.events, runtime.dynamodb, runtime.step_functions

    def end(run: QueuedRun) -> None:
        try:
            _give_up(runtime, environment, run)
        except Exception as error:
            runtime.telemetry.error(
                f"cluster {run.cluster}: launch {run.id} could not be given up; the next round does: {error}",
                cluster=run.cluster,
            )

    runtime.in_parallel(end, runs)


def _give_up(runtime: Runtime, environment: Environment, run: QueuedRun) -> None:
    """Put a request into the dead-letter queue with ECS's reason. After a crash in between, this is done again.

    What is sent again from there is another request, for the tasks that are missing: its copies are known by its token.
    """
    rest = {**json.loads(run.message), "count": run.missing, "clientToken": run.client_token}
    # Its state has had its answer.
    rest.pop("taskToken", None)
    started = f"; {len(run.tasks)} of {run.count} tasks were started" if run.tasks else ""
    reason = f"cluster {run.cluster}: launch {run.id} is given up: {run.reason}{started}"
    queue.set_aside(runtime, json.dumps(rest), reason, environment.dead_letter_queue_url)
    _tell(runtime, run, GIVEN_UP)
    give_up(runtime, run)
    queued_runs.finish(runtime, environment.launches_table, run)
    runtime.telemetry.count(MetricName.LAUNCHES_GIVEN_UP)


def _tell(runtime: Runtime, run: QueuedRun, what: str) -> None:
    """Put an event on the default bus of EventBridge, for whoever waits for the request."""
    detail = {
        "id": run.id,
        "cluster": run.cluster,
        "taskDefinition": run.request["taskDefinition"],
        "tasks": run.tasks,
        "count": run.count,
        "waitedSeconds": round(runtime.now() - run.sent_at),
        "reason": run.reason if what == GIVEN_UP else "",
    }
    said = runtime.events.put_events(Entries=[{"Source": SOURCE, "DetailType": what, "Detail": json.dumps(detail)}])
    # EventBridge API, PutEvents: entries may fail in an answer of status 200.
    if said["FailedEntryCount"]:
        raise RuntimeError(f"EventBridge refused the event {what}: {said['Entries'][0].get('ErrorMessage')}")
