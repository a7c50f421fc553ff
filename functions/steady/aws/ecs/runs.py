"""Runs: the shape of a task that RunTask starts, from its task definition and the parameters of the call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from steady.arns import family_of
from steady.aws.cache import Cache
from steady.aws.ecs.services import placement_of
from steady.aws.ecs.task_definitions import to_task_definition
from steady.aws.runtime import Runtime
from steady.cluster import TaskShape
from steady.launch import Launch
from steady.queued_run import sizes_in

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import TaskDefinitionTypeDef

# As ECS describes them, by what names them. A family without a revision is its newest one: read again after a minute.
DESCRIBED = Cache[str, Mapping[str, Any]](max_age_s=60.0)
# On what the tasks of a cluster run by default, by its name.
DEFAULTS = Cache[str, Launch](max_age_s=600.0)


def read_run_shape(
    runtime: Runtime,
    task_definition: str,
    overrides: Mapping[str, Any],
    constraints: Sequence[Mapping[str, Any]],
    strategies: Sequence[Mapping[str, Any]],
    *,
    once: bool = False,
) -> TaskShape:
    """Return the shape of a task that RunTask was asked for, with these parameters.

    Args:
        once: whether ECS is asked once: the caller comes again.

    Raises:
        ClientError: if ECS does not describe the task definition.
    """
    known = DESCRIBED.get(runtime, task_definition)
    if known is None:
        client = runtime.ecs_once if once else runtime.ecs
        answer = client.describe_task_definition(taskDefinition=task_definition)["taskDefinition"]
        known = DESCRIBED.keep(runtime, task_definition, cast("Mapping[str, Any]", answer))
    shape = to_task_definition(cast("TaskDefinitionTypeDef", with_overrides(known, overrides))).shape
    expressions = {str(c.get("expression", "")) for c in constraints if c.get("type") == "memberOf"}
    distinct = any(c.get("type") == "distinctInstance" for c in constraints)
    return TaskShape(
        shape.size,
        shape.ports,
        shape.gpus,
        shape.enis,
        shape.member_of | expressions,
        # ECS: the group of a task that names none is that of its family.
        f"family:{family_of(task_definition)}" if distinct else "",
        distinct=distinct,
        placement=placement_of(strategies),
    )


def launch_of_run(runtime: Runtime, cluster: str, launch: Launch) -> Launch:
    """Return on what the tasks of a call of RunTask run, which names `launch`, or neither a launch type nor a strategy.

    ECS API, RunTask: then "the defaultCapacityProviderStrategy for the cluster is used". While ECS does not say it, the
    cluster's EC2 instances are taken for it.
    """
    if launch.is_said:
        return launch
    default = DEFAULTS.get(runtime, cluster)
    if default is None:
        try:
            described = runtime.ecs.describe_clusters(clusters=[cluster])["clusters"]
        except Exception as error:
            runtime.telemetry.warning(
                f"cluster {cluster}: its default capacity provider strategy cannot be read: {error}", cluster=cluster
            )
            return Launch()
        strategy = described[0].get("defaultCapacityProviderStrategy", []) if described else []
        default = DEFAULTS.keep(runtime, cluster, Launch.of({"capacityProviderStrategy": strategy}))
    return default


def with_overrides(definition: Mapping[str, Any], overrides: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a task definition with the sizes that `overrides` of RunTask replace (ECS API, TaskOverride).

    >>> small = {"containerDefinitions": [{"name": "app", "cpu": 128}]}
    >>> with_overrides(small, {"containerOverrides": [{"name": "app", "cpu": 512}]})
    {'containerDefinitions': [{'name': 'app', 'cpu': 512}]}
    """
    of_container = {one.get("name"): sizes_in(one) for one in overrides.get("containerOverrides", [])}
    containers = [{**c, **of_container.get(c.get("name"), {})} for c in definition.get("containerDefinitions", [])]
    return {**definition, **sizes_in(overrides), "containerDefinitions": containers}
