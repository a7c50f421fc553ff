"""Snapshots and memories for tests of the decisions, in a line each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from steady.cluster import ContainerInstance, InstanceShape, InstanceStatus, Service, Size, Snapshot, TaskShape
from steady.pools import Pool, PoolKind, PoolName
from steady.scaling.demand import Demand
from steady.scaling.state import ScalingState

NOW = 1_767_225_600.0
INSTANCE = Size(2048, 8000)
SHAPE = InstanceShape("m5.large", INSTANCE)


def instance(
    number: int, used: Size = Size(0, 0), *, tasks: int | None = None, draining: bool = False
) -> ContainerInstance:
    """An instance of 2048 CPU units and 8000 MiB, of which `used` is reserved."""
    return ContainerInstance(
        arn=f"arn-{number}",
        instance_id=f"i-{number}",
        status=InstanceStatus.DRAINING if draining else InstanceStatus.ACTIVE,
        registered=INSTANCE,
        remaining=INSTANCE - used,
        task_count=(1 if used != Size(0, 0) else 0) if tasks is None else tasks,
        instance_type="m5.large",
    )


def snapshot(
    instances: Iterable[ContainerInstance],
    *,
    target: int | None = None,
    services: Iterable[Service] = (),
    minimum: int = 0,
    maximum: int = 100,
    kind: PoolKind = PoolKind.SPOT_FLEET,
    at: float = NOW,
    tasks_of: Mapping[str, tuple[TaskShape, ...]] | None = None,
) -> Snapshot:
    """A cluster whose pool holds all of `instances`, and is asked for so many unless `target` says otherwise."""
    here = tuple(instances)
    return Snapshot(
        cluster="web",
        at=at,
        instances=here,
        services=tuple(services),
        pool=Pool(
            PoolName(kind, "sfr-web"),
            target=len(here) if target is None else target,
            minimum=minimum,
            maximum=maximum,
            members={i.instance_id: "m5.large" for i in here},
        ),
        tasks_of=tasks_of if tasks_of is not None else {i.arn: () for i in here},
    )


def service(name: str, missing: int, size: Size = Size(1024, 1000), *, running: int = 1) -> Service:
    return Service(name, running + missing, running, 0, f"{name}:1", TaskShape(size))


def demand(key: str, size: Size = Size(1024, 1000), said_at: float = NOW) -> Demand:
    return Demand(key, size, said_at, said_at)


def state(*demands: Demand, **fields: Any) -> ScalingState:
    """A memory that has seen an instance, with `demands`."""
    return ScalingState(demands={d.key: d for d in demands}, **{"shapes": {"m5.large": SHAPE}, **fields})
