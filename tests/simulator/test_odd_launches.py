"""Odd requests of the launch queue: each ends with one clear line, and costs no other."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.errors import AwsError
from simulator.faults import Hooked
from simulator.world import World
from tests.simulator.test_task_launcher import QUIET, dead_letters, launch

BOTH = {"launchType": "EC2", "capacityProviderStrategy": [{"capacityProvider": "own"}]}


@pytest.mark.parametrize("gang", [{}, {"count": 2, "all_or_nothing": True}], ids=["task", "gang"])
@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"count": 0}, "count is 0: a whole number from 1 to 10 is needed"),
        ({"count": 11}, "count is 11"),
        ({"deadline": -1}, "deadline is -1"),
        ({"cluster": "nope"}, "cluster nope is not managed"),
        ({"family": "unknown"}, "Unable to describe task definition"),
        ({"family": "small:99"}, "Unable to describe task definition"),
        ({"overrides": {"cpu": "lots"}}, "Invalid cpu or memory value"),
        (BOTH, "not both"),
        ({"placementConstraints": [{"type": "memberOf", "expression": "((("}]}, "Invalid filter"),
    ],
    ids=lambda value: "" if isinstance(value, str) else ",".join(value),
)
def test_an_odd_request_is_set_aside_with_its_reason(fields: dict[str, Any], reason: str, gang: dict[str, Any]) -> None:
    web = World(seed=1, duplicates=0.0).group_cluster("web", 1, **QUIET)
    web.define("small", 100, 100)
    asked = {"cluster": "web", "taskDefinition": fields.get("family", "small"), **gang, **fields}
    asked.pop("family", None)
    web.world.suite.launch(**asked)
    launch(web, "small", clientToken="good", group="good")
    web.world.run(30)

    assert len(web.tasks("good")) == 1
    [said] = dead_letters(web)
    assert reason in said


def test_a_gang_whose_try_always_fails_is_given_up_after_its_deadline() -> None:
    web = World(seed=2, duplicates=0.0).group_cluster("web", 1, **QUIET)
    web.define("small", 100, 100)

    def refuse(at: str, name: str) -> None:
        if (at, name) == ("before", "ecs:DescribeTaskDefinition"):
            raise AwsError("ServerException", "Service Unavailable. Please try again later.", 503)

    web.world.account.endpoint.fault = Hooked(refuse)
    launch(web, "small", count=2, all_or_nothing=True, deadline=60)
    web.world.run(180)

    assert ["Service Unavailable" in reason for reason in dead_letters(web)] == [True]
