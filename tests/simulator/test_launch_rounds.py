"""Rounds of the launch queue: none starves what comes after it, also if each of them crashes or has too much to do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from simulator.clock import Crashed
from simulator.errors import AwsError
from simulator.faults import Fault, Hooked, Try
from simulator.world import SimulatedCluster
from tests.simulator.test_task_launcher import dead_letters, events, full, launch


def test_requests_of_many_families_all_become_demand() -> None:
    """The suite's share lets some six task definitions a second be read."""
    web = full(seed=12)
    for number in range(100):
        web.define(f"family-{number}", 2048, 256)
        launch(web, f"family-{number}")
    web.world.run(60)

    assert web.world.suite.task_launcher
    assert not web.world.suite.task_launcher.timeouts
    assert web.target == 101


def test_many_requests_without_room_keep_no_other_from_being_tried() -> None:
    web = with_room(seed=14)
    web.pool.maximum = 1  # type: ignore[union-attr]
    for number in range(150):
        web.define(f"huge-{number}", 999_999, 256)
        launch(web, f"huge-{number}", priority=50)
    launch(web, "small")
    web.world.run(45)

    assert len(web.tasks("family:small")) == 1


def test_after_a_crash_in_each_round_capacity_is_asked_for_all_the_same() -> None:
    web = full(seed=13, duplicates=0.0)

    def crash(at: str, name: str) -> None:
        if (at, name) == ("after", "ecs:RunTask"):
            raise Crashed

    web.world.account.endpoint.fault = Hooked(crash)
    for number in range(3):
        launch(web, clientToken=f"run-{number}")
    web.world.run(60)

    assert web.target == 4


def test_requests_that_ecs_refuses_are_given_up_also_by_rounds_that_have_no_time_left() -> None:
    web = full(seed=15)
    web.pool.maximum = 1  # type: ignore[union-attr]
    for number in range(60):
        web.define(f"huge-{number}", 999_999, 256)
        launch(web, f"huge-{number}")
        launch(web, f"unknown-{number}")
    web.world.run(60)

    assert len({event["id"] for event in events(web, "Launch Given Up")}) == 60


def test_what_found_no_room_is_not_tried_by_each_batch_of_new_requests() -> None:
    web = full(seed=16, duplicates=0.0)
    web.pool.maximum = 1  # type: ignore[union-attr]
    for number in range(30):
        web.world.clock.after(number, lambda n=number: launch(web, clientToken=f"run-{n}"))  # type: ignore[misc]
    web.world.run(30)

    assert web.world.account.endpoint.counted("task-launcher").calls["ecs:RunTask"] <= 8


def test_a_request_that_cannot_be_kept_holds_up_no_other_of_its_batch() -> None:
    web = with_room(seed=17)

    def refuse(tried: Try) -> None:
        if tried.name == "dynamodb:PutItem" and "refused" in str(tried.params):
            raise AwsError("ValidationException", "Item size has exceeded the maximum allowed size")

    web.world.account.endpoint.fault = Refusing(refuse)
    launch(web, clientToken="refused")
    launch(web, "small", clientToken="kept")
    web.world.run(10)

    assert len(web.tasks("family:small")) == 1


@pytest.mark.parametrize("command", ["x" * 9_000, "x" * 200_000])
def test_a_request_that_is_too_long_for_ecs_is_set_aside_at_once(command: str) -> None:
    web = with_room(seed=18)
    launch(web, overrides={"containerOverrides": [{"name": "app", "command": [command]}]})
    launch(web, "small", clientToken="good")
    web.world.run(10)

    assert len(web.tasks("family:small")) == 1
    assert all("characters" in reason for reason in dead_letters(web))
    assert dead_letters(web)


def with_room(seed: int) -> SimulatedCluster:
    web = full(seed=seed)
    for task in web.tasks():
        web.world.account.scheduler.stop(task)
    web.world.run(60)
    return web


class Refusing(Fault):
    """Refuses calls."""

    def __init__(self, refuse: Callable[[Try], None]) -> None:
        self.before = refuse  # type: ignore[method-assign]
