"""What a container instance has beside CPU and memory: GPUs that tasks pin, and the architecture of its processor.

ECS Developer Guide, "Amazon ECS task definitions for GPU workloads": an instance registers the ids of its GPUs, and a
container that asks for some by its `resourceRequirements` gets them to itself. "Define which container instances Amazon
ECS uses for tasks": the built-in attribute `ecs.cpu-architecture` is `x86_64` or `arm64`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Protocol

from simulator.instance_types import described


class Definition(Protocol):
    """A task definition: how many GPUs a task of it pins."""

    @property
    def gpus(self) -> int: ...


class Pinning(Protocol):
    """A task that may pin GPUs."""

    @property
    def definition(self) -> Definition: ...


@cache
def gpus_of(instance_type: str) -> int:
    """Return how many GPUs an instance of `instance_type` has; one that is no EC2 instance has none."""
    if not instance_type:
        return 0
    return sum(gpu.get("Count", 0) for gpu in described(instance_type).get("GpuInfo", {}).get("Gpus", []))


def gpu_ids(ec2_id: str, instance_type: str) -> list[str]:
    """Return the ids of an instance's GPUs, as ECS describes them."""
    return [f"GPU-{ec2_id.removeprefix('i-')}-{number}" for number in range(gpus_of(instance_type))]


def free_gpus(instance_type: str, tasks: Iterable[Pinning]) -> int:
    """Return how many GPUs `tasks` leave free on an instance of `instance_type`."""
    return gpus_of(instance_type) - sum(task.definition.gpus for task in tasks)


@cache
def architecture_of(instance_type: str) -> str:
    """Return the `ecs.cpu-architecture` of an instance of `instance_type`: `x86_64` or `arm64`."""
    found: list[str] = described(instance_type)["ProcessorInfo"]["SupportedArchitectures"]
    return "arm64" if "arm64" in found else "x86_64"


def platform_of(instance_type: str) -> dict[str, str]:
    """Return the built-in attributes of an instance of `instance_type` that name its platform; all run Linux."""
    return {
        "ecs.cpu-architecture": architecture_of(instance_type),
        "ecs.os-type": "linux",
        "ecs.os-family": "LINUX",
    }
