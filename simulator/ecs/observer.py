"""Callbacks through which other parts of the simulator learn what ECS does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulator.ecs.state import ContainerInstance, Task


@dataclass
class Observer:
    """Callbacks of the ECS control plane. Each is called at the moment of its event.

    Attributes:
        placed: a task of a service was placed, after it had waited for this many seconds.
        started: a task, of a service or not, was placed on its instance.
        drained: a container instance was set to DRAINING.
        stopped: a task has ended.
        killed: a task still ran, or was stopping, when its instance was terminated.
        service_event: ECS sent a service action event to EventBridge.
    """

    placed: Callable[[Task, float], None] = lambda task, waited_s: None
    started: Callable[[Task], None] = lambda task: None
    drained: Callable[[ContainerInstance], None] = lambda instance: None
    stopped: Callable[[Task], None] = lambda task: None
    killed: Callable[[Task], None] = lambda task: None
    service_event: Callable[[dict[str, Any]], None] = lambda event: None
