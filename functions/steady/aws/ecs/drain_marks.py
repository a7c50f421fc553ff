"""Write and delete drain marks: custom attributes of container instances."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from steady.aws.runtime import Runtime, batches
from steady.drain_mark import ATTRIBUTE, DrainMark

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import AttributeTypeDef

# ECS: how many attributes one call of PutAttributes or DeleteAttributes takes.
ATTRIBUTES_A_CALL = 10
# The errors of the two calls that one target among others can be the cause of (ECS API Reference).
OF_ONE_TARGET = frozenset({"TargetNotFoundException", "AttributeLimitExceededException", "InvalidParameterException"})


def write_marks(runtime: Runtime, cluster: str, marks: Mapping[str, DrainMark], *, once: bool = False) -> None:
    """Write `marks` (by container instance ARN). One that ECS refuses is logged, and the others are written.

    ECS refuses a mark if the instance is gone, or has ten custom attributes already.

    Args:
        once: for a caller that does not wait: a call that fails is not tried again.
    """
    attributes: list[AttributeTypeDef] = [
        {"name": ATTRIBUTE, "targetId": arn, "value": str(mark)} for arn, mark in sorted(marks.items())
    ]
    # A session makes its clients in one thread only: before the calls side by side.
    client = runtime.ecs_once if once else runtime.ecs
    _call(runtime, cluster, attributes, lambda some: client.put_attributes(cluster=cluster, attributes=some))


def delete_marks(runtime: Runtime, cluster: str, arns: Iterable[str]) -> None:
    """Delete the marks of container instances. If that fails, it is logged, and the next tick does it."""
    attributes: list[AttributeTypeDef] = [{"name": ATTRIBUTE, "targetId": arn} for arn in sorted(arns)]
    client = runtime.ecs
    try:
        _call(runtime, cluster, attributes, lambda some: client.delete_attributes(cluster=cluster, attributes=some))
    except Exception as error:
        runtime.telemetry.warning(
            f"cluster {cluster}: {len(attributes)} drain marks were not all deleted; the next tick does it: {error}",
            cluster=cluster,
        )


def _call(
    runtime: Runtime,
    cluster: str,
    attributes: Iterable[AttributeTypeDef],
    call: Callable[[Sequence[AttributeTypeDef]], object],
) -> None:
    """Make `call` in batches. A batch with a target that ECS refuses is repeated one by one."""
    failed: list[Exception] = []

    def each(batch: Sequence[AttributeTypeDef]) -> None:
        if failed:
            raise failed[0]
        try:
            call(batch)
        except Exception as error:
            if not isinstance(error, ClientError) or error.response["Error"]["Code"] not in OF_ONE_TARGET:
                failed.append(error)
                raise
            if len(batch) > 1:
                for one in batch:
                    each([one])
                return
            runtime.telemetry.warning(
                f"cluster {cluster}: ECS refused the drain mark of {batch[0].get('targetId')}: {error}",
                cluster=cluster,
            )

    runtime.in_parallel(each, list(batches(attributes, ATTRIBUTES_A_CALL)))
