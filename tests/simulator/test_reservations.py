"""What the tasks of a simulated cluster reserve, and for how long its instances have tasks."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.reservations import Reservations
from simulator.timing import Timing
from simulator.world import SimulatedCluster, World

# Tasks end at once.
AT_ONCE = Timing(exits=0.0)


@pytest.fixture
def web() -> SimulatedCluster:
    """A cluster of two m5.large, each with 2 vCPUs and 8 GiB, which nothing scales."""
    return World(scaling=False, timing=AT_ONCE).group_cluster("web", 2)


def reserved(figures: dict[str, Any]) -> dict[tuple[str, str], tuple[int, float, float]]:
    rows = figures["web"]["reserved"]
    return {(r["service"], r["family"]): (r["tasks"], r["vcpu_hours"], r["gib_hours"]) for r in rows}


def test_a_task_reserves_from_its_creation_to_its_end(web: SimulatedCluster) -> None:
    record = Reservations(web.world.account)
    instance = web.instances()[0]
    task = web.batch_task(instance, None, cpu=1024, memory=2048)
    web.world.run(3600)
    web.world.account.scheduler.stop(task)
    web.world.run(1800)
    web.batch_task(instance, None, cpu=512, memory=2048)
    web.world.run(3600)

    figures = record.figures()

    assert reserved(figures) == {("", "batch"): (2, pytest.approx(1.5, abs=0.01), pytest.approx(4.0, abs=0.01))}
    assert figures["web"]["occupied_hours"] == pytest.approx(2.0, abs=0.01)
    assert figures["web"]["instance_hours_by"] == {"on-demand": {"m5.large": pytest.approx(5.0)}, "spot": {}}
    assert figures["web"]["instance_types"] == {"m5.large": {"vcpu": 2, "gib": 8}}


def test_an_instance_is_occupied_once_while_several_of_its_tasks_overlap(web: SimulatedCluster) -> None:
    record = Reservations(web.world.account)
    instance = web.instances()[0]
    web.batch_task(instance, 3600.0)
    web.world.run(1800)
    web.batch_task(instance, 3600.0)
    web.world.run(4 * 3600)

    assert record.figures()["web"]["occupied_hours"] == pytest.approx(1.5, abs=0.02)


def test_a_task_that_is_killed_reserves_nothing_after_its_instance(web: SimulatedCluster) -> None:
    record = Reservations(web.world.account)
    web.batch_task(web.instances()[0], None, cpu=1024, memory=1024)
    web.world.run(360)
    for instance in web.ec2_instances():
        web.world.account.ec2.terminate(instance)
    web.world.run(3600)

    figures = record.figures()

    assert reserved(figures) == {("", "batch"): (1, 0.1, 0.1)}
    assert figures["web"]["occupied_hours"] == 0.1


def test_services_and_clusters_are_apart(web: SimulatedCluster) -> None:
    other = web.world.group_cluster("other", 1)
    record = Reservations(web.world.account)
    web.service("api", 3, cpu=256, memory=1024)
    other.batch_task(other.instances()[0], None)
    web.world.run(3600)

    figures = record.figures()

    assert reserved(figures) == {("api", "api"): (3, pytest.approx(0.75), pytest.approx(3.0))}
    assert [r["tasks"] for r in figures["other"]["reserved"]] == [1]
