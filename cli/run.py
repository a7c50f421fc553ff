"""`steady run`: put a request into the launch queue, and follow it to the end of its tasks."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from cli.account import AWS_FAILED, ProfileOption, RegionOption, aws_errors, runtime
from cli.clusters import ADD_ONE
from cli.output import JsonOption, fail, note, one_line_errors, say, write_json
from simulator.wording import counted
from steady.aws import queued_runs
from steady.aws.queued_runs import Progress
from steady.aws.runtime import Runtime
from steady.aws.settings import parameters
from steady.queued_run import STARTED_BY, key_of
from steady.thresholds import BadThreshold

LOOK_EACH_S = 2.0


def run(
    family: Annotated[str, typer.Argument(help="The task definition: a family, family:revision or ARN.")],
    cluster: Annotated[str, typer.Option(help="The cluster that runs it. Default: the only one.")] = "",
    count: Annotated[int, typer.Option(min=1, max=10, help="How many tasks.")] = 1,
    priority: Annotated[int, typer.Option(min=0, max=100, help="A request with a higher one is tried first.")] = 0,
    deadline: Annotated[int, typer.Option(min=1, max=604_800, help="Give it up after so many seconds.")] = 3600,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the tasks have ended.")] = False,
    profile: ProfileOption = None,
    region: RegionOption = None,
    json_: JsonOption = None,
) -> None:
    """Run tasks through the launch queue: as soon as there is room for them.

    Exit code 1: with --wait, a task failed or the request was given up; or AWS refused a call. 2: there is no launch
    queue here, or the cluster is not managed.
    """
    aws = runtime(profile, region)
    with aws_errors(), one_line_errors(BadThreshold, parameters.NoLaunchQueue):
        queue_url, table = parameters.read_launch_queue(aws), parameters.read_launches_table(aws)
        managed = parameters.list_managed_clusters(aws, [cluster] if cluster else [])
    if len(managed) != 1:
        fail(f"--cluster is missing: one of {', '.join(managed)} is needed" if managed else ADD_ONE)
    [cluster] = managed
    id_ = str(uuid.uuid4())
    key = key_of(cluster, id_)
    request = {
        "cluster": cluster,
        "taskDefinition": family,
        "count": count,
        "clientToken": id_,
        "priority": priority,
        "deadline": deadline,
        # Of tasks with such a word, the queue notes the end.
        "startedBy": f"{STARTED_BY}{key}",
    }
    with aws_errors():
        aws.sqs.send_message(QueueUrl=queue_url, MessageBody=json.dumps(request))
        note(f"launch {id_}: {counted(count, 'task')} of {family} in cluster {cluster}")
        last = None
        for progress in follow(aws, table, key) if wait else ():
            last = progress
            note(f"launch {id_}: {state_of(progress)}")
    answer: dict[str, Any] = {"id": id_, "cluster": cluster, "task_definition": family, "count": count}
    if last:
        answer |= {
            "tasks": list(last.ended.run.tasks),
            "failed": sorted(last.ended.failed),
            "reason": last.ended.run.reason if last.ended.run.missing else "",
        }
    write_json(answer, json_)
    if json_ != "-":
        say(id_)
    if last and (last.ended.failed or last.ended.run.missing):
        fail(f"launch {id_}: {state_of(last)}", AWS_FAILED)


def follow(aws: Runtime, table: str, key: str) -> Iterator[Progress | None]:
    """Yield how far a request has come whenever that has changed, until its tasks have ended or it is given up."""
    shown = ""
    while True:
        progress = queued_runs.read_progress(aws, table, key)
        if state_of(progress) != shown:
            shown = state_of(progress)
            yield progress
        if progress and not progress.waits and (progress.ended.is_whole or progress.ended.run.missing):
            return
        aws.sleep(LOOK_EACH_S)


def state_of(progress: Progress | None) -> str:
    """Return how far a request has come, in words."""
    if progress is None:
        return "in the queue"
    ended = progress.ended
    if progress.waits:
        done = f"{len(ended.run.tasks)} of {ended.run.count} tasks started; " if ended.run.tasks else ""
        return f"{done}waits for {ended.run.reason or 'its turn'}"
    if ended.run.missing:
        return f"given up: {ended.run.reason}"
    if not ended.tasks:
        return f"{counted(ended.run.count, 'task')} started"
    failed = f", {len(ended.failed)} failed" if ended.failed else ""
    return f"{len(ended.tasks)} of {ended.run.count} tasks ended{failed}"
