"""Tasks: counted while they stop, stopped at the pace that ECS allows, and whether they are protected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from steady.api_budget.limits import BUCKET_OF, THROTTLED
from steady.aws.ecs.lists import call_for_each, report_refused
from steady.aws.ecs.task_definitions import TaskDefinition, read_task_definition, stop_timeout_s
from steady.aws.ecs.task_lists import describe_readable_tasks, list_tasks, wait_to_read
from steady.aws.pace import pace_of
from steady.aws.runtime import Runtime
from steady.cluster import ContainerInstance
from steady.service_out.stops import STOPS_AT_ONCE, Agenda, Stop

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient
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

    def listed(arn: str) -> list[str] | Exception:
        try:
            return list_tasks(runtime, cluster=cluster, containerInstance=arn, desiredStatus="STOPPED")
        except Exception as error:
            return error

    wanted = sorted(set(arns))
    # A session makes its clients in one thread only: before the calls side by side.
    _ = runtime.ecs, runtime.ecs_quick, runtime.ecs_once
    lists = dict(zip(wanted, runtime.in_parallel(listed, wanted), strict=True))
    unlisted = {arn: found for arn, found in lists.items() if isinstance(found, Exception)}
    on = {task: arn for arn, found in lists.items() if not isinstance(found, Exception) for task in found}
    # Those of all instances together: a call takes a hundred.
    tasks, refused = describe_readable_tasks(runtime, cluster, on)
    # What cannot be read is taken as stopping still: nothing is ended for want of an answer.
    unread = {**unlisted, **refused}
    report_refused(runtime, cluster, "stopping tasks could not be read", unread, "they count as stopping")
    still = runtime.in_parallel(lambda task: _still_stops(runtime, task), tasks)
    stopping = Counter(on[task["taskArn"]] for task, stops in zip(tasks, still, strict=True) if stops)
    stopping += Counter([*unlisted, *(on[task] for task in refused)])
    return tuple(replace(i, task_count=i.task_count + stopping[i.arn]) if stopping[i.arn] else i for i in instances)


def _still_stops(runtime: Runtime, task: TaskTypeDef) -> bool:
    status = task.get("lastStatus", "")
    if status in ("STOPPED", "DELETED"):
        return False
    begun = task.get("stoppingAt")
    if begun is None or status == "DEACTIVATING":
        # It leaves its load balancers first, and that always ends.
        return True
    timeout_s = stop_timeout_s(task, _definition(runtime, task))
    waits_s = LEAVES_TARGETS_FOR_S if task.get("group", "").startswith("service:") else 0.0
    return runtime.now() < begun.timestamp() + waits_s + timeout_s + STOP_GRACE_S


def _definition(runtime: Runtime, task: TaskTypeDef) -> TaskDefinition | None:
    try:
        return read_task_definition(runtime, task["taskDefinitionArn"], quickly=True)
    except Exception:
        return None


@dataclass(frozen=True, slots=True)
class Stopped:
    """The tasks (ARNs) that were asked to stop, and how many calls ECS refused for another reason than its rate."""

    arns: frozenset[str] = frozenset()
    refused: int = 0

    def with_others(self, others: Stopped) -> Stopped:
        """Return these and `others`."""
        return Stopped(self.arns | others.arns, self.refused + others.refused)


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
    agenda = Agenda(stops)

    def is_left() -> bool:
        return goes_on() and agenda.next_at() < until

    return stop_as_planned(runtime, cluster, agenda, reason, until, is_left, min(CALLERS, len(stops)))


def stop_as_planned(
    runtime: Runtime,
    cluster: str,
    agenda: Agenda,
    reason: str,
    until: float,
    goes_on: Callable[[], bool],
    callers: int = CALLERS,
) -> Stopped:
    """Make the stops of `agenda`, whose plan may change meanwhile, as `stop_tasks` does, for as long as `goes_on`."""
    # A session makes its clients in one thread only: before the calls side by side.
    _ = runtime.ecs_once

    def work(_: int) -> list[tuple[str, bool]]:
        answers = []
        while (now := runtime.now()) < until and goes_on():
            if one := agenda.take(now):
                answers.append(stop_task(runtime, cluster, one, reason, until))
            else:
                runtime.sleep(min(max(agenda.next_at() - now, 0.0), ASKED_EACH_S))
        return answers

    # At a latency of 0.3 s, ten calls side by side would not reach the rate that ECS allows.
    workers = range(callers)
    answers = [answer for found in runtime.in_parallel(work, workers, at_once=CALLERS) for answer in found]
    return Stopped(frozenset(arn for arn, _ in answers if arn), sum(refused for _, refused in answers))


def stop_task(runtime: Runtime, cluster: str, stop: Stop, reason: str, until: float) -> tuple[str, bool]:
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
    except Exception as error:
        return _not_stopped(runtime, cluster, stop, error)
    return stop.arn, False


def _not_stopped(runtime: Runtime, cluster: str, stop: Stop, error: Exception) -> tuple[str, bool]:
    runtime.telemetry.error(
        f"cluster {cluster}: task {stop.arn} was not stopped, the next step tries again: {error}", cluster=cluster
    )
    return "", True


def read_protection(runtime: Runtime, cluster: str, arns: Iterable[str]) -> dict[str, bool]:
    """Return whether each of the service tasks `arns` is under scale-in protection now.

    Those are left out for which ECS does not answer within some seconds: they count as unprotected. A notice leaves no
    time to ask again, and a drain of scale-in stops no protected task.
    """
    client = runtime.ecs_quick

    def look(_: ECSClient, batch: Sequence[str]) -> dict[str, bool]:
        wait_to_read(runtime)
        answer = client.get_task_protection(cluster=cluster, tasks=batch)
        return dict.fromkeys(batch, False) | {t["taskArn"]: t["protectionEnabled"] for t in answer["protectedTasks"]}

    found = call_for_each(runtime, look, arns, TASKS_A_PROTECTION)
    if found.refused:
        error = next(iter(found.refused.values()))
        runtime.telemetry.warning(
            f"cluster {cluster}: scale-in protection of {len(found.refused)} tasks is unknown, so that they may be "
            f"stopped before their deadline: {error}",
            cluster=cluster,
        )
    return {arn: protected for answer in found.answers for arn, protected in answer.items()}


def find_protected_tasks(runtime: Runtime, cluster: str, arns: Iterable[str]) -> set[str]:
    """Return those of the service tasks `arns` that are known to be under scale-in protection now."""
    return {arn for arn, protected in read_protection(runtime, cluster, arns).items() if protected}
