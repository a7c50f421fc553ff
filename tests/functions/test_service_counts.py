"""What the counts of services say of tasks that ECS must start before it stops others."""

from __future__ import annotations

from typing import Any

import pytest

from steady.aws.scaling.services import _going, _lacking, _startable
from steady.cluster import Service


def described(**fields: Any) -> Any:
    return {"desiredCount": 10, "runningCount": 10, "pendingCount": 0, **fields}


def deployment(desired: int, running: int, pending: int = 0, **fields: Any) -> dict[str, Any]:
    return {"desiredCount": desired, "runningCount": running, "pendingCount": pending, **fields}


@pytest.mark.parametrize(
    ("parts", "lacking"),
    [
        ({}, 0),
        ({"deployments": [deployment(10, 10)]}, 0),
        ({"deployments": [deployment(10, 0, 2), deployment(10, 10)]}, 8),
        ({"deployments": [deployment(10, 0, rolloutState="FAILED"), deployment(10, 10)]}, 0),
        ({"taskSets": [{"computedDesiredCount": 5, "runningCount": 1, "pendingCount": 1}]}, 3),
        ({"deployments": [{}]}, 0),
    ],
)
def test_each_deployment_lacks_its_own_tasks(parts: dict[str, Any], lacking: int) -> None:
    assert _lacking(_going(described(**parts))) == lacking


@pytest.mark.parametrize(("percent", "startable"), [(None, 10), (200, 10), (125, 2), (100, 0)])
def test_the_maximum_percent_bounds_what_is_started_first(percent: int | None, startable: int) -> None:
    fields = {} if percent is None else {"deploymentConfiguration": {"maximumPercent": percent}}
    assert _startable(described(**fields)) == startable


def test_a_service_lacks_what_is_missing_and_what_is_started_first_but_not_twice() -> None:
    service = Service("api", 10, 7, 0, "api:1", deploying=3, displaced=4, startable=13)

    assert service.missing == 7
    assert Service("api", 10, 7, 0, "api:1").missing == 3
