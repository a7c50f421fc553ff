"""`steady drain`: drain instances by hand, with the same steps as the interruption handler."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TaskID, TimeElapsedColumn

from cli.account import ProfileOption, RegionOption, aws_errors, runtime
from cli.output import JsonOption, fail, one_line_errors, progress_bars, say, text_column, write_json
from simulator.wording import counted
from steady.aws.ecs.container_instances import describe_all_instances, set_active
from steady.aws.ecs.drain_marks import write_marks
from steady.aws.runtime import Runtime
from steady.aws.service_out.advance import advance
from steady.aws.service_out.first_drain import drain_fresh
from steady.aws.service_out.locate import by_cluster, locate_instances, with_container_instances
from steady.aws.settings.parameters import NotManaged, list_managed_clusters
from steady.cluster import ContainerInstance, InstanceStatus
from steady.drain_mark import DrainMark, DrainReason
from steady.service_out.doomed import Doomed
from steady.service_out.notice import Notice
from steady.service_out.stops import Stop

# Seconds for which one step may stop tasks before it reads the instances again.
STEP_S = 15.0


# EC2: 17 hexadecimal digits; instances from before 2016 have 8 (EC2 User Guide, "Resource IDs").
INSTANCE_ID = re.compile(r"i-(?:[0-9a-f]{8}|[0-9a-f]{17})")


def _refuse_unclear(given: list[str], cluster: str | None, *, all_: bool) -> None:
    """End the command if it does not say which instances, or if an id is none, before AWS is asked anything."""
    if all_ != bool(cluster) or bool(given) == all_:
        fail("either ids of instances are needed, or --cluster NAME and --all for every instance of a cluster")
    for id_ in given:
        if not INSTANCE_ID.fullmatch(id_):
            fail(
                f'"{id_}" is no id of an EC2 instance: one such as i-0123456789abcdef0 is needed (steady explain '
                "CLUSTER lists those of a cluster)"
            )


def drain(
    instances: Annotated[
        list[str] | None,
        typer.Argument(help="The EC2 ids of the instances. Their clusters are managed."),
    ] = None,
    cluster: Annotated[str | None, typer.Option(help="With --all: the cluster whose instances are drained.")] = None,
    all_: Annotated[
        bool,
        typer.Option("--all", help="All instances of --cluster; with --cancel, those drained by hand."),
    ] = False,
    deadline: Annotated[
        float,
        typer.Option(
            min=0, max=14 * 86_400, help="Stop batch tasks and protected tasks, too, by this many seconds from now."
        ),
    ] = 3600,
    cancel: Annotated[
        bool,
        typer.Option("--cancel", help="Take the instances back instead: set them to ACTIVE, whoever drained them."),
    ] = False,
    profile: ProfileOption = None,
    region: RegionOption = None,
    json_: JsonOption = None,
) -> None:
    """Drain instances: set them to DRAINING, deregister their targets, then stop their tasks. Safe to repeat.

    The instances are not terminated and stay DRAINING until --cancel takes them back.

    Exit code 1: AWS refused a call. 2: an instance is in no managed cluster; nothing was changed.
    """
    ids = instances or []
    _refuse_unclear(ids, cluster, all_=all_)
    aws = runtime(profile, region)
    with aws_errors(cluster), one_line_errors(NotManaged):
        if cluster:
            ids = instances_of(aws, cluster, by_hand=cancel)
        done = take_back(aws, ids) if cancel else drain_instances(aws, ids, deadline)
    write_json(done, json_)
    if json_ != "-" and cancel:
        for name, figures in done.items():
            say(f"cluster {name}: {counted(len(figures['instances']), 'instance')} ACTIVE again")
    elif json_ != "-":
        for name, figures in done.items():
            say(
                f"cluster {name}: {counted(len(figures['instances']), 'instance')} drained, "
                f"{counted(figures['deregistered'], 'target')} deregistered, "
                f"{counted(figures['stopped'], 'task')} stopped",
            )


def instances_of(aws: Runtime, cluster: str, *, by_hand: bool) -> list[str]:
    """Return the EC2 ids of the instances of `cluster` that may be drained, or of those that were drained `by_hand`.

    What drains without a mark goes anyway (a Spot notice, scale-in), or others drain it: it is left alone.

    Raises:
        NotManaged: if the cluster is not managed. The text names those that are.
    """
    list_managed_clusters(aws, [cluster])
    registered = describe_all_instances(aws, cluster)
    wanted = _is_drained_by_hand if by_hand else _may_be_drained
    found = [i.instance_id for i in registered if wanted(i)]
    if not found:
        fail(f"cluster {cluster} has no instance that {'steady drain has drained' if by_hand else 'is ACTIVE'}")
    return sorted(found)


def _may_be_drained(instance: ContainerInstance) -> bool:
    return instance.status is InstanceStatus.ACTIVE or instance.drain_mark is not None


def _is_drained_by_hand(instance: ContainerInstance) -> bool:
    mark = instance.drain_mark
    return instance.status is InstanceStatus.DRAINING and mark is not None and mark.reason is DrainReason.OPERATOR


def drain_instances(aws: Runtime, instance_ids: list[str], deadline_s: float) -> dict[str, dict[str, Any]]:
    """Take steps of service-out until every task of the instances has ended, and show the progress.

    Args:
        deadline_s: seconds from now by which batch tasks and protected tasks are stopped, too.

    Returns:
        By cluster: the `instances`, and how many targets were `deregistered` and how many tasks `stopped`.
    """
    now = aws.now()
    doomed, described = _locate(aws, [Notice(id_, now, now + deadline_s) for id_ in instance_ids])
    for name, in_cluster in by_cluster(doomed).items():
        # By the mark, nothing but --cancel takes them back.
        mark = DrainMark(DrainReason.OPERATOR, int(now + deadline_s), int(now))
        write_marks(aws, name, {d.container_instance_arn: mark for d in in_cluster})
    columns = (text_column("{task.description}"), BarColumn(), text_column("{task.fields[state]}"), TimeElapsedColumn())
    with progress_bars(*columns) as progress:
        bars = {name: progress.add_task(f"cluster {name}", state="", total=None) for name in by_cluster(doomed)}
        return {
            name: _drain_cluster(aws, name, in_cluster, described, progress, bars[name])
            for name, in_cluster in by_cluster(doomed).items()
        }


def take_back(aws: Runtime, instance_ids: list[str]) -> dict[str, dict[str, Any]]:
    """Set instances to ACTIVE, and end the steps that an earlier notice has begun for them.

    Returns:
        By cluster: the `instances`.
    """
    now = aws.now()
    doomed, described = _locate(aws, [Notice(id_, now, now) for id_ in instance_ids])
    known = {i.arn: i.drain_mark for i in described}
    hand_made = DrainMark(DrainReason.OPERATOR, int(now), int(now))
    clusters = by_cluster(doomed)
    for name, in_cluster in clusters.items():
        arns = [d.container_instance_arn for d in in_cluster]
        write_marks(aws, name, {arn: (known.get(arn) or hand_made).ended(now, now) for arn in arns})
        set_active(aws, name, arns)
    return {name: {"instances": [d.instance_id for d in in_cluster]} for name, in_cluster in clusters.items()}


def _drain_cluster(
    aws: Runtime,
    cluster: str,
    doomed: list[Doomed],
    described: list[ContainerInstance],
    progress: Progress,
    bar: TaskID,
) -> dict[str, Any]:
    begun, drained = drain_fresh(aws, cluster, doomed, described)
    waiting, due = tuple(begun), tuple[Stop, ...]()
    deregistered = stopped = 0
    while waiting or due:
        done = advance(aws, cluster, waiting, due, aws.now() + STEP_S, drained)
        drained = []
        waiting, due = done.waiting, done.due
        deregistered += done.deregistered
        stopped += done.stopped
        gone = f"{counted(deregistered, 'target')} deregistered, {counted(stopped, 'task')} stopped"
        state = f"{gone}, {done.tasks_left} left"
        progress.update(bar, completed=stopped, total=stopped + done.tasks_left, state=state)
        if waiting or due:
            aws.sleep(max(0.0, done.continues_in_s(aws.now())))
    return {
        "instances": [d.instance_id for d in doomed],
        "deregistered": deregistered,
        "stopped": stopped,
    }


def _locate(aws: Runtime, notices: list[Notice]) -> tuple[list[Doomed], list[ContainerInstance]]:
    """Find the instances that are to be drained or taken back, and their container instances."""
    located = locate_instances(aws, notices)
    for error in located.failed.values():
        raise error
    found = [with_container_instances(aws, name, here) for name, here in by_cluster(located.doomed).items()]
    for one in (instance for registered in found for instance in registered.unreadable):
        fail(f"{one.instance_id} cannot be described: ECS refuses to describe its container instance")
    doomed = [instance for registered in found for instance in registered.doomed]
    _refuse_unmanaged(aws, [notice.instance_id for notice in notices], doomed)
    return doomed, [instance for registered in found for instance in registered.read]


def _refuse_unmanaged(aws: Runtime, instance_ids: list[str], doomed: list[Doomed]) -> None:
    """End the command if an instance is in no managed cluster, or is not registered with its cluster."""
    known = {d.instance_id: d for d in doomed}
    for id_ in instance_ids:
        if id_ not in known:
            managed = ", ".join(list_managed_clusters(aws)) or "none"
            fail(
                f"{id_} is in no managed cluster: its tags name no pool of a parameter /steady/clusters/*/capacity, "
                f"and no managed cluster; an instance of one of these is needed: {managed}"
            )
        if not known[id_].container_instance_arn:
            fail(f"{id_} is not registered with cluster {known[id_].cluster}: there is nothing to drain")
