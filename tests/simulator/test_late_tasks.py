"""Pools that do not answer in time: AWS's own words are in the decision."""

from __future__ import annotations

from simulator.world import World

QUIET = {"start_at_once_share": 0, "learning": "off", "cpu_reservation_high": 100, "memory_reservation_high": 100}


def reasons(world: World) -> list[str]:
    return [r["text"] for line in world.suite.telemetry.decisions() for r in line.fields["reasons"]]


def test_a_group_that_ec2_has_no_capacity_for_says_so_in_awss_own_words() -> None:
    world = World(seed=1)
    web = world.group_cluster("web", 1, **QUIET)
    web.pool.unavailable.add("m5.large")  # type: ignore[union-attr]
    web.service("api", 4, cpu=1024, memory=1024)
    world.run(10 * 60)

    assert any(
        "the pool is 1 units short of its target: We currently do not have sufficient m5.large capacity" in text
        for text in reasons(world)
    )
    assert web.target == 2, "it is not asked for more and more"
    assert world.suite.telemetry.errors() == []

    web.pool.unavailable.clear()  # type: ignore[union-attr]
    world.run(5 * 60)
    assert len(web.running()) == 4
