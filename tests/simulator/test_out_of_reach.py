"""Tasks that the pool cannot serve: tried a few times, given up with a reason, and no other decision suffers."""

from __future__ import annotations

import pytest

from simulator.suite import FAILURE_TOPIC
from simulator.world import SimulatedCluster, World
from tests.simulator.scaled_clusters import message

README_ROW = {"m5.large": 1, "m5.xlarge": 2}


def repeat(web: SimulatedCluster, key: str, until_s: float, *, cpu: int = 1024, memory: int = 2048) -> None:
    """Let a launcher repeat a failure every 10 s, whatever the cluster looks like."""
    body = message(key, cpu, memory)
    for after_s in range(0, int(until_s), 10):
        web.world.clock.after(after_s, lambda: web.world.account.messaging.publish(FAILURE_TOPIC, body))


def reasons(world: World) -> list[str]:
    return [r["text"] for line in world.suite.telemetry.decisions() for r in line.fields["reasons"]]


def most(web: SimulatedCluster, minutes: int) -> int:
    seen = 0
    for _ in range(minutes):
        web.world.run(60)
        seen = max(seen, web.target)
    return seen


def test_a_group_that_launches_the_smaller_type_first_is_not_asked_again_and_again() -> None:
    world = World(seed=1)
    web = world.group_cluster("web", 1, types=README_ROW, start_at_once_share=0, learning="off", max_capacity=40)
    web.service("large", 1, cpu=3000, memory=9000)

    # Three tries of two units.
    assert most(web, 60) <= 1 + 3 * 2
    assert any("given up for 6 h after 3 tries" in text and "put m5.xlarge first" in text for text in reasons(world))
    assert web.target <= 1, "what was launched for it in vain goes again"


def test_the_larger_type_that_comes_serves_the_task() -> None:
    world = World(seed=1)
    web = world.group_cluster("web", 1, types={"m5.xlarge": 2, "m5.large": 1}, start_at_once_share=0, learning="off")
    web.pool.unavailable.add("m5.xlarge")  # type: ignore[union-attr]
    world.run(60)
    web.pool.unavailable.clear()  # type: ignore[union-attr]
    web.service("large", 1, cpu=3000, memory=9000)
    world.run(300)

    assert len(web.running()) == 1
    assert not any("given up" in text for text in reasons(world))


@pytest.mark.parametrize("kind", ["spot", "group"])
def test_what_no_instance_holds_teaches_nothing_and_lets_scale_in_go_on(kind: str) -> None:
    world = World(seed=2)
    build = world.spot_cluster if kind == "spot" else world.group_cluster
    web = build("web", 4, scale_in_after_seconds=60)
    web.service("api", 2, cpu=128, memory=128)
    for hour in range(4):
        world.clock.after(hour * 3600 + 60, lambda hour=hour: repeat(web, f"huge-{hour}", 900, memory=500_000))  # type: ignore[misc]

    world.run(30 * 60)
    assert web.target == 1
    assert most(web, 4 * 60) == 1


def test_a_crash_loop_keeps_room_for_its_tasks_and_lets_the_rest_go() -> None:
    world = World(seed=3)
    web = world.group_cluster("web", 10, scale_in_after_seconds=60, start_at_once_share=0)
    web.service("crashing", 2, cpu=1024, memory=1024, starts=False)

    world.run(60 * 60)

    assert web.target == 1


def test_a_run_that_ecs_refuses_for_a_reason_unknown_here_gets_three_instances_and_is_given_up() -> None:
    world = World(seed=4)
    web = world.group_cluster("web", 1, start_at_once_share=0, learning="off", scale_in_after_seconds=60)
    # It needs a GPU, which hako does not say.
    repeat(web, "gpu", 2 * 3600)

    assert most(web, 100) <= 1 + 3
    assert sum("ECS still refuses RunTask" in text for text in reasons(world)) == 3
    assert any("given up" in text and "failures that RunTask answers" in text for text in reasons(world))
    assert web.target <= 1


def test_a_given_up_task_takes_nothing_from_the_others() -> None:
    world = World(seed=5)
    web = world.group_cluster("web", 1, types=README_ROW, start_at_once_share=0, learning="off")
    web.service("large", 1, cpu=3000, memory=9000)
    world.run(40 * 60)
    web.service("api", 6, cpu=1024, memory=1024)
    world.run(5 * 60)

    assert len(web.tasks("service:api")) == 6
