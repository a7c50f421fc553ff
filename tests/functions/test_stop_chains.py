"""How long a task takes to stop: its containers are stopped one after the other where one needs another."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.world import World
from steady.aws.ecs.task_definitions import to_task_definition


def container(name: str, stop_timeout_s: int | None = None, **fields: Any) -> dict[str, Any]:
    return {"name": name, **fields, **({} if stop_timeout_s is None else {"stopTimeout": stop_timeout_s})}


def depends_on(*names: str, condition: str = "START") -> list[dict[str, str]]:
    return [{"containerName": name, "condition": condition} for name in names]


@pytest.mark.parametrize(
    ("containers", "stop_timeout_s"),
    [
        pytest.param([], 30, id="none"),
        pytest.param([container("app", 40), container("envoy", 20)], 40, id="side by side"),
        pytest.param([container("app", 40, dependsOn=depends_on("envoy")), container("envoy", 20)], 60, id="dependsOn"),
        pytest.param([container("app", 40, links=["redis:cache"]), container("redis")], 70, id="links"),
        pytest.param(
            [container("app", 40, volumesFrom=[{"sourceContainer": "data"}]), container("data", 5)],
            45,
            id="volumesFrom",
        ),
        pytest.param(
            [
                container("app", 10, dependsOn=depends_on("envoy", "logs")),
                container("envoy", 20, links=["logs"]),
                container("logs", 50),
                container("other", 60),
            ],
            80,
            id="the longest of several chains",
        ),
        pytest.param(
            [container("app", 40, dependsOn=depends_on("migrate", condition="SUCCESS")), container("migrate", 120)],
            120,
            id="a container that ended before is not waited for",
        ),
        pytest.param([container("app", 40, dependsOn=depends_on("gone"))], 40, id="a container that is not there"),
    ],
)
def test_a_tasks_stop_timeout_is_its_longest_chain(containers: list[dict[str, Any]], stop_timeout_s: int) -> None:
    assert to_task_definition({"containerDefinitions": containers}).stop_timeout_s == stop_timeout_s  # type: ignore[typeddict-item]


def test_a_cycle_that_ecs_would_not_register_ends_too() -> None:
    containers = [container("a", 1, dependsOn=depends_on("b")), container("b", 1, links=["a"])]

    assert to_task_definition({"containerDefinitions": containers}).stop_timeout_s >= 2  # type: ignore[typeddict-item]


def test_a_task_whose_containers_stop_one_after_the_other_is_stopped_in_time() -> None:
    world = World(seed=30)
    fleet = world.spot_cluster("batch", 1, mode="paused")
    definition = fleet.define("chained", 256, 512, exit_s=25.0, chain=(30, 30))
    task = world.account.scheduler.start(fleet.instances()[0], definition, "family:chained")
    world.run(30)

    fleet.reclaim()
    world.run(130)

    assert task.sigterm_at is not None
    assert not task.killed
