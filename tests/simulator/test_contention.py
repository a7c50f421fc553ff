"""Many launchers at once: evaluations of one cluster do not get into each other's way."""

from __future__ import annotations

from simulator.timing import Timing
from simulator.workload.plan import Job
from simulator.workload.submit import Launcher
from simulator.world import World
from steady.cluster import Size


def test_a_burst_of_launchers_is_decided_on_without_lost_races() -> None:
    world = World(seed=4, timing=Timing.as_aws())
    batch = world.spot_cluster("batch", 1, "m5.xlarge", max_capacity=60)
    jobs = tuple(Job(5 + 0.1 * n, f"job-{n % 7}", Size(1024, 2048), 600) for n in range(120))
    launcher = Launcher(batch, 4, lambda *placed: None)
    launcher.submit(jobs)
    world.run(420)

    assert not launcher.waiting
    assert world.suite.telemetry.errors() == []
    assert not world.suite.failures.dead_letters.messages  # type: ignore[union-attr]
