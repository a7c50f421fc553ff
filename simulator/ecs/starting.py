"""How long a task takes from its placement to RUNNING: the pull of its image, and the start."""

from __future__ import annotations

import random

from simulator.clock import Clock
from simulator.durations import drawn
from simulator.ecs.state import ContainerInstance
from simulator.ecs.task_definition import TaskDefinition
from simulator.timing import Timing

# Mean seconds from placement to RUNNING with the image in the cache: the agent's poll, and the start.
START_S = 4.0
SPREAD = (0.7, 1.3)


class Starting:
    """The starts of all tasks of the account.

    Args:
        rng: the source of start times. Pulls have one of their own, of the seed `seed`.
    """

    def __init__(self, clock: Clock, rng: random.Random, timing: Timing, seed: int) -> None:
        self.clock = clock
        self._pulls = timing.pull_s > 0
        self._start_takes_s = drawn(START_S, timing.start_tail, SPREAD, rng)
        self._pull_takes_s = drawn(timing.pull_s, timing.start_tail, SPREAD, random.Random(f"pulls {seed}"))

    def takes_s(self, instance: ContainerInstance, definition: TaskDefinition) -> float:
        """Return the seconds that a task of `definition` takes on `instance` until it is RUNNING.

        The first task with an image pulls it, and others wait for the same pull.
        """
        return self._pulled_in_s(instance, definition.image or definition.family) + self._start_takes_s()

    def _pulled_in_s(self, instance: ContainerInstance, image: str) -> float:
        if not self._pulls:
            return 0.0
        if image not in instance.images:
            instance.images[image] = self.clock.now + self._pull_takes_s()
        return max(0.0, instance.images[image] - self.clock.now)
