"""Read what ran on a cluster: from the task and interruption events that the suite keeps, and from running tasks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from steady.arns import family_of, name_of
from steady.aws.capacity.providers import Providers
from steady.aws.ecs.container_instances import describe_all_instances
from steady.aws.ecs.services import service_of
from steady.aws.ecs.task_definitions import read_task_definition
from steady.aws.ecs.task_lists import describe_tasks_on
from steady.aws.runtime import Runtime
from steady.cluster import Size
from steady.launch import Launch
from steady.names import EVENTS_LOG_GROUP
from steady.pools import PoolName

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import TaskTypeDef


class NoRecords(ValueError):
    """The suite keeps no events in this account and Region."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A task that ran, or still runs. Times are in seconds since the epoch.

    Attributes:
        service: the task's service; empty for a batch task.
        instance: the ARN of the container instance that it ran on.
        started_at: None if the task has not started.
        stopped_at: None if the task still runs.
    """

    family: str
    service: str
    size: Size
    created_at: float
    started_at: float | None
    stopped_at: float | None
    instance: str = ""


def kept_since(runtime: Runtime) -> float | None:
    """Return since when the suite keeps events in this account and Region, in seconds since the epoch; None: never."""
    groups = runtime.logs.describe_log_groups(logGroupNamePrefix=EVENTS_LOG_GROUP)["logGroups"]
    created = [group["creationTime"] for group in groups if group["logGroupName"] == EVENTS_LOG_GROUP]
    return created[0] / 1000 if created else None


def tasks_of(runtime: Runtime, cluster: str, pools: Sequence[PoolName], since: float, until: float) -> list[Ran]:
    """Return the tasks of `cluster` that ran on `pools` from `since` to `until`, in the order of their creation.

    A task that a launch type has put on another EC2 instance of the cluster is among them.

    Raises:
        NoRecords: if the suite keeps no events in this account and Region.
    """
    every = describe_all_instances(runtime, cluster)
    providers = Providers(runtime, cluster, dict.fromkeys(pools, ()), every)
    # ECS may say more than once that a task has stopped: the last time it says, all is known.
    details = {
        event["detail"]["taskArn"]: event["detail"]
        for event in _events(runtime, "ECS Task State Change", since, until)
        if event["detail"].get("lastStatus") == "STOPPED"
        and name_of(event["detail"]["clusterArn"]) == cluster
        and _ran_here(event["detail"], providers)
    }
    stopped = [_of_event(runtime, detail) for detail in details.values()]
    instances = providers.our_instances(every)
    alive = [_of_task(runtime, task) for task in describe_tasks_on(runtime, cluster, instances)]
    return sorted((ran for ran in (*stopped, *alive) if ran.created_at < until), key=lambda ran: ran.created_at)


def interruptions(runtime: Runtime, since: float, until: float) -> list[tuple[float, str]]:
    """Return the time and the instance id of each Spot interruption warning, of all clusters.

    Raises:
        NoRecords: if the suite keeps no events in this account and Region.
    """
    warnings = _events(runtime, "EC2 Spot Instance Interruption Warning", since, until)
    return [(_seconds(event["time"]), str(event["detail"]["instance-id"])) for event in warnings]


def _events(runtime: Runtime, detail_type: str, since: float, until: float) -> Iterator[dict[str, Any]]:
    pages = runtime.logs.get_paginator("filter_log_events").paginate(
        logGroupName=EVENTS_LOG_GROUP,
        # CloudWatch Logs: a quoted pattern matches lines that contain the phrase.
        filterPattern=f'"{detail_type}"',
        startTime=int(since * 1000),
        endTime=int(until * 1000),
    )
    seen = set()
    try:
        for page in pages:
            for line in page["events"]:
                event = json.loads(line["message"])
                # EventBridge delivers an event at least once: duplicates are skipped.
                if event["id"] not in seen and event["detail-type"] == detail_type:
                    seen.add(event["id"])
                    yield event
    except runtime.logs.exceptions.ResourceNotFoundException as error:
        raise NoRecords(
            f"the log group {EVENTS_LOG_GROUP} is missing: deploy the suite here (cdk deploy --all)"
        ) from error


def _ran_here(detail: Mapping[str, Any], providers: Providers) -> bool:
    """Return whether a task ran on what the pool serves (ECS, task state change events: the shape of a task)."""
    provider = detail.get("capacityProviderName", "")
    return bool(providers.ours([provider])) if provider else providers.serves(Launch.of(detail))


def _of_event(runtime: Runtime, detail: dict[str, Any]) -> Ran:
    times = {key: _seconds(detail[key]) for key in ("createdAt", "startedAt", "stoppedAt") if detail.get(key)}
    return Ran(
        family_of(detail["taskDefinitionArn"]),
        service_of(detail),
        read_task_definition(runtime, detail["taskDefinitionArn"]).shape.size,
        times["createdAt"],
        times.get("startedAt"),
        times.get("stoppedAt"),
        detail.get("containerInstanceArn", ""),
    )


def _of_task(runtime: Runtime, task: TaskTypeDef) -> Ran:
    started = task.get("startedAt")
    return Ran(
        family_of(task["taskDefinitionArn"]),
        service_of(task),
        read_task_definition(runtime, task["taskDefinitionArn"]).shape.size,
        # ECS always gives createdAt. An emulator may not: such a task counts as one that has always run.
        task["createdAt"].timestamp() if "createdAt" in task else 0.0,
        started.timestamp() if started else None,
        None,
        task.get("containerInstanceArn", ""),
    )


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
