"""What others learn of what ECS does, as it happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulator.ecs.state import Task


@dataclass
class Observer:
    """What others learn of tasks: each is called as it happens."""

    # A service's task or a RunTask was placed, having waited so many seconds.
    placed: Callable[[Task, float], None] = lambda task, waited_s: None
    stopped: Callable[[Task], None] = lambda task: None
    # A task that ran, or was still stopping, when its instance was terminated.
    killed: Callable[[Task], None] = lambda task: None
    service_event: Callable[[dict[str, Any]], None] = lambda event: None
