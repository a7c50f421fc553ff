"""RunTask refuses some calls for what passes by itself: the request waits, as it does for want of room."""

from __future__ import annotations

import pytest

from simulator.errors import AwsError
from simulator.faults import Refused
from simulator.world import World
from tests.simulator.test_task_launcher import QUIET, dead_letters, events, launch

# AWS re:Post, "How do I troubleshoot an Amazon ECS RunTask API for a Fargate task that fails with a 'Capacity is
# unavailable' error?": "wait before you retry the RunTask API".
NO_CAPACITY = "Capacity is unavailable at this time. Please try again later or in a different availability zone"
# dask/dask-cloudprovider, issue 56: ECS has asked EC2, which throttles.
OF_EC2 = "Error retrieving {} information for [{}-1]: Request limit exceeded. (ErrorCode: RequestLimitExceeded)"


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("ClientException", NO_CAPACITY),
        ("InvalidParameterException", OF_EC2.format("security group", "sg")),
        ("InvalidParameterException", OF_EC2.format("subnet", "subnet")),
        ("ClientException", "Rate exceeded"),
    ],
)
def test_a_request_that_ecs_refuses_for_what_passes_waits_and_runs(code: str, text: str) -> None:
    web = World(seed=1).group_cluster("web", 1, **QUIET)
    web.define("report", 1024, 256)
    web.world.account.endpoint.fault = Refused("ecs:RunTask", AwsError(code, text), 60.0)

    launch(web)
    web.world.run(30)
    assert (web.tasks("family:report"), dead_letters(web)) == ([], [])

    web.world.run(120)
    assert len(web.tasks("family:report")) == 1
    assert dead_letters(web) == []
    assert events(web, "Launch Given Up") == []
