"""Trials whose worlds are drawn from a seed: the same seed draws the same world."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from simulator.chaos.scenarios import Trial
from simulator.ec2 import Ec2Instance
from simulator.ecs.state import Service, Task, TaskStatus
from simulator.timing import Timing
from simulator.world import SimulatedCluster

# Only what the trial does changes the cluster.
CALM: Mapping[str, Any] = {"scale_in_after_seconds": 86_400, "learning": "off", "start_at_once_share": 0}
# The longest request takes 15 s (`simulator.load_balancing`), and the operator knows it.
DRAIN_SECONDS = 16


class Drawn(Trial):
    """A trial that is drawn from `seed`.

    Attributes:
        seed: from which it is drawn.
        draw: the source of everything that is drawn.
        drawn: what was drawn, in words, for the report of a broken promise.
        started: every task of the account.
        killed: those that were killed in service.
        varied: what is drawn, in words.
    """

    varied = ""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.draw = random.Random(f"{type(self).__name__} {seed}")
        self.drawn: list[str] = []
        self.started: list[Task] = []
        self.killed: list[Task] = []
        super().__init__(self.draw.choice((0.0, 0.01, 0.5)), seed, self.timing())

    def timing(self) -> Timing:
        """Draw the account's timing."""
        return Timing.as_aws(pollers=self.draw.choice((1, 2, 5, 10)))

    def build(self) -> None:
        scheduler = self.world.account.scheduler
        start = scheduler.start

        def record(*args: Any, **more: Any) -> Task:
            task = start(*args, **more)
            self.started.append(task)
            return task

        scheduler.start = record  # type: ignore[method-assign]
        scheduler.observer.killed = self.killed.append
        self.build_drawn()

    def build_drawn(self) -> None:
        """Build the world as it is before the trial begins."""
        raise NotImplementedError

    def beyond_help(self) -> Collection[Task]:
        """Return the tasks that nothing can save: nothing is promised for them."""
        return ()

    def broken_promises(self) -> list[str]:
        given_up = set(map(id, self.beyond_help()))
        lost = [task for task in self.started if id(task) in given_up]
        killed = [task for task in self.killed if id(task) not in given_up]
        failed = self.world.account.balancing.failed_requests - sum(t.failed for task in lost for t in task.targets)
        found = (
            [f"{len(killed)} tasks killed in service ({', '.join(sorted({t.group for t in killed}))})"]
            if killed
            else []
        )
        if failed:
            found.append(f"{failed} requests failed")
        return [*found, *self.set_aside(), *self.broken_promises_of_scenario()]

    def set_aside(self) -> Sequence[str]:
        """Return one line for each queue of which messages were set aside."""
        queues = self.world.account.messaging.queues.values()
        return [
            f"{len(queue.dead_letters.messages)} messages of {queue.name} in its dead-letter queue"
            for queue in queues
            if queue.dead_letters and queue.dead_letters.messages
        ]

    def machine_of(self, task: Task) -> Ec2Instance:
        """Return the EC2 instance on which `task` runs, or ran."""
        return self.world.account.ec2.instances[task.instance.ec2_id]


def all_running(cluster: SimulatedCluster) -> list[str]:
    """Return one line for each service that lacks tasks, or whose tasks do not run."""
    return [
        f"{_running(service)} of {service.desired} tasks of {service.name} run"
        for service in cluster.state.services.values()
        if not service.daemon and _running(service) != service.desired
    ]


def _running(service: Service) -> int:
    return sum(t.status is TaskStatus.RUNNING and not t.stopping for t in service.tasks.values())
