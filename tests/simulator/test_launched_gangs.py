"""Gangs: all tasks of a request are started together, or none; after a crash, too."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.faults import CrashAt, Hooked
from simulator.world import SimulatedCluster, World

QUIET = {"start_at_once_share": 0, "learning": "off", "cpu_reservation_high": 100, "memory_reservation_high": 100}


def holding_six(seed: int = 1) -> SimulatedCluster:
    """A cluster whose three instances hold two tasks of the gang each, and that cannot grow."""
    web = World(seed=seed, duplicates=0.0).group_cluster("web", 3, maximum=3, **QUIET)
    web.define("gang", 1024, 256)
    return web


def launch(web: SimulatedCluster, **fields: Any) -> None:
    web.world.suite.launch(cluster="web", taskDefinition="gang", **{"count": 8, "all_or_nothing": True, **fields})


def test_gangs_of_eight_on_a_cluster_that_holds_six_are_never_held_half() -> None:
    web = holding_six()
    for _ in range(3):
        launch(web, deadline=120)
    seen = 0
    for _ in range(160):
        web.world.run(1)
        seen = max(seen, len(web.tasks("family:gang")))

    assert seen == 0
    dead = web.world.suite.launches.dead_letters
    assert dead
    reasons = [m.attributes["error"]["StringValue"] for m in dead.messages]
    assert len(reasons) == 3
    assert all("only 6 of 8 tasks find room at once" in reason for reason in reasons)


def test_a_gang_gets_its_capacity_and_is_started_at_once() -> None:
    web = holding_six()
    web.pool.maximum = 9  # type: ignore[union-attr]
    launch(web)
    counts = set()
    for _ in range(240):
        web.world.run(1)
        counts.add(len(web.tasks("family:gang")))

    assert counts == {0, 8}
    assert web.target == 4


def test_a_gang_that_loses_its_room_to_others_in_the_last_moment_is_stopped_again() -> None:
    web = holding_six()
    taken: list[object] = []

    def take(at: str, name: str) -> None:
        if (at, name) == ("before", "ecs:RunTask") and not taken:
            taken.append(web.batch_task(web.instances()[0], 60, cpu=2048))

    web.world.account.endpoint.fault = Hooked(take)
    launch(web, count=6)
    web.world.run(40)
    assert [t for t in web.tasks("family:gang") if not t.stopping] == []

    web.world.run(120)
    assert len([t for t in web.tasks("family:gang") if not t.stopping]) == 6


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_after_a_crash_at_any_call_a_gang_runs_whole(*, after: bool) -> None:
    begun = holding_six()
    begun.world.run(1)
    first = begun.world.account.endpoint.tries
    for number in range(first, first + 20):
        web = holding_six()
        web.world.account.endpoint.fault = CrashAt(number, after=after)
        web.world.run(1)
        launch(web, count=6)
        web.world.run(120)

        assert len(web.tasks("family:gang")) == 6, number
