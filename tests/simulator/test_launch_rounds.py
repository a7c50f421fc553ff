"""Rounds of the launch queue: none starves what comes after it, also if each of them crashes or has too much to do."""

from __future__ import annotations

from simulator.clock import Crashed
from simulator.faults import Hooked
from tests.simulator.test_task_launcher import events, full, launch


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
    web = full(seed=14)
    web.pool.maximum = 1  # type: ignore[union-attr]
    for task in web.tasks():
        web.world.account.scheduler.stop(task)
    web.world.run(60)
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
