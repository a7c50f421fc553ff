"""A group that launches its types in an order: the type that holds a waiting task is put first, and put back again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.auto_scaling_group import AutoScalingGroup
from simulator.endpoint import Params
from simulator.errors import AwsError
from simulator.world import SimulatedCluster, World
from tests.simulator.test_out_of_reach import README_ROW, most, reasons

QUIET: dict[str, Any] = {"start_at_once_share": 0, "learning": "off", "max_capacity": 100}
UPDATE = "autoscaling:UpdateAutoScalingGroup"


def group_of(world: World, **thresholds: Any) -> tuple[SimulatedCluster, AutoScalingGroup]:
    """Build a cluster on a group of one m5.large, which launches that type as long as EC2 has it."""
    web = world.group_cluster("web", 1, types=README_ROW, **{**QUIET, "type_order": "fitting", **thresholds})
    assert isinstance(web.pool, AutoScalingGroup)
    return web, web.pool


def large_task(web: SimulatedCluster, tasks: int = 1) -> None:
    """Ask for a service whose tasks fit an m5.xlarge (4096 CPU units), and no m5.large."""
    web.service("large", tasks, cpu=3000, memory=9000)


def types_of(web: SimulatedCluster) -> list[str]:
    return sorted(i.instance_type for i in web.ec2_instances())


def answer_with(world: World, answer: Callable[[Callable[[Params], dict[str, Any]], Params], dict[str, Any]]) -> None:
    """Let `answer` answer UpdateAutoScalingGroup: it is given AWS's own function and the parameters."""
    own = world.account.endpoint.actions[UPDATE]
    world.account.endpoint.actions[UPDATE] = lambda params: answer(own, params)


@pytest.mark.parametrize("tasks", [1, 3])
def test_the_type_that_holds_the_task_comes_and_the_order_is_put_back(tasks: int) -> None:
    world = World(seed=1)
    web, group = group_of(world)
    large_task(web, tasks)

    assert most(web, 5) == 1 + 2 * tasks, "two units a task, asked for once"
    assert len(web.running()) == tasks
    assert types_of(web).count("m5.xlarge") == tasks
    assert list(group.overrides) == ["m5.large", "m5.xlarge"]
    assert any("m5.xlarge is put first" in text for text in reasons(world))
    assert any("put back in their order: m5.large, m5.xlarge" in text for text in reasons(world))
    assert not any("given up" in text for text in reasons(world))
    assert world.account.endpoint.counted("autoscaler").calls[UPDATE] == 2

    web.service("api", 4, cpu=1024, memory=1024)
    world.run(300)
    assert "m5.large" in types_of(web), "what comes next is the operator's first type again"


def test_the_order_is_kept_unless_the_operator_opts_in() -> None:
    world = World(seed=1)
    web, group = group_of(world, type_order="kept")
    large_task(web)
    world.run(900)

    assert world.account.endpoint.counted("autoscaler").calls[UPDATE] == 0
    assert list(group.overrides) == ["m5.large", "m5.xlarge"]


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("number", [1, 2])
def test_a_call_that_is_lost_is_made_again(applied: bool, number: int) -> None:
    """The first call puts the type first, the second one restores the order. One fails, before or after its effect."""
    world = World(seed=2)
    web, group = group_of(world)
    made = []

    def once(own: Callable[[Params], dict[str, Any]], params: Params) -> dict[str, Any]:
        made.append(params)
        if len(made) != number:
            return own(params)
        if applied:
            own(params)
        raise AwsError("ValidationError", "lost")

    answer_with(world, once)
    large_task(web)
    world.run(1200)

    assert len(web.running()) == 1
    assert list(group.overrides) == ["m5.large", "m5.xlarge"]
    assert any("keeps its types in the order" in line.message for line in world.suite.telemetry.log_lines)
    assert world.suite.telemetry.errors() == []


@pytest.mark.parametrize(
    "error",
    [AwsError("AccessDenied", "You are not authorized to use launch template: lt-web", 403), KeyError("unforeseen")],
)
def test_a_role_that_may_not_do_it_leaves_it_at_bounded_tries(error: Exception) -> None:
    world = World(seed=1)
    web, group = group_of(world)

    def refused(own: object, params: object) -> dict[str, Any]:
        raise error

    answer_with(world, refused)
    large_task(web)

    assert most(web, 60) <= 1 + 3 * 2
    assert any("given up for 6 h after 3 tries" in text for text in reasons(world))
    assert list(group.overrides) == ["m5.large", "m5.xlarge"]
    calls = world.account.endpoint.counted("autoscaler").calls[UPDATE]
    assert 1 <= calls < 20, "not again once it is given up"
    assert world.suite.telemetry.errors() == []


def test_what_ec2_does_not_have_is_given_up_and_the_order_is_put_back() -> None:
    world = World(seed=1)
    web, group = group_of(world)
    group.unavailable.add("m5.xlarge")
    large_task(web)

    assert most(web, 60) <= 1 + 3 * 2
    assert any("given up for 6 h after 3 tries" in text for text in reasons(world))
    assert list(group.overrides) == ["m5.large", "m5.xlarge"]


@pytest.mark.parametrize("lost", ["c5.2xlarge", "m5.2xlarge"])
def test_where_ec2_does_not_have_the_fitting_type_another_one_that_fits_comes(lost: str) -> None:
    """The fallback of the changed order is not the operator's first type, which does not hold the task."""
    world = World(seed=1)
    types = {"m5.large": 1, "c5.2xlarge": 4, "m5.2xlarge": 4, "m5.xlarge": 2}
    web = world.group_cluster("web", 1, types=types, **{**QUIET, "type_order": "fitting"})
    assert isinstance(web.pool, AutoScalingGroup)
    web.pool.unavailable.add(lost)
    web.service("cpu", 2, cpu=7000, memory=9000)
    world.run(600)

    assert len(web.running()) == 2
    assert types_of(web).count("m5.large") <= 1
    assert list(web.pool.overrides) == list(types)
    assert not any("given up" in text for text in reasons(world))


@pytest.mark.parametrize("later_s", [0, 30, 90])
def test_a_task_that_waits_beside_a_larger_one_gets_its_type_where_ec2_does_not_have_the_larger_type(
    later_s: float,
) -> None:
    world = World(seed=1)
    types = {"m5.large": 1, "m5.2xlarge": 4, "r5.xlarge": 2}
    web = world.group_cluster("web", 1, types=types, **{**QUIET, "type_order": "fitting"})
    assert isinstance(web.pool, AutoScalingGroup)
    web.pool.unavailable.add("m5.2xlarge")
    web.service("huge", 2, cpu=7900, memory=29_000)
    world.run(later_s)
    # An r5.xlarge holds one, an m5.2xlarge holds one, and an m5.large none.
    web.service("large", 2, cpu=3900, memory=29_000)
    world.run(1200)

    assert {t.group for t in web.running()} == {"service:large"}
    assert len(web.running()) == 2
    world.run(1200)
    assert list(web.pool.overrides) == list(types)


def test_what_another_writer_makes_of_the_types_meanwhile_is_kept() -> None:
    world = World(seed=1)
    web, group = group_of(world)
    group.unavailable |= {"m5.xlarge", "m5.large"}
    large_task(web)
    world.run(60)
    assert list(group.overrides) == ["m5.xlarge", "m5.large"]

    group.overrides = {"c5.xlarge": 2, "m5.xlarge": 2, "m5.large": 1}
    group.unavailable.clear()
    world.run(900)

    assert list(group.overrides) == ["c5.xlarge", "m5.xlarge", "m5.large"], "the newer order is the operator's"


def test_another_version_of_the_launch_template_is_kept() -> None:
    world = World(seed=1)
    web, group = group_of(world)
    large_task(web)
    world.account.ec2.templates.of(group.template).images *= 7
    group.template_version = "7"
    world.run(600)

    assert world.account.endpoint.counted("autoscaler").calls[UPDATE] == 2
    assert group.template_version == "7"


def test_an_operator_who_opts_out_meanwhile_gets_the_order_back() -> None:
    world = World(seed=1)
    web, group = group_of(world)
    group.unavailable |= {"m5.xlarge", "m5.large"}
    large_task(web)
    world.run(60)
    assert list(group.overrides) == ["m5.xlarge", "m5.large"]

    world.account.parameters.put("/steady/clusters/web/type_order", "kept")
    world.run(120)

    assert list(group.overrides) == ["m5.large", "m5.xlarge"]


def test_a_dry_run_changes_no_order_and_remembers_none() -> None:
    world = World(seed=1)
    web, group = group_of(world, mode="dry-run")
    large_task(web)
    world.run(300)

    assert world.account.endpoint.counted("autoscaler").calls[UPDATE] == 0
    assert any("m5.xlarge is put first" in text for text in reasons(world))
    world.account.parameters.put("/steady/clusters/web/mode", "active")
    world.run(600)
    assert len(web.running()) == 1
    assert list(group.overrides) == ["m5.large", "m5.xlarge"]


def test_tasks_that_need_different_types_get_them_one_after_the_other() -> None:
    world = World(seed=1)
    types = {"m5.large": 1, "c5.2xlarge": 4, "r5.xlarge": 2}
    web = world.group_cluster("web", 1, types=types, type_order="fitting", **QUIET)
    # 8 vCPUs and 16 GiB; 4 vCPUs and 32 GiB.
    web.service("cpu", 2, cpu=6000, memory=9000)
    web.service("memory", 2, cpu=2000, memory=26_000)

    assert most(web, 15) == 1 + 2 * 4 + 2 * 2
    assert len(web.running()) == 4
    assert list(web.pool.overrides) == list(types)  # type: ignore[union-attr]


# Units by vCPUs, and the largest task that each type holds.
UNITS = {"m5.large": 1, "c5.2xlarge": 4, "r5.xlarge": 2, "m5.xlarge": 2}
SHAPES = {
    "m5.large": (1900, 7000),
    "c5.2xlarge": (8000, 14_000),
    "r5.xlarge": (3900, 29_000),
    "m5.xlarge": (3900, 14_000),
}


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.sampled_from(sorted(UNITS)), min_size=2, max_size=4, unique=True),
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3)), min_size=1, max_size=4),
)
def test_in_any_group_with_an_order_each_task_gets_a_type_that_holds_it_and_the_order_stays_the_operators(
    order: list[str], work: list[tuple[int, int]]
) -> None:
    world = World(seed=6)
    web = world.group_cluster("web", 1, types={t: UNITS[t] for t in order}, **{**QUIET, "type_order": "fitting"})
    for number, (of, tasks) in enumerate(work):
        cpu, memory = SHAPES[order[of % len(order)]]
        web.service(f"service-{number}", tasks, cpu=cpu, memory=memory)

    world.run(2400)

    assert len(web.running()) == sum(tasks for _, tasks in work)
    assert list(web.pool.overrides) == order  # type: ignore[union-attr]
    assert not any("given up" in text for text in reasons(world))
    assert world.suite.telemetry.errors() == []
