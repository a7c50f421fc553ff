"""Gangs: requests whose tasks are started all together, or not at all (`all_or_nothing`)."""

from __future__ import annotations

from collections.abc import Iterable

from steady.aws.ecs.container_instances import describe_all_instances
from steady.aws.ecs.runs import launch_of_run, read_run_shape
from steady.aws.errors import may_pass
from steady.aws.runtime import Runtime
from steady.aws.scaling.observation import with_constraints
from steady.cluster import Snapshot, TaskShape
from steady.launch import FARGATE_PROVIDERS, UNSAID, Launch
from steady.pools import Pool
from steady.queued_run import QueuedRun
from steady.scaling.placement import place
from steady.scaling.room import room_on
from steady.settings import ClusterSettings

STOPPED_BECAUSE = "all_or_nothing: there was no room for the other tasks of the launch request"


def shape_of(runtime: Runtime, run: QueuedRun) -> TaskShape:
    """Return the shape of each task of a request.

    Raises:
        ClientError: if ECS does not describe its task definition.
    """
    request = run.request
    return read_run_shape(
        runtime,
        request["taskDefinition"],
        request.get("overrides", {}),
        request.get("placementConstraints", ()),
        request.get("placementStrategy", ()),
        once=True,
    )


def launch_of(runtime: Runtime, run: QueuedRun) -> Launch:
    """Return on what the tasks of a request run."""
    return launch_of_run(runtime, run.cluster, Launch.of(run.request, UNSAID))


def lacks_room(runtime: Runtime, cluster: ClusterSettings, run: QueuedRun) -> str:
    """Return why a gang has no room at once, in a line; "": it seems to have, or it needs no instance (Fargate).

    Others may place tasks meanwhile: then RunTask starts a part of the gang, which is stopped at once.
    """
    launch = launch_of(runtime, run)
    count = launch.share(run.missing, launch.providers - FARGATE_PROVIDERS)
    if not count:
        return ""
    try:
        shape = shape_of(runtime, run)
    except Exception as error:
        if may_pass(error):
            raise
        # An unknown family, or a size that is no number: RunTask says what is wrong with it.
        return ""
    instances = describe_all_instances(runtime, run.cluster)
    here = Snapshot(run.cluster, runtime.now(), instances, (), Pool(cluster.pool_names[0], 0, 0, 0))
    here = with_constraints(runtime, here, [shape])
    if not shape.member_of <= set(here.matching):
        # ECS refuses an expression, or does not answer: RunTask says.
        return ""
    on = [i for i in here.active if not launch.strategy or i.provider in launch.providers]
    left_over = place([shape] * count, room_on(on, here)).left_over
    if not left_over:
        return ""
    fit = count - len(left_over)
    return f"all_or_nothing: only {fit} of {count} tasks find room at once"


def stop_part(runtime: Runtime, cluster: str, tasks: Iterable[str]) -> None:
    """Stop the tasks of a gang that was started in part."""
    for task in tasks:
        runtime.ecs.stop_task(cluster=cluster, task=task, reason=STOPPED_BECAUSE)
