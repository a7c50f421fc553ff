"""Instance ids that are none: they are set aside, and the notices beside them are followed."""

from __future__ import annotations

from typing import Any

import pytest

from interruption_handler.notices import lifecycle_terminate, spot_interruption
from simulator.world import World
from tests.simulator.reclaims import busy_fleet

# A lone surrogate fails in the form of a query call. The others would change the filter of ListContainerInstances.
ODD = ["i-\ud800", "i-1] or [i-2", "i-1, i-2", "i-é", " ", "x" * 255]


def put(world: World, sample: Any, **detail: Any) -> None:
    world.account.messaging.put_event({**sample, "detail": {**sample["detail"], **detail}})


@pytest.mark.parametrize("odd", ODD)
def test_a_spot_warning_with_an_odd_id_delays_no_other(odd: str) -> None:
    world = World(seed=5, duplicates=0.0)
    fleet = busy_fleet(world)

    for _ in range(3):
        put(world, spot_interruption.SAMPLE, **{"instance-id": odd})
    fleet.reclaim(2)
    world.run(125)

    assert world.suite.notices.dead_letters
    assert len(world.suite.notices.dead_letters.messages) == 3
    assert (world.account.killed_tasks, world.account.balancing.failed_requests) == (0, 0)


@pytest.mark.parametrize("field", ["EC2InstanceId", "AutoScalingGroupName", "LifecycleHookName"])
@pytest.mark.parametrize("odd", ODD[:2])
def test_a_lifecycle_action_with_an_odd_name_delays_no_other(field: str, odd: str) -> None:
    world = World(seed=6, duplicates=0.0)
    web = world.group_cluster("web", 3, mode="paused")
    web.pool.heartbeat_s = 30.0  # type: ignore[union-attr]
    web.service("api", 3, requests_per_s=2)
    world.run(60)
    leaving = web.ec2_instances()[0]

    for _ in range(3):
        put(world, lifecycle_terminate.SAMPLE, **{"EC2InstanceId": "i-0123456789abcdef0", field: odd})
    world.account.groups.fail(leaving)
    world.run(600)

    assert [f for function in world.suite.functions() for f in function.failures] == []
    assert not leaving.alive
    assert (world.account.killed_tasks, world.account.balancing.failed_requests) == (0, 0)
