"""The launch queue: what finds no room waits, and runs as soon as there is room; nothing is lost or run twice."""

from __future__ import annotations

import json
from typing import Any

import pytest

from simulator.errors import AwsError
from simulator.faults import CrashAt, Hooked
from simulator.world import SimulatedCluster, World

QUIET = {"start_at_once_share": 0, "learning": "off", "cpu_reservation_high": 100, "memory_reservation_high": 100}


def full(seed: int = 1, **options: Any) -> SimulatedCluster:
    """A cluster whose only instance is full: a task of the family `batch` takes a whole one."""
    web = World(seed=seed, **options).group_cluster("web", 1, **QUIET)
    web.batch_task(web.instances()[0], None, cpu=2048)
    web.define("report", 2048, 256)
    web.define("small", 100, 100)
    return web


def launch(web: SimulatedCluster, family: str = "report", **fields: Any) -> None:
    web.world.suite.launch(cluster="web", taskDefinition=family, **fields)


def dead_letters(web: SimulatedCluster) -> list[str]:
    dead = web.world.suite.launches.dead_letters
    assert dead
    return [message.attributes["error"]["StringValue"] for message in dead.messages]


def events(web: SimulatedCluster, what: str) -> list[dict[str, Any]]:
    return [e["detail"] for e in web.world.account.messaging.put if e["detail-type"] == what]


def test_a_request_that_finds_room_runs_at_once() -> None:
    web = World(seed=1).group_cluster("web", 1, **QUIET)
    web.define("report", 1024, 256)
    launch(web, count=2)
    web.world.run(10)

    assert len(web.tasks("family:report")) == 2
    [event] = events(web, "Launch Started")
    assert (event["cluster"], event["count"], len(event["tasks"])) == ("web", 2, 2)


def test_a_request_without_room_is_a_demand_with_its_whole_shape_and_runs_when_there_is_room() -> None:
    web = full()
    launch(web, count=2, placementConstraints=[{"type": "distinctInstance"}])
    web.world.run(20)
    assert web.target == 3, "an instance for each"

    web.world.run(200)
    assert len(web.tasks("family:report")) == 2
    assert [e["count"] for e in events(web, "Launch Started")] == [2]
    assert dead_letters(web) == []


def test_what_is_placed_is_no_demand_any_more() -> None:
    web = full(seed=2)
    for _ in range(3):
        launch(web)
    web.world.run(400)

    assert len(web.tasks("family:report")) == 3
    assert web.target == 4


@pytest.mark.parametrize("token", ["nightly-1", ""])
def test_a_message_that_comes_twice_starts_one_task(token: str) -> None:
    web = full(seed=3, duplicates=1.0)
    launch(web, **({"clientToken": token} if token else {}))
    web.world.run(200)
    if token:
        launch(web, clientToken=token)
    web.world.run(60)

    assert len(web.tasks("family:report")) == 1


def test_requests_run_in_the_order_of_their_priority() -> None:
    web = full(seed=4)
    for name, priority in (("low", 0), ("high", 50), ("middle", 20)):
        web.define(name, 2048, 256)
        launch(web, name, priority=priority)
    web.pool.maximum = 2  # type: ignore[union-attr]
    web.world.run(300)
    assert [t.definition.family for t in web.tasks() if t.definition.family != "batch"] == ["high"]

    web.pool.maximum = 3  # type: ignore[union-attr]
    web.world.run(300)
    assert {t.definition.family for t in web.tasks()} == {"batch", "high", "middle"}


def test_after_its_deadline_a_request_is_given_up_with_the_reason_of_ecs() -> None:
    web = full(seed=5)
    web.pool.maximum = 1  # type: ignore[union-attr]
    launch(web, deadline=60, clientToken="late")
    web.world.run(100)

    assert web.tasks("family:report") == []
    assert dead_letters(web) == ["cluster web: launch late is given up: RESOURCE:CPU"]
    [event] = events(web, "Launch Given Up")
    assert (event["id"], event["reason"], event["tasks"]) == ("late", "RESOURCE:CPU", [])
    assert 60 <= event["waitedSeconds"] <= 75


def test_a_dead_letter_that_is_sent_again_is_a_request_for_the_tasks_that_are_missing() -> None:
    web = full(seed=5)
    web.pool.maximum = 2  # type: ignore[union-attr]
    launch(web, count=3, deadline=300, clientToken="late")
    web.world.run(400)
    assert len(web.tasks("family:report")) == 1
    assert dead_letters(web) == ["cluster web: launch late is given up: RESOURCE:CPU; 1 of 3 tasks were started"]

    web.pool.maximum = 9  # type: ignore[union-attr]
    dead = web.world.suite.launches.dead_letters
    assert dead
    web.world.account.messaging.enqueue(web.world.suite.launches, dead.messages[0].body)
    web.world.run(300)
    assert len(web.tasks("family:report")) == 3


POISON = [
    ({"taskDefinition": "unknown"}, "Unable to describe task definition"),
    ({"count": 11}, "count"),
    ({"count": "two"}, "count"),
    ({"priority": 1000}, "priority"),
    ({"deadline": 0}, "deadline"),
    ({"taskdefinition": "report"}, "taskdefinition"),
    ({"overrides": {"containerOverrides": "x"}}, "containerOverrides"),
    ({"all_or_nothing": "yes"}, "all_or_nothing"),
    ({"clientToken": "with spaces"}, "clientToken"),
    ({"cluster": "theirs"}, "not managed"),
    ({"cluster": ""}, "cluster"),
]


@pytest.mark.parametrize(("fields", "names"), POISON, ids=lambda value: json.dumps(value))
def test_a_request_that_can_never_run_is_set_aside_at_once_and_costs_no_other(
    fields: dict[str, Any], names: str
) -> None:
    web = World(seed=6, duplicates=0.0).group_cluster("web", 1, **QUIET)
    web.define("report", 1024, 256)
    web.world.suite.launch(**{"cluster": "web", "taskDefinition": "report", **fields})
    launch(web)
    web.world.run(10)

    assert len(web.tasks("family:report")) == 1
    [reason] = dead_letters(web)
    assert names in reason


def placed_after(web: SimulatedCluster, **huge: Any) -> float:
    """How many seconds a request waits beside one that no instance can hold, if `huge` says more of such a one."""
    web.define("huge", 1_024_000, 256)
    web.define("report", 100, 100)
    if huge:
        launch(web, "huge", **huge)
    web.world.run(60)
    asked_at = web.world.clock.now
    launch(web)
    web.world.run(8)
    [task] = web.tasks("family:report")
    return task.created_at - asked_at


def test_a_request_that_no_instance_can_hold_costs_nobody_else_a_second() -> None:
    alone = placed_after(World(seed=7).group_cluster("web", 1, **QUIET))
    web = World(seed=7).group_cluster("web", 1, **QUIET)

    assert placed_after(web, priority=100) < alone + 1
    assert web.target == 1


def test_throttled_run_task_is_not_retried_in_a_storm() -> None:
    web = World(seed=8).group_cluster("web", 4, **QUIET)
    web.define("report", 10, 10)
    refused = 0

    def refuse(at: str, name: str) -> None:
        nonlocal refused
        if (at, name) == ("before", "ecs:RunTask") and web.world.clock.now < begun + 60:
            refused += 1
            raise AwsError("ThrottlingException", "Rate exceeded")

    begun = web.world.clock.now
    web.world.account.endpoint.fault = Hooked(refuse)
    for _ in range(40):
        launch(web)
    web.world.run(120)

    assert refused <= 8, "one a round"
    assert len(web.tasks("family:report")) == 40


def test_waiting_requests_that_are_alike_cost_one_call_a_round() -> None:
    web = full(seed=9)
    web.pool.maximum = 1  # type: ignore[union-attr]
    for _ in range(500):
        launch(web)
    web.world.run(120)

    assert web.world.account.endpoint.counted("task-launcher").calls["ecs:RunTask"] <= 14


def test_requests_that_wait_are_read_over_several_pages() -> None:
    web = full(seed=11)
    web.pool.maximum = 1  # type: ignore[union-attr]
    command = {"containerOverrides": [{"name": "app", "command": ["x" * 8000]}]}
    for number in range(300):
        launch(web, overrides=command, deadline=30, clientToken=f"run-{number}")
    web.world.run(60)

    assert web.world.account.endpoint.counted("task-launcher").calls["ecs:RunTask"] <= 10
    assert len({event["id"] for event in events(web, "Launch Given Up")}) == 300


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("part", range(4))
def test_a_crash_at_any_call_loses_nothing_and_runs_nothing_twice(part: int, *, after: bool) -> None:
    begun = full(seed=10, duplicates=0.0)
    begun.world.run(1)
    first = begun.world.account.endpoint.tries
    for number in range(first + part, first + 60, 4):
        web = full(seed=10, duplicates=0.0)
        web.world.account.endpoint.fault = CrashAt(number, after=after)
        web.world.run(1)
        launch(web, count=2)
        launch(web, "small")
        web.world.run(300)

        assert len(web.tasks("family:report")) == 2, number
        assert len(web.tasks("family:small")) == 1, number
        assert dead_letters(web) == [], number
