"""A pool that takes no change of its target: tasks go to the others, and it shrinks as far as AWS lets it."""

from __future__ import annotations

import pytest

from simulator.errors import AwsError
from simulator.faults import Fault, Try
from simulator.several_pools import cluster_of_pools
from simulator.workload.pool_plan import PoolPlan
from simulator.world import SimulatedCluster, World
from steady.pools import PoolKind
from tests.simulator.spot_groups import fleet_of
from tests.simulator.test_several_pools import FLEET, GROUP, QUIET, targets

CHANGES = {
    PoolKind.AUTO_SCALING_GROUP: "autoscaling:SetDesiredCapacity",
    PoolKind.SPOT_FLEET: "ec2:ModifySpotFleetRequest",
}


class RefusesChanges(Fault):
    """AWS refuses to change the pool, whose name ends with `spot`."""

    def __init__(self, kind: PoolKind, error: AwsError) -> None:
        self.name, self.error, self.at = CHANGES[kind], error, list[float]()

    def before(self, tried: Try) -> None:
        if tried.name == self.name and any(str(value).endswith("-spot") for value in tried.params.values()):
            self.at.append(tried.at)
            raise self.error


def pools_of(world: World, kind: PoolKind, **thresholds: int | str) -> dict[str, SimulatedCluster]:
    plans = {
        "base": PoolPlan(GROUP, 2, parameters={"max_capacity": 20}),
        "spot": PoolPlan(kind, 2, parameters={"priority": 10, "max_capacity": 20}),
    }
    return cluster_of_pools(world, "web", plans, **{**QUIET, **thresholds})


@pytest.mark.parametrize("kind", PoolKind)
@pytest.mark.parametrize(
    "error", [AwsError("AccessDenied", "an SCP denies it", 403), AwsError("ValidationError", "delete in progress")]
)
def test_tasks_do_not_wait_for_a_pool_that_refuses_to_grow(kind: PoolKind, error: AwsError) -> None:
    world = World(seed=1)
    pools = pools_of(world, kind)
    world.run(60)
    fault = world.account.endpoint.fault = RefusesChanges(kind, error)
    pools["base"].service("api", tasks=12, cpu=1024, memory=3000)
    world.run(300)

    assert len(pools["base"].running()) == 12
    assert targets(pools) == {"base": 4, "spot": 2}
    assert len(fault.at) == 1, "one try a back-off"
    assert error.message in str(world.suite.telemetry.decisions()[-1].fields["reasons"])


def test_a_call_that_was_throttled_passes_no_pool_over() -> None:
    world = World(seed=2)
    pools = pools_of(world, GROUP)
    world.run(60)
    world.account.endpoint.fault = RefusesChanges(GROUP, AwsError("ScalingActivityInProgress", "wait"))
    pools["base"].service("api", tasks=12, cpu=1024, memory=3000)
    world.run(30)
    world.account.endpoint.fault = Fault()
    world.run(300)

    assert targets(pools) == {"base": 2, "spot": 4}


def test_a_fleet_of_type_request_does_not_grow_and_shrinks_without_a_change() -> None:
    world = World(seed=3)
    pools = pools_of(world, FLEET)
    world.run(60)
    fleet_of(pools["spot"]).type = "request"
    service = pools["base"].service("api", tasks=12, cpu=1024, memory=3000)
    world.run(300)
    assert (len(pools["base"].running()), targets(pools)["base"]) == (12, 4)

    world.account.scheduler.services.set_desired(service, 2)
    world.run(3600)
    assert len(pools["base"].running()) == 2
    assert sum(len(view.ec2_instances()) for view in pools.values()) <= 2
    assert world.suite.telemetry.errors() == []
    assert world.account.endpoint.counts["autoscaler"].calls["ec2:ModifySpotFleetRequest"] == 0


@pytest.mark.parametrize("state", ["failed", "cancelled_running", "cancelled_terminating", "cancelled"])
def test_a_fleet_that_no_longer_runs_gets_no_task(state: str) -> None:
    world = World(seed=4)
    pools = pools_of(world, FLEET)
    world.run(60)
    if state.startswith("cancelled"):
        world.account.fleets.cancel(fleet_of(pools["spot"]), terminates=state != "cancelled_running")
    fleet_of(pools["spot"]).state = state
    pools["base"].service("api", tasks=12, cpu=1024, memory=3000)
    world.run(600)

    assert len(pools["base"].running()) == 12
    assert any("there is no running Spot Fleet request" in line for line in world.suite.telemetry.errors())
