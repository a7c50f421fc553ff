"""One step of the service-out of all instances that a batch of messages names, a cluster at a time."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from interruption_handler import notices
from interruption_handler.locate import by_cluster, located
from interruption_handler.notices import Parsed, continuation
from interruption_handler.notices.notice import Ignored, Notice
from steady.aws import capacity, ecs, elbv2, queue
from steady.aws.runtime import Runtime, batches
from steady.cluster import ContainerInstance
from steady.drain import Doomed, DoomedTask, Seen, TaskKind, next_step, progress, to_drain

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import ServiceTypeDef, TaskTypeDef

STOP_REASON = "ecs-steady: the instance is about to go"
# About 250 bytes each, and SQS takes 256 KiB a message.
DOOMED_A_MESSAGE = 500


@dataclass(frozen=True, slots=True)
class Environment:
    """Where the function's messages go."""

    queue_url: str
    dead_letter_queue_url: str
    autoscaler_queue_url: str

    @staticmethod
    def read() -> Environment:
        return Environment(
            os.environ["QUEUE_URL"], os.environ["DEAD_LETTER_QUEUE_URL"], os.environ["AUTOSCALER_QUEUE_URL"]
        )


def handle_batch(event: Mapping[str, Any], runtime: Runtime, environment: Environment, until: float) -> dict[str, Any]:
    """Takes one step for every instance that the messages name; the messages of a cluster that failed come again.

    Args:
        event: Lambda's SQS event.
        until: when the step must be over, in seconds since the epoch.
    """
    batch = queue.received(runtime, event, notices.parse, environment.dead_letter_queue_url)
    failed = list(batch.failed_ids)
    named_by: dict[str, list[str]] = {}
    for message in batch.messages:
        for instance_id in _instance_ids(runtime, message.value):
            named_by.setdefault(instance_id, []).append(message.id)
    try:
        doomed = located(runtime, [m.value for m in batch.messages])
    except (ClientError, BotoCoreError) as error:
        runtime.telemetry.error(f"the doomed instances could not be looked up, and will be again: {error}")
        return queue.response([m.id for m in batch.messages] + failed)
    for cluster, in_cluster in sorted(by_cluster(doomed).items()):
        try:
            take_step(runtime, environment, cluster, in_cluster, until)
        except (ClientError, BotoCoreError) as error:
            runtime.telemetry.error(f"the step failed, and will be repeated: {error}", cluster=cluster)
            runtime.telemetry.count("DrainStepFailures", cluster=cluster)
            failed += [id_ for d in in_cluster for id_ in named_by[d.instance_id]]
            continue
        if any(isinstance(m.value, Notice) for m in batch.messages if m.id in _ids(named_by, in_cluster)):
            _wake_autoscaler(runtime, environment, cluster)
    return queue.response(failed)


def take_step(runtime: Runtime, environment: Environment, cluster: str, doomed: Sequence[Doomed], until: float) -> None:
    """Drains, deregisters and stops what is due of `doomed`, and leaves a message for what is not finished.

    The message comes last: a crash before it brings the batch back, and everything before it can be repeated.
    """
    arns = [d.container_instance_arn for d in doomed if d.container_instance_arn]
    found = {i.arn: i for i in ecs.described_instances(runtime, cluster, arns)}
    # A task may be placed until the very moment of the drain: what counts is what is there from then on.
    found |= {i.arn: i for i in ecs.drain(runtime, cluster, to_drain(_seen(found.values())))}
    instances = list(found.values())
    seen = _seen(instances)
    tasks = doomed_tasks(runtime, cluster, instances)
    states = elbv2.states_of(runtime, (target for task in tasks for target in task.targets))
    step = next_step(doomed, seen, tasks, states, runtime.now())
    elbv2.deregister(runtime, step.to_deregister)
    stopped = ecs.stop_tasks(runtime, cluster, [t.arn for t in step.to_stop], STOP_REASON, until)
    after = progress(doomed, seen, tasks, stopped, runtime.now())
    for instance in after.finished:
        if instance.hook:
            capacity.complete(runtime, instance.hook)
    waiting = [_with_heartbeat(runtime, instance) for instance in after.waiting]
    for batch in batches(waiting, DOOMED_A_MESSAGE):
        runtime.sqs.send_message(
            QueueUrl=environment.queue_url, MessageBody=continuation.message(batch), DelaySeconds=after.next_in_s
        )
    runtime.telemetry.info(
        f"drain step in cluster {cluster}: {len(step.to_deregister)} targets deregistered, {len(stopped)} tasks "
        f"stopped, {len(after.finished)} instances finished, {len(waiting)} waiting",
        cluster=cluster,
        finished=[d.instance_id for d in after.finished],
        waiting=[d.instance_id for d in waiting],
    )
    runtime.telemetry.count("TargetsDeregistered", len(step.to_deregister), cluster)
    runtime.telemetry.count("TasksStopped", len(stopped), cluster)


def doomed_tasks(runtime: Runtime, cluster: str, instances: Sequence[ContainerInstance]) -> list[DoomedTask]:
    """The tasks on `instances` that ECS wants RUNNING, each with its kind, targets and stop timeout."""
    tasks = ecs.tasks_of_instances(runtime, cluster, instances)
    names = sorted({name for t in tasks if (name := _service_of(t))})
    services = {s["serviceName"]: s for s in ecs.described_services(runtime, cluster, names)}
    instance_id = {i.arn: i.instance_id for i in instances}
    return [
        _doomed_task(runtime, t, services.get(_service_of(t)), instance_id[t["containerInstanceArn"]]) for t in tasks
    ]


def _doomed_task(runtime: Runtime, task: TaskTypeDef, service: ServiceTypeDef | None, instance_id: str) -> DoomedTask:
    targets = elbv2.targets_of(task, service, instance_id) if service else frozenset()
    return DoomedTask(
        arn=task["taskArn"],
        container_instance_arn=task["containerInstanceArn"],
        kind=_kind(service),
        stop_timeout_s=ecs.task_definition(runtime, task["taskDefinitionArn"]).stop_timeout_s,
        targets=targets,
        stopping=task.get("desiredStatus") == "STOPPED",
        registering=bool(service and service.get("loadBalancers"))
        and not targets
        and task.get("lastStatus") != "RUNNING",
    )


def _seen(instances: Iterable[ContainerInstance]) -> dict[str, Seen]:
    return {i.arn: Seen(i.status, i.task_count) for i in instances}


def _service_of(task: TaskTypeDef) -> str:
    kind, _, name = task.get("group", "").partition(":")
    return name if kind == "service" else ""


def _kind(service: ServiceTypeDef | None) -> TaskKind:
    if service is None:
        return TaskKind.BATCH
    return TaskKind.DAEMON if service.get("schedulingStrategy") == "DAEMON" else TaskKind.SERVICE


def _instance_ids(runtime: Runtime, value: Parsed) -> list[str]:
    if isinstance(value, Ignored):
        runtime.telemetry.info(f"ignored: {value.why}")
        runtime.telemetry.count("IgnoredMessages")
        return []
    return [value.instance_id] if isinstance(value, Notice) else [d.instance_id for d in value]


def _with_heartbeat(runtime: Runtime, instance: Doomed) -> Doomed:
    hook = instance.hook
    # Half a timeout leaves room for a step that is late.
    if hook is None or runtime.now() - hook.beat_at < hook.heartbeat_s / 2:
        return instance
    capacity.beat(runtime, hook)
    return replace(instance, hook=replace(hook, beat_at=runtime.now()))


def _ids(named_by: Mapping[str, Sequence[str]], doomed: Iterable[Doomed]) -> set[str]:
    return {id_ for d in doomed for id_ in named_by[d.instance_id]}


def _wake_autoscaler(runtime: Runtime, environment: Environment, cluster: str) -> None:
    body = json.dumps({"cluster": cluster, "why": "interruption"})
    runtime.sqs.send_message(QueueUrl=environment.autoscaler_queue_url, MessageBody=body)
