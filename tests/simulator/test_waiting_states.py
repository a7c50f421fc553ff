"""A state of Step Functions that waits with a task token is answered when the tasks end, or are given up."""

from __future__ import annotations

import json
from typing import Any

import pytest

from simulator.faults import CrashAt
from simulator.world import SimulatedCluster, World


def waiting_for(seed: int = 1, runs_s: tuple[float | None, ...] = (None,), **request: Any) -> SimulatedCluster:
    """A cluster with a request that a state waits for. Its tasks end after `runs_s`; None: they do not."""
    web = World(seed=seed, duplicates=0.5).group_cluster("web", 1, maximum=1)
    web.define("report", 256, 256)
    ends = iter(runs_s)
    web.world.account.scheduler.observer.started = lambda task: setattr(task, "run_s", next(ends, None))
    web.world.account.step_functions.waiting.add("token")
    web.world.suite.launch(
        **{"cluster": "web", "taskDefinition": "report", "taskToken": "token", "clientToken": "nightly", **request}
    )
    web.world.run(20)
    return web


def answer(web: SimulatedCluster) -> dict[str, str] | None:
    return web.world.account.step_functions.answers.get("token")


def test_it_is_answered_when_the_task_ends() -> None:
    web = waiting_for(runs_s=(30.0,))
    assert answer(web) is None

    web.world.run(40)
    said = answer(web)
    assert said
    output = json.loads(said["output"])
    assert (output["cluster"], output["id"], len(output["tasks"])) == ("web", "nightly", 1)


def test_of_several_tasks_the_last_one_counts() -> None:
    web = waiting_for(runs_s=(30.0, 30.0, 90.0), count=3)
    web.world.run(40)
    assert len(web.tasks("family:report")) == 1
    assert answer(web) is None

    web.world.run(60)
    said = answer(web)
    assert said
    assert len(json.loads(said["output"])["tasks"]) == 3


def test_a_task_that_is_stopped_fails_its_state() -> None:
    web = waiting_for()
    web.world.account.scheduler.stop(web.tasks("family:report")[0])
    web.world.run(60)

    said = answer(web)
    assert said
    assert said["error"] == "Steady.TaskFailed"
    assert "exit codes [143]" in said["cause"]


@pytest.mark.parametrize(
    ("request_", "cause"),
    [({"taskDefinition": "unknown"}, "Unable to describe"), ({"overrides": {"cpu": "8192"}, "deadline": 5}, "CPU")],
)
def test_a_request_that_is_given_up_fails_its_state_with_the_reason_of_ecs(
    request_: dict[str, Any], cause: str
) -> None:
    web = waiting_for(**request_)
    web.world.run(20)

    said = answer(web)
    assert said
    assert said["error"] == "Steady.LaunchGivenUp"
    assert cause in said["cause"]


@pytest.mark.parametrize("number", range(14))
def test_a_task_that_ends_before_its_start_was_kept_is_counted(number: int) -> None:
    """The function crashes between RunTask and the write of what it has started; meanwhile the task ends."""
    web = World(seed=3, duplicates=0.0).group_cluster("web", 1, maximum=1)
    web.define("report", 256, 256)
    world = web.world
    world.account.scheduler.observer.started = lambda task: setattr(task, "run_s", 1.0)
    world.account.step_functions.waiting.add("token")
    world.run(1)
    world.account.endpoint.fault = CrashAt(world.account.endpoint.tries + number, after=True)
    world.suite.launch(cluster="web", taskDefinition="report", taskToken="token")
    world.run(120)

    assert answer(web)


def test_with_a_token_the_queue_says_who_has_started_the_tasks() -> None:
    web = waiting_for(startedBy="me")

    dead = web.world.suite.launches.dead_letters
    assert dead
    assert all("leave it out" in m.attributes["error"]["StringValue"] for m in dead.messages)
    assert web.tasks("family:report") == []


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_crash_while_it_is_answered_leaves_no_state_waiting(*, after: bool) -> None:
    begun = waiting_for(runs_s=(30.0,))
    first = begun.world.account.endpoint.tries
    for number in range(first, first + 12):
        web = waiting_for(runs_s=(30.0,))
        web.world.account.endpoint.fault = CrashAt(number, after=after)
        web.world.run(100)

        assert answer(web), number
