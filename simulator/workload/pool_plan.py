"""The plan of one pool of a cluster, and what an instance of a type holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Protocol

from simulator.ecs.devices import architecture_of, gpus_of
from simulator.instance_types import registered_size
from steady.cluster import Size, TaskShape
from steady.pools import PoolKind
from steady.scaling.room import Room


class Needs(Protocol):
    """A job, or the tasks of a service: what one task needs."""

    @property
    def size(self) -> Size: ...
    @property
    def gpus(self) -> int: ...
    @property
    def architecture(self) -> str: ...


@dataclass(frozen=True)
class PoolPlan:
    """One pool of a cluster: its kind, how many instances it begins with, and its types with their units.

    Attributes:
        types: the units of each type that it launches; an Auto Scaling group with one type counts instances.
        on_spot: whether a group is of Spot Instances.
        parameters: `min_capacity`, `max_capacity` and `priority`, as far as the pool has its own.
        provider: the capacity provider of a group; "": it has none.
        attributes: the custom attributes of a group's instances, which the deployment knows.
        zones: the Availability Zones of a group; nothing: all.
    """

    kind: PoolKind
    instances: int
    types: Mapping[str, int] = field(default_factory=lambda: {"m5.large": 1})
    on_spot: bool = False
    parameters: Mapping[str, int] = field(default_factory=dict)
    provider: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    zones: tuple[str, ...] = ()

    @property
    def buys_spot(self) -> bool:
        """Whether it launches Spot Instances."""
        return self.on_spot or self.kind is PoolKind.SPOT_FLEET

    def holds(self, work: Needs) -> bool:
        """Whether an instance of one of its types holds a task."""
        return any(holds(type_, work) for type_ in self.types)


def holds(instance_type: str, work: Needs) -> bool:
    """Whether an instance of `instance_type` holds a task: CPU, memory, GPUs, architecture."""
    return node_room(instance_type).holds(shape_of(work))


def shape_of(work: Needs) -> TaskShape:
    """Return what a task needs."""
    return TaskShape(work.size, gpus=work.gpus, member_of=frozenset(constraints(work.architecture)))


def constraints(architecture: str) -> tuple[str, ...]:
    """Return the placement constraints of a task whose image is of `architecture`; "": it runs on any.

    ECS Developer Guide, "Define which container instances Amazon ECS uses for tasks": `ecs.cpu-architecture`.
    """
    return (f"attribute:ecs.cpu-architecture == {architecture}",) if architecture else ()


@cache
def node_room(instance_type: str) -> Room:
    """Return the room on an empty instance of `instance_type`; copy it before anything is placed on it."""
    matches = frozenset(constraints(architecture_of(instance_type)))
    return Room(registered_size(instance_type), gpus=gpus_of(instance_type), matches=matches)


def largest_size(types: Iterable[str]) -> Size:
    """Return the most CPU and the most memory that an instance of one of `types` has."""
    sizes = [registered_size(type_) for type_ in types]
    return Size(max(size.cpu_units for size in sizes), max(size.memory_mib for size in sizes))
