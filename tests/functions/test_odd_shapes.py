"""Whatever ECS' model allows in a task definition, a service or a task, a drain step reads it without an exception."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steady.aws.ecs.task_definitions import TaskDefinition, to_task_definition
from steady.aws.service_out.advance import to_doomed_task
from steady.aws.service_out.task_targets import targets_of
from steady.cluster import Size, TaskShape
from steady.service_out.drain import TaskKind
from tests.functions.aws_shapes import values_of

ODD = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
DEFINITION = TaskDefinition(TaskShape(Size(256, 512)), stop_timeout_s=30)
ARN = st.just("arn:aws:ecs:us-east-1:123456789012:task/web/0123")


@ODD
@given(values_of("ecs", "TaskDefinition"))
def test_every_task_definition_has_a_shape_and_a_stop_timeout(definition: dict[str, Any]) -> None:
    read = to_task_definition(definition)  # type: ignore[arg-type]

    assert read.stop_timeout_s >= 0
    assert read.shape.gpus >= 0
    assert read.shape.size.cpu_units >= 0


@ODD
@given(values_of("ecs", "Task"), values_of("ecs", "Service"), st.sampled_from(["bridge", "host", "awsvpc"]))
def test_every_task_and_service_have_targets_that_can_be_deregistered(
    task: dict[str, Any], service: dict[str, Any], mode: str
) -> None:
    for target in targets_of(task, service, "i-0", mode).targets:  # type: ignore[arg-type]
        assert target.group_arn
        assert isinstance(target.port, int)


@ODD
@given(
    values_of("ecs", "Task", taskArn=ARN, containerInstanceArn=ARN),
    values_of("ecs", "Service") | st.none(),
)
def test_every_task_on_a_doomed_instance_is_of_a_kind(task: dict[str, Any], service: dict[str, Any] | None) -> None:
    doomed = to_doomed_task(task, service, "i-0", DEFINITION)  # type: ignore[arg-type]

    assert doomed.kind in TaskKind
    assert service is not None or doomed.kind is TaskKind.BATCH
