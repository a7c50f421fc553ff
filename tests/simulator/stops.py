"""Watch the calls of StopTask in a simulated world."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from simulator.ecs.state import Task
from simulator.world import World


@contextmanager
def stops_watched(world: World) -> Iterator[list[tuple[Task, bool]]]:
    """Each task that gets a StopTask meanwhile, and whether a target of it took requests then."""
    seen: list[tuple[Task, bool]] = []
    scheduler = world.account.scheduler
    stop = scheduler.stop

    def watched(task: Task) -> None:
        seen.append((task, any(t.takes_requests(world.clock.now) for t in task.targets)))
        stop(task)

    scheduler.stop = watched  # type: ignore[method-assign]
    yield seen
    scheduler.stop = stop  # type: ignore[method-assign]
