"""The RunTask-failure topic: hako's five fields, and messages that say the whole of what RunTask was asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from simulator.errors import AwsError
from simulator.faults import Hooked
from simulator.suite import FAILURE_TOPIC
from simulator.world import SimulatedCluster, World
from tests.simulator.scaled_clusters import message

QUIET = {"start_at_once_share": 0, "learning": "off", "cpu_reservation_high": 100, "memory_reservation_high": 100}


def say(web: SimulatedCluster, **fields: Any) -> None:
    web.world.account.messaging.publish(FAILURE_TOPIC, json.dumps({"cluster": "web", "hako_task_id": "a", **fields}))


def worlds_of_a_port(seed: int = 1) -> SimulatedCluster:
    """A cluster with much CPU and memory free, where the port of a batch task is taken."""
    web = World(seed=seed).group_cluster("web", 1, **QUIET)
    web.service("web", 1, cpu=128, memory=128, container_port=8080, host_port=8080)
    web.define("batch", 256, 256, container_port=8080, host_port=8080)
    web.world.run(30)
    return web


def definition(web: SimulatedCluster) -> str:
    return next(arn for arn in web.world.account.scheduler.definitions if "/batch:" in arn)


def test_a_message_with_a_task_definition_is_known_to_need_another_instance() -> None:
    web = worlds_of_a_port()
    say(web, task_definition=definition(web))
    web.world.run(20)

    assert web.target == 2, "by CPU and memory alone it would fit on the first instance"


def test_five_fields_of_hako_are_enough() -> None:
    web = World(seed=2).group_cluster("web", 1, **QUIET)
    web.batch_task(web.instances()[0], None, cpu=2048)
    web.world.account.messaging.publish(FAILURE_TOPIC, message("a"))
    web.world.run(20)

    assert web.target == 2


@pytest.mark.parametrize(
    ("fields", "target"),
    [
        ({"count": 2}, 3),
        ({"count": 4, "overrides": {"cpu": "1024"}}, 3),
        ({"count": 4, "overrides": {"containerOverrides": [{"name": "app", "cpu": 1024}]}}, 3),
        ({"count": 2, "overrides": {"cpu": "512"}}, 2),
        ({"count": 3, "overrides": {"cpu": "512"}, "placement_constraints": [{"type": "distinctInstance"}]}, 4),
    ],
)
def test_count_overrides_and_constraints_are_those_of_the_call(fields: dict[str, Any], target: int) -> None:
    web = World(seed=3).group_cluster("web", 1, **QUIET)
    web.batch_task(web.instances()[0], None, cpu=2048)
    web.define("batch", 2048, 256)
    say(web, task_definition=next(a for a in web.world.account.scheduler.definitions if "/batch:1" in a), **fields)
    web.world.run(20)

    assert web.target == target


@pytest.mark.parametrize(
    "fields",
    [
        {"task_definition": "unknown:1"},
        {"task_definition": "batch:1", "overrides": "cpu"},
        {"task_definition": "batch:1", "count": 11},
        {"task_definition": "batch:1", "placement_constraints": "distinctInstance"},
    ],
)
def test_an_odd_message_is_set_aside_and_stops_no_other(fields: dict[str, Any]) -> None:
    web = World(seed=4).group_cluster("web", 1, **QUIET)
    web.batch_task(web.instances()[0], None, cpu=2048)
    say(web, **fields)
    web.world.account.messaging.publish(FAILURE_TOPIC, message("good"))
    web.world.run(20)

    assert web.target == 2
    dead = web.world.suite.failures.dead_letters
    assert dead is not None
    assert len(dead.messages) == 1


@pytest.mark.parametrize(
    ("error", "set_aside"),
    [
        (AwsError("ServerException", "Service Unavailable. Please try again later.", 503), 0),
        (AwsError("ThrottlingException", "Rate exceeded"), 0),
        (AwsError("AccessDeniedException", "not authorized"), 1),
    ],
    ids=lambda value: getattr(value, "code", ""),
)
def test_a_shape_that_ecs_does_not_tell_now_is_left_to_the_launcher(error: AwsError, set_aside: int) -> None:
    """It repeats its call, and its message; what no later call would tell is kept for people."""
    web = World(seed=4, duplicates=0.0).group_cluster("web", 1, **QUIET)

    def refuse(at: str, name: str) -> None:
        if name == "ecs:DescribeTaskDefinition":
            raise error

    web.world.account.endpoint.fault = Hooked(refuse)
    say(web, task_definition="batch:1")
    web.world.run(60)

    dead = web.world.suite.failures.dead_letters
    assert dead is not None
    assert len(dead.messages) == set_aside
