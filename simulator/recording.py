"""Record what the report tells of a run: the tasks that waited, and what became of those on reclaimed instances."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from simulator.ec2 import Ec2Instance
from simulator.ecs.state import ContainerInstance, Task
from simulator.outcome import LateStart, TakenInstance, TakenTask
from simulator.world import World

# A task that was placed within this many seconds started at once: ECS acts on a change within a second.
AT_ONCE_S = 1.0


class Recorder:
    """Follow a world from now on.

    Attributes:
        waits: for how many seconds each task waited for its place.
        waits_in: the same by the pool of the instance that took it: a group's name, or a fleet's id.
    """

    def __init__(self, world: World) -> None:
        self.waits: list[float] = []
        self.waits_in: dict[str, list[float]] = defaultdict(list)
        self._account = world.account
        self._began = world.clock.now
        self._late: dict[str, list[LateStart]] = defaultdict(list)
        self._taken: dict[str, list[tuple[float, Ec2Instance]]] = defaultdict(list)
        self._tasks: dict[str, list[Task]] = {}
        self._draining: dict[str, float] = {}
        observer = self._account.scheduler.observer
        observer.placed = lambda task, waited_s: self.note_start(task, task.service_name, waited_s)
        observer.started, observer.drained = self._note_task, self._note_drain

    def note_start(self, task: Task, name: str, waited_s: float) -> None:
        """Note that a task of the service or family `name` was placed now, after it had waited for `waited_s`."""
        self.waits.append(waited_s)
        if host := self._account.ec2.instances.get(task.instance.ec2_id):
            self.waits_in[host.pool].append(waited_s)
        if waited_s > AT_ONCE_S:
            late = LateStart(self._account.clock.now - self._began, round(waited_s, 1), name)
            self._late[task.cluster.name].append(late)

    def watch_notices(self) -> None:
        """Record each interruption notice. Call it once the policy has said what it does at a notice."""
        send_notice: Callable[[Ec2Instance], object] = self._account.spot.on_notice

        def note(instance: Ec2Instance) -> None:
            self._taken[instance.cluster.name].append((self._account.clock.now, instance))
            self._tasks[instance.id] = [t for r in instance.registrations() for t in r.tasks.values()]
            send_notice(instance)

        self._account.spot.on_notice = note

    def late_starts(self, cluster: str) -> tuple[LateStart, ...]:
        """Return the tasks of a cluster that did not start at once, in the order of their places."""
        return tuple(self._late[cluster])

    def taken(self, cluster: str) -> tuple[TakenInstance, ...]:
        """Return the instances of a cluster that were interrupted, with what became of their tasks."""
        return tuple(
            TakenInstance(
                instance.id,
                self._seconds(noticed_at),
                self._since(self._draining.get(instance.id)),
                self._since(instance.terminated_at),
                # A task that was still PENDING at the drain is stopped at once: it never ran.
                tuple(self._task(t, instance) for t in self._tasks[instance.id] if t.started_at is not None),
            )
            for noticed_at, instance in self._taken[cluster]
        )

    def _note_task(self, task: Task) -> None:
        if task.instance.ec2_id in self._tasks:
            self._tasks[task.instance.ec2_id].append(task)

    def _note_drain(self, instance: ContainerInstance) -> None:
        if instance.ec2_id in self._tasks:
            self._draining.setdefault(instance.ec2_id, self._account.clock.now)

    def _seconds(self, at: float) -> float:
        """Return the seconds from the start until `at`."""
        return round(at - self._began, 1)

    def _since(self, at: float | None) -> float | None:
        return None if at is None else self._seconds(at)

    def _task(self, task: Task, instance: Ec2Instance) -> TakenTask:
        left = [t.deregistered_at for t in task.targets if t.deregistered_at is not None]
        return TakenTask(
            name=task.service_name or task.definition.family,
            placed_s=self._seconds(task.created_at),
            deregistered_s=self._since(min(left, default=None)),
            sigterm_s=self._since(task.sigterm_at),
            ended_s=self._since(instance.terminated_at if task.killed else task.exited_at),
            killed=task.killed,
            failed_requests=sum(target.failed for target in task.targets),
            is_of_service=bool(task.service_name),
        )


def at_once_percent(waits_s: Sequence[float]) -> float:
    """Return the percentage of tasks that started at once, of those that waited for so many seconds.

    >>> at_once_percent([0.0, 0.0, 110.0, 0.2])
    75.0
    """
    at_once = sum(waited_s <= AT_ONCE_S for waited_s in waits_s)
    return round(100 * at_once / len(waits_s), 1) if waits_s else 100.0
