"""Tasks: counted while they stop, stopped at the pace that ECS allows, and whether they are protected."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from steady.api_budget.limits import BUCKET_OF, THROTTLED
from steady.aws.ecs.task_definitions import read_task_definition
from steady.aws.ecs.task_lists import describe_tasks, list_tasks
from steady.aws.pace import pace_of
from steady.aws.runtime import Runtime, batches
from steady.cluster import DEFAULT_STOP_TIMEOUT_S, ContainerInstance
from steady.service_out.stops import STOPS_AT_ONCE, Agenda, Stop

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import TaskTypeDef

TASKS_A_PROTECTION = 100
STOP_BUCKET = replace(BUCKET_OF["StopTask"], burst=STOPS_AT_ONCE)
# How many StopTask calls are under way at once.
CALLERS = 32
# How often a stop that waits for its time asks whether it may still be made, in seconds.
ASKED_EACH_S = 1.0
# How long a container that never ends is waited for, in seconds after its stop timeout; and how long a service's task
# may leave its load balancers before that (ELB: 300 s by default).
STOP_GRACE_S = 30.0
LEAVES_TARGETS_FOR_S = 300.0


def with_stopping(
    runtime: Runtime, cluster: str, instances: Iterable[ContainerInstance], arns: Iterable[str]
) -> tuple[ContainerInstance, ...]:
    """Return `instances` with the tasks that are still stopping counted on those among them that `arns` name.

    ECS API: a task that was told to stop leaves `runningTasksCount` at once, while its containers still run. ListTasks
    with the desired status STOPPED lists it, and for about an hour after it has stopped, too. A container that never
    ends counts no longer than its stop timeout, and a grace, after ECS began to stop it.
    """

    def count(arn: str) -> int:
        listed = list_tasks(runtime, cluster=cluster, containerInstance=arn, desiredStatus="STOPPED")
        return sum(_still_stops(runtime, task) for task in describe_tasks(runtime, cluster, listed))

    wanted = sorted(set(arns))
    # A session makes its clients in one thread only: before the calls side by side.
    _ = runtime.ecs, runtime.ecs_quick
    stopping = dict(zip(wanted, runtime.in_parallel(count, wanted), strict=True))
    return tuple(replace(i, task_count=i.task_count + stopping.get(i.arn, 0)) for i in instances)


def _still_stops(runtime: Runtime, task: TaskTypeDef) -> bool:
    status = task.get("lastStatus", "")
    if status in ("STOPPED", "DELETED"):
        return False
    begun = task.get("stoppingAt")
    if begun is None or status == "DEACTIVATING":
        # It leaves its load balancers first, and that always ends.
        return True
    timeout_s = _stop_timeout_s(runtime, task)
    waits_s = LEAVES_TARGETS_FOR_S if task.get("group", "").startswith("service:") else 0.0
    return runtime.now() < begun.timestamp() + waits_s + timeout_s + STOP_GRACE_S


def _stop_timeout_s(runtime: Runtime, task: TaskTypeDef) -> float:
    try:
        return read_task_definition(runtime, task["taskDefinitionArn"], quickly=True).stop_timeout_s
    except (ClientError, BotoCoreError):
        return DEFAULT_STOP_TIMEOUT_S


@dataclass(frozen=True, slots=True)
class Stopped:
    """The tasks (ARNs) that were asked to stop, and how many calls ECS refused for another reason than its rate."""

    arns: frozenset[str] = frozenset()
    refused: int = 0


def stop_tasks(
    runtime: Runtime,
    cluster: str,
    stops: Sequence[Stop],
    reason: str,
    until: float,
    goes_on: Callable[[], bool] = lambda: True,
) -> Stopped:
    """Make `stops` in their order, each not before its time, until the time `until` (seconds since the epoch).

    The calls keep to the pace of StopTask's bucket. A task that is gone counts as stopped. One whose call was
    throttled, or failed, does not: the next step stops it.

    Args:
        goes_on: asked before each stop; once it is false, no more is made.
    """
    # A session makes its clients in one thread only: before the calls side by side.
    _ = runtime.ecs_once
    agenda = Agenda(stops)

    def work(_: int) -> list[tuple[str, bool]]:
        answers = []
        while (now := runtime.now()) < until and goes_on():
            if one := agenda.take(now):
                answers.append(_stop(runtime, cluster, one, reason, until))
            elif (next_at := agenda.next_at()) < until:
                runtime.sleep(min(max(next_at - now, 0.0), ASKED_EACH_S))
            else:
                break
        return answers

    # At a latency of 0.3 s, ten calls side by side would not reach the rate that ECS allows.
    workers = range(min(CALLERS, len(stops)))
    answers = [answer for found in runtime.in_parallel(work, workers, at_once=CALLERS) for answer in found]
    return Stopped(frozenset(arn for arn, _ in answers if arn), sum(refused for _, refused in answers))


def _stop(runtime: Runtime, cluster: str, stop: Stop, reason: str, until: float) -> tuple[str, bool]:
    """Make `stop` at its turn; return its task's ARN, or "" if it was not stopped, and whether ECS refused it."""
    pace = pace_of(runtime, STOP_BUCKET)
    if not pace.wait_for_turn(until):
        return "", False
    try:
        runtime.ecs_once.stop_task(cluster=cluster, task=stop.arn, reason=reason)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == THROTTLED:
            pace.rest()
            return "", False
        # "The referenced task was not found": it ended by itself, and ECS has forgotten it.
        if code != "InvalidParameterException":
            return _not_stopped(runtime, cluster, stop, error)
    except BotoCoreError as error:
        return _not_stopped(runtime, cluster, stop, error)
    return stop.arn, False


def _not_stopped(runtime: Runtime, cluster: str, stop: Stop, error: Exception) -> tuple[str, bool]:
    runtime.telemetry.error(
        f"cluster {cluster}: task {stop.arn} was not stopped, the next step tries again: {error}", cluster=cluster
    )
    return "", True


def find_protected_tasks(runtime: Runtime, cluster: str, arns: Iterable[str]) -> set[str]:
    """Return those of the service tasks `arns` that are under scale-in protection now.

    If ECS does not answer, they count as unprotected: a notice leaves no time to ask again, and a drain of scale-in
    stops no protected task.
    """
    client = runtime.ecs_once

    def look(batch: Sequence[str]) -> list[str]:
        try:
            answer = client.get_task_protection(cluster=cluster, tasks=batch)
        except (ClientError, BotoCoreError) as error:
            runtime.telemetry.warning(
                f"cluster {cluster}: scale-in protection of {len(batch)} tasks is unknown: they count as unprotected, "
                f"and may be stopped before the deadline of a notice: {error}",
                cluster=cluster,
            )
            return []
        return [task["taskArn"] for task in answer["protectedTasks"] if task["protectionEnabled"]]

    answers = runtime.in_parallel(look, list(batches(arns, TASKS_A_PROTECTION)))
    return {arn for found in answers for arn in found}
