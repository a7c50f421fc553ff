"""Calls of RunTask that fail, of callers who know nothing of the suite: CloudTrail reports them, minutes late."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from runtask_failure import message, reported_call
from simulator.ecs.state import Cluster
from simulator.errors import AwsError
from simulator.world import SimulatedCluster, World
from steady.messages import Malformed

QUIET = {"start_at_once_share": 0, "learning": "off", "cpu_reservation_high": 100, "memory_reservation_high": 100}


def full_cluster(seed: int = 1, instances: int = 1, late_s: float = 120.0) -> SimulatedCluster:
    """A cluster without room for a task of the family batch, and a trail that reports after `late_s`."""
    world = World(seed=seed, duplicates=0.3)
    world.suite.report_failed_calls().late_s = (late_s, late_s)
    web = world.group_cluster("web", instances, **QUIET)
    for instance in web.instances():
        web.batch_task(instance, None, cpu=2048)
    web.define("batch", 2048, 256)
    return web


def call(web: SimulatedCluster, **params: Any) -> None:
    try:
        asked = {"cluster": "web", "taskDefinition": "batch", **params}
        web.world.account.endpoint.answer("airflow", "ecs:RunTask", asked)
    except AwsError:
        pass


def event(**detail: Any) -> dict[str, Any]:
    said: dict[str, Any] = copy.deepcopy(dict(reported_call.SAMPLE))
    said["detail"] |= detail
    return said


def parsed(**detail: Any) -> Any:
    return message.parse(json.dumps(event(**detail)))


def test_a_failed_call_becomes_capacity_once_it_is_reported() -> None:
    web = full_cluster()
    call(web, count=2, clientToken="a")
    web.world.run(110)
    assert web.target == 1

    web.world.run(30)
    assert web.target == 3


def test_without_a_trail_nothing_is_known_of_it() -> None:
    web = World(seed=1).group_cluster("web", 1, **QUIET)
    web.batch_task(web.instances()[0], None, cpu=2048)
    web.define("batch", 2048, 256)
    call(web)
    web.world.run(600)

    assert web.target == 1


def test_a_call_to_a_cluster_without_an_instance_is_one_too() -> None:
    web = full_cluster(instances=0)
    call(web)
    web.world.run(140)

    assert web.target == 1


def test_a_caller_that_repeats_its_call_is_one_demand_also_if_all_are_reported_together() -> None:
    web = full_cluster()
    trail = web.world.suite.report_failed_calls()
    for number in range(10):
        trail.late_s = (300.0 - 20 * number,) * 2
        call(web, clientToken=f"try-{number}")
        web.world.run(20)
    web.world.run(140)

    assert web.target == 2


def test_calls_at_the_same_time_are_several() -> None:
    web = full_cluster()
    for number in range(4):
        call(web, clientToken=f"run-{number}")
    web.world.run(140)

    assert web.target == 5


def test_what_has_room_by_the_time_it_is_reported_adds_nothing() -> None:
    web = full_cluster()
    call(web)
    for task in web.tasks():
        web.world.account.scheduler.stop(task)
    web.world.run(140)

    assert web.target == 1


def test_the_demand_ends_when_the_caller_is_silent() -> None:
    web = full_cluster()
    call(web)
    web.world.run(140)
    assert web.target == 2

    for task in web.tasks():
        web.world.account.scheduler.stop(task)
    web.world.run(3600)
    assert web.target == 0


def test_calls_of_the_launch_queue_are_not_counted_again() -> None:
    web = full_cluster()
    web.world.suite.launch(cluster="web", taskDefinition="batch", deadline=60)
    web.world.run(20)
    assert web.target == 2

    before = [line.message for line in web.world.suite.telemetry.decisions()]
    assert web.world.suite.telemetry.counts.get("RunTaskFailuresSaid", 0) == 0, before
    web.world.run(280)
    assert web.world.suite.telemetry.counts.get("RunTaskFailuresSaid", 0) == 0


@pytest.mark.parametrize("params", [{"cluster": "theirs"}, {"launchType": "FARGATE"}])
def test_what_is_not_ours_is_nobodys_mistake(params: dict[str, Any]) -> None:
    web = full_cluster()
    web.world.account.scheduler.clusters["theirs"] = Cluster("theirs")
    call(web, **params)
    web.world.run(140)

    dead = web.world.suite.failures.dead_letters
    assert dead is not None
    assert not dead.messages
    assert web.target == 1


def test_a_task_definition_that_is_gone_is_nobodys_mistake() -> None:
    web = full_cluster()
    call(web)
    definitions = web.world.account.scheduler.definitions
    for arn in [arn for arn in definitions if "/batch:" in arn]:
        del definitions[arn]
    web.world.run(140)

    dead = web.world.suite.failures.dead_letters
    assert dead is not None
    assert not dead.messages


def test_what_is_missing_is_what_was_asked_for_less_what_has_started() -> None:
    """ECS may name each instance without room as one of the failures."""
    failures = [{"reason": "RESOURCE:MEMORY", "arn": f"arn:{number}"} for number in range(8)]
    answer = {"tasks": [{"taskArn": "arn:1"}], "failures": failures}

    assert parsed(responseElements=answer).count == 1
    assert parsed(responseElements=None, errorMessage=reported_call.NO_INSTANCES).count == 2


@pytest.mark.parametrize(
    ("overrides", "known"),
    [
        ("HIDDEN_DUE_TO_SECURITY_REASONS", {}),
        (None, {}),
        ({"containerOverrides": "HIDDEN_DUE_TO_SECURITY_REASONS"}, {"containerOverrides": []}),
        (
            {
                "cpu": "HIDDEN_DUE_TO_SECURITY_REASONS",
                "containerOverrides": [{"name": "app", "cpu": 512, "memory": None}],
            },
            {"containerOverrides": [{"name": "app", "cpu": 512}]},
        ),
    ],
)
def test_what_cloudtrail_hides_is_left_out(overrides: Any, known: Any) -> None:
    asked = {"cluster": "web", "taskDefinition": "batch", "overrides": overrides}
    failure = parsed(requestParameters=asked)

    assert failure.overrides == known


def test_hako_and_the_suite_tell_of_their_calls_themselves() -> None:
    asked = {"taskDefinition": "batch", "startedBy": "hako oneshot"}

    assert parsed(requestParameters=asked).count == 0
    assert parsed(userAgent="Boto3/1.44 md/Botocore ecs-steady").count == 0
    assert parsed(requestParameters={"taskDefinition": "batch"}).cluster == "default"


@pytest.mark.parametrize(
    ("detail", "what"),
    [
        ({"requestParameters": None}, "detail.requestParameters is None"),
        ({"requestParameters": {"cluster": "web"}}, "taskDefinition is None"),
        ({"requestParameters": {"taskDefinition": "batch", "count": "2"}}, "count is '2'"),
        ({"eventTime": "yesterday"}, "time is 'yesterday'"),
    ],
)
def test_an_odd_event_is_refused_with_the_field_and_its_value(detail: dict[str, Any], what: str) -> None:
    with pytest.raises(Malformed, match=what):
        parsed(**detail)
