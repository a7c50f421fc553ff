"""How long a task takes to stop: its containers are stopped one after the other where one needs another."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.ecs.state import Otherwise
from simulator.world import World
from steady.aws.ecs.task_definitions import to_task_definition


def container(name: str, stop_timeout_s: int | None = None, **fields: Any) -> dict[str, Any]:
    return {"name": name, **fields, **({} if stop_timeout_s is None else {"stopTimeout": stop_timeout_s})}


def depends_on(*names: str, condition: str = "START") -> list[dict[str, str]]:
    return [{"containerName": name, "condition": condition} for name in names]


FIRELENS = {"logConfiguration": {"logDriver": "awsfirelens"}}
ROUTER = {"firelensConfiguration": {"type": "fluentbit"}}


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
        pytest.param([container("app", 40, **FIRELENS), container("logs", 20, **ROUTER)], 60, id="a log router"),
        pytest.param(
            [container("app", 40), container("logs", 20, **ROUTER)], 40, id="a log router that nothing logs through"
        ),
        pytest.param(
            [container("app", 40, **FIRELENS), container("logs", 20, **ROUTER, **FIRELENS)],
            60,
            id="a log router that logs through itself",
        ),
        pytest.param(
            [
                container("app", 40, **FIRELENS),
                container("logs", 20, **ROUTER, dependsOn=depends_on("app")),
            ],
            60,
            id="a log router that needs another container",
        ),
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


@pytest.mark.parametrize(
    "extra", [{"log_router_s": 30}, {"log_router_s": 30, "chain": (20,)}], ids=["one container", "a chain"]
)
def test_a_task_whose_containers_log_through_firelens_is_stopped_in_time_for_its_log_router(
    extra: dict[str, Any],
) -> None:
    """amazon-ecs-agent, `addFirelensContainerDependency`: the log router ends after those that log through it."""
    world = World(seed=31)
    fleet = world.spot_cluster("batch", 1, mode="paused")
    definition = fleet.define("logged", 256, 512, exit_s=25.0, **extra)
    task = world.account.scheduler.start(fleet.instances()[0], definition, "family:logged")
    world.run(30)

    fleet.reclaim()
    world.run(130)

    assert task.sigterm_at is not None
    assert not task.killed


def test_a_task_with_service_connect_is_stopped_in_time_for_its_proxy() -> None:
    """amazon-ecs-agent, PR 3200: the Service Connect container ends after all others. No task definition names it."""
    world = World(seed=32)
    fleet = world.spot_cluster("web", 2, mode="paused")
    fleet.service("api", 2, requests_per_s=1, otherwise=Otherwise.SERVICE_CONNECT, exit_s=28.0)
    world.run(60)

    fleet.reclaim()
    world.run(130)

    assert world.account.killed_tasks == 0
