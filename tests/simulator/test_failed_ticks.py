"""A tick whose run fails: the autoscaler is told at once, and the cluster waits for nobody."""

from __future__ import annotations

import pytest

from simulator.clock import Crashed
from simulator.errors import AwsError
from simulator.faults import Fault, Refused, Try
from simulator.world import World

SEED = 3


class CrashOnce(Fault):
    """The first call of one name crashes its function, before it takes effect."""

    def __init__(self, name: str) -> None:
        self.name, self.at = name, 0.0

    def before(self, tried: Try) -> None:
        if tried.name == self.name and not self.at:
            self.at = tried.at
            raise Crashed


@pytest.mark.parametrize("call", ["autoscaling:SetDesiredCapacity", "ecs:ListServices", "dynamodb:PutItem"])
def test_after_a_crash_the_cluster_is_decided_within_seconds(call: str) -> None:
    world = World(SEED, duplicates=0.0)
    cluster = world.group_cluster("web", 1, min_capacity=1)
    world.run(90)
    fault = CrashOnce(call)
    world.account.endpoint.fault = fault
    world.account.parameters.put("/steady/clusters/web/min_capacity", "3")
    world.run(60)

    assert fault.at
    assert cluster.target == 3
    decided = next(
        line.at for line in world.suite.telemetry.decisions() if line.at > fault.at and line.fields["target"] == 3
    )
    assert decided - fault.at < 10


def test_a_tick_that_fails_again_and_again_makes_no_dead_letters() -> None:
    world = World(SEED, duplicates=0.0)
    world.group_cluster("web", 1)
    world.account.endpoint.fault = Refused(
        "ecs:ListContainerInstances", AwsError("AccessDeniedException", "no", 400), 900
    )
    world.run(900)

    assert world.suite.triggers.dead_letters is not None
    assert not world.suite.triggers.dead_letters.messages
    assert not world.suite.triggers.messages
    assert any("second try" in text for text in world.suite.telemetry.errors())
