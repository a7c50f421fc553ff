"""A call of RunTask that names neither a launch type nor a strategy runs on the cluster's default strategy."""

from __future__ import annotations

import pytest

from simulator.ecs.launching import Launch
from simulator.world import World

QUIET = {"start_at_once_share": 0, "learning": "off", "cpu_reservation_high": 100, "memory_reservation_high": 100}


@pytest.mark.parametrize(("default", "target"), [((), 2), (("FARGATE",), 1), (("own",), 2), (("theirs",), 1)])
@pytest.mark.parametrize("all_or_nothing", [True, False])
def test_a_request_that_names_neither_launch_type_nor_strategy_runs_on_the_clusters_default(
    default: tuple[str, ...], target: int, *, all_or_nothing: bool
) -> None:
    """ECS API, RunTask: "the defaultCapacityProviderStrategy for the cluster is used"."""
    world = World(seed=4)
    own, theirs = world.provide("own", "web"), world.provide("theirs", "theirs")
    assert (own, theirs) == ("own", "theirs")
    web = world.group_cluster("web", 1, **QUIET)
    web.state.default_launch = Launch.on(*default) if default else Launch()
    web.state.fargate = 0
    web.batch_task(web.instances()[0], None, cpu=1900)
    web.define("report", 1000, 256)
    world.suite.launch(cluster="web", taskDefinition="report", all_or_nothing=all_or_nothing)
    world.run(30)

    assert web.target == target


def test_a_gang_that_fargate_runs_by_default_needs_no_instance() -> None:
    world = World(seed=4)
    web = world.group_cluster("web", 0)
    web.state.default_launch = Launch.on("FARGATE")
    web.define("report", 1000, 256)
    world.suite.launch(cluster="web", taskDefinition="report", count=3, all_or_nothing=True)
    world.run(20)

    assert len(web.state.tasks) == 3


def test_a_reported_call_runs_on_the_clusters_default_too() -> None:
    world = World(seed=4)
    world.suite.report_failed_calls().late_s = (5.0, 5.0)
    web = world.group_cluster("web", 1, **QUIET)
    web.state.default_launch, web.state.fargate = Launch.on("FARGATE"), 0
    web.define("report", 1900, 256)
    for _ in range(2):
        world.account.endpoint.answer("airflow", "ecs:RunTask", {"cluster": "web", "taskDefinition": "report"})
    world.run(30)

    assert web.target == 1
