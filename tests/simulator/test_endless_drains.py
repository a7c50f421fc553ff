"""Drains that can never end are not begun, and those that do not end are taken back: both are said."""

from __future__ import annotations

from collections import Counter

import pytest

from simulator.ecs.state import Service
from simulator.world import SimulatedCluster, World
from tests.simulator.scaled_clusters import cluster

KINDS = ("spot", "group")
QUIET: dict[str, int | str] = {"start_at_once_share": 0, "learning": "off", "scale_in_after_seconds": 60}
HOUR_S = 3600


def draining(web: SimulatedCluster) -> list[str]:
    return [i.ec2_id for i in web.instances() if i.status == "DRAINING"]


def never_moved(web: SimulatedCluster, name: str, tasks: int) -> Service:
    """A service at 100/100 %: ECS may neither stop a task of it nor start another one."""
    service = web.service(name, tasks)
    service.maximum_percent = 100
    return service


def reasons(web: SimulatedCluster, rule: str) -> list[str]:
    lines = web.world.suite.telemetry.decisions()
    return [r["text"] for line in lines for r in line.fields["reasons"] if r["rule"] == rule]


def watch(web: SimulatedCluster, seconds: int) -> list[int]:
    """How many instances drain, at each minute."""
    counts = []
    for _ in range(seconds // 60):
        web.world.run(60)
        counts.append(len(draining(web)))
    return counts


@pytest.mark.parametrize("kind", KINDS)
def test_an_instance_with_a_task_at_100_and_100_percent_is_not_chosen(kind: str) -> None:
    web = cluster(World(seed=41), kind, 4, **QUIET)
    never_moved(web, "api", 4)

    assert max(watch(web, 2 * HOUR_S)) == 0, "three of four were DRAINING for hours"
    assert web.target == 4
    said = reasons(web, "TasksCannotMove")
    # Said once in 15 minutes, and not at each tick.
    assert 1 <= len(said) <= 10
    assert "4 instances, such as i-" in said[0]


@pytest.mark.parametrize("kind", KINDS)
def test_an_instance_with_a_protected_task_is_not_chosen_and_the_others_are(kind: str) -> None:
    web = cluster(World(seed=42), kind, 6, **QUIET)
    web.service("queue", 6)
    web.world.run(20)
    kept = web.tasks("service:queue")[:2]
    for task in kept:
        task.protected = True
    web.world.run(HOUR_S)

    assert {i.ec2_id for i in web.instances()} == {t.instance.ec2_id for t in kept}
    assert draining(web) == []

    kept[0].protected = False
    web.world.run(HOUR_S)
    assert {i.ec2_id for i in web.instances()} == {kept[1].instance.ec2_id}


def test_an_instance_whose_task_fits_nowhere_else_keeps_no_other() -> None:
    web = World(seed=43).group_cluster("web", 4, **QUIET)
    web.service("large", 1, cpu=2000, memory=512)
    web.world.run(20)
    web.service("small", 9, cpu=200, memory=256)
    web.world.run(HOUR_S)

    assert web.target == 2
    assert draining(web) == []


@pytest.mark.parametrize("kind", KINDS)
def test_an_instance_that_cannot_be_emptied_is_taken_back_and_left_alone(kind: str) -> None:
    web = cluster(World(seed=44), kind, 3, **QUIET)
    service = web.service("api", 3)
    web.world.run(20)
    # From now on, replacements do not become healthy.
    service.definition = web.define("api", 256, 512, starts=False)

    drained_min = Counter[str]()
    for _ in range(5 * 60):
        web.world.run(60)
        drained_min.update(draining(web))

    assert len(web.instances()) == 3
    assert draining(web) == []
    # Each once, for half an hour and the ticks before and after it.
    assert all(30 <= minutes <= 33 for minutes in drained_min.values())
    assert "after 30 min: ACTIVE again" in reasons(web, "DrainDoesNotEnd")[0]


def test_a_batch_task_may_end_however_long_its_instance_drains() -> None:
    web = World(seed=45).group_cluster("web", 2, **QUIET)
    web.batch_task(web.instances()[0], 2 * HOUR_S, cpu=256)
    web.batch_task(web.instances()[1], 3 * HOUR_S, cpu=256)
    counts = watch(web, 2 * HOUR_S - 600)

    assert set(counts[10:]) == {1}
    assert reasons(web, "DrainDoesNotEnd") == []
    web.world.run(1200)
    assert len(web.instances()) == 1
