"""`steady drain`: the service-out of instances by hand, as the interruption handler does it."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from cli.account import ProfileOption, RegionOption, aws_errors, runtime
from cli.output import JsonOption, answers, fail, notes, write_json
from steady.aws.runtime import Runtime
from steady.aws.service_out.advance import advance
from steady.aws.service_out.locate import by_cluster, locate_instances
from steady.service_out.drain import Doomed
from steady.service_out.notice import Notice

# How long one step may go on stopping tasks before it looks again.
STEP_S = 15.0


def drain(
    instances: Annotated[list[str], typer.Argument(help="EC2 instance ids of managed clusters.")],
    deadline: Annotated[
        float, typer.Option(min=0, help="Seconds until batch and protected tasks are given up, too.")
    ] = 3600,
    profile: ProfileOption = None,
    region: RegionOption = None,
    json_: JsonOption = None,
) -> None:
    """Drains instances: no more tasks, targets deregistered, tasks stopped, in that order. Safe to repeat.

    The instances stay, DRAINING; nothing terminates them. Exit code 1: AWS refused; 2: an instance is none of ours.
    """
    aws = runtime(profile, region)
    with aws_errors():
        done = drain_instances(aws, instances, deadline)
    write_json(done, json_)
    if json_ != "-":
        for cluster, figures in done.items():
            answers.print(
                f"cluster {cluster}: {len(figures['instances'])} instances drained, {figures['deregistered']} targets "
                f"deregistered, {figures['stopped']} tasks stopped",
                highlight=False,
            )


def drain_instances(aws: Runtime, instance_ids: list[str], deadline_s: float) -> dict[str, dict[str, Any]]:
    """Takes steps until every task of the instances was stopped, or ended; shows how far it is.

    Returns:
        By cluster: `instances`, and how many targets were `deregistered` and tasks `stopped`.
    """
    now = aws.now()
    doomed = locate_instances(aws, [Notice(id_, now, now + deadline_s) for id_ in instance_ids]).doomed
    _refuse_strangers(instance_ids, doomed)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"), TimeElapsedColumn())
    with Progress(*columns, console=notes) as progress:
        bars = {name: progress.add_task(f"cluster {name}", state="", total=None) for name in by_cluster(doomed)}
        return {
            name: _drain_cluster(aws, name, in_cluster, progress, bars[name])
            for name, in_cluster in by_cluster(doomed).items()
        }


def _drain_cluster(aws: Runtime, cluster: str, doomed: list[Doomed], progress: Progress, bar: TaskID) -> dict[str, Any]:
    waiting, due = tuple(doomed), tuple[str, ...]()
    deregistered = stopped = 0
    while waiting or due:
        done = advance(aws, cluster, waiting, due, until=aws.now() + STEP_S)
        waiting, due = done.waiting, done.due
        deregistered += done.deregistered
        stopped += done.stopped
        state = f"{deregistered} targets out, {stopped} tasks stopped, {done.tasks_left} left"
        progress.update(bar, completed=stopped, total=stopped + done.tasks_left, state=state)
        if waiting and not due:
            aws.sleep(done.next_in_s)
    return {
        "instances": [d.instance_id for d in doomed],
        "deregistered": deregistered,
        "stopped": stopped,
    }


def _refuse_strangers(instance_ids: list[str], doomed: list[Doomed]) -> None:
    known = {d.instance_id: d for d in doomed}
    for id_ in instance_ids:
        if id_ not in known:
            fail(f"{id_} is of no cluster that is managed here: look at its tags, and at /steady/clusters/*/capacity")
        if not known[id_].container_instance_arn:
            fail(f"{id_} is not registered with cluster {known[id_].cluster}: there is nothing to drain")
