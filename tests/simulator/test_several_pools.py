"""A cluster with several pools: each task goes to a pool that holds it, and one broken pool stops no other."""

from __future__ import annotations

import json

import pytest

from simulator.ecs.launching import Launch
from simulator.several_pools import cluster_of_pools
from simulator.suite import FAILURE_TOPIC, LEDGER_TABLE
from simulator.workload.pool_plan import PoolPlan
from simulator.world import SimulatedCluster, World
from steady.aws.scaling import deciding, ledger
from steady.aws.settings import parameters
from steady.pools import PoolKind
from steady.scaling.parts import instance_hours
from steady.scaling.state import ScalingState

GROUP, FLEET = PoolKind.AUTO_SCALING_GROUP, PoolKind.SPOT_FLEET
QUIET = {"start_at_once_share": 0, "learning": "off", "expander": "priority"}


def two_pools(world: World, **thresholds: int | str) -> dict[str, SimulatedCluster]:
    """Build a cluster with an on-demand group, and a Spot Fleet that grows before it."""
    pools = {
        "base": PoolPlan(GROUP, 2, parameters={"max_capacity": 20}),
        "spot": PoolPlan(FLEET, 2, parameters={"priority": 10, "max_capacity": 20}),
    }
    return cluster_of_pools(world, "web", pools, **{**QUIET, **thresholds})


def targets(pools: dict[str, SimulatedCluster]) -> dict[str, int]:
    return {name: view.target for name, view in pools.items()}


def test_the_pool_with_the_highest_priority_grows_for_tasks_that_wait() -> None:
    world = World(seed=1)
    pools = two_pools(world)
    service = pools["base"].service("api", tasks=12, cpu=1024, memory=3000)
    world.run(600)

    assert len(pools["base"].running()) == 12
    assert targets(pools) == {"base": 2, "spot": 4}
    assert service.desired == 12


def test_what_is_over_a_pools_maximum_goes_to_the_next_pool() -> None:
    world = World(seed=2)
    plans = {
        "base": PoolPlan(GROUP, 1, parameters={"max_capacity": 20}),
        "spot": PoolPlan(FLEET, 1, parameters={"priority": 10, "max_capacity": 3}),
    }
    pools = cluster_of_pools(world, "web", plans, **QUIET)
    pools["base"].service("api", tasks=12, cpu=1024, memory=3000)
    world.run(900)

    assert len(pools["base"].running()) == 12
    assert targets(pools) == {"base": 3, "spot": 3}


def test_a_task_that_only_one_pool_holds_goes_there() -> None:
    world = World(seed=3)
    plans = {
        "large": PoolPlan(GROUP, 0, {"m5.4xlarge": 1}),
        "small": PoolPlan(FLEET, 1, parameters={"priority": 10}),
    }
    pools = cluster_of_pools(world, "web", plans, **QUIET)
    pools["small"].service("big", tasks=2, cpu=8192, memory=20_000)
    pools["small"].service("tiny", tasks=6, cpu=512, memory=1500)
    world.run(900)

    assert len(pools["small"].running()) == 8
    assert targets(pools)["large"] == 1
    assert targets(pools)["small"] <= 2


def test_a_pool_that_gets_no_capacity_is_passed_over_and_tried_again() -> None:
    world = World(seed=4)
    pools = two_pools(world)
    world.account.spot.set_available(pools["spot"].pool, 0.0)  # type: ignore[arg-type]
    world.run(120)
    pools["base"].service("api", tasks=12, cpu=1024, memory=3000)
    world.run(300)

    assert len(pools["base"].running()) == 12
    assert targets(pools) == {"base": 4, "spot": 2}
    assert "the pool does not deliver" in str(world.suite.telemetry.decisions()[-1].fields["reasons"])
    world.account.spot.set_available(pools["spot"].pool, 1.0)  # type: ignore[arg-type]
    world.run(300)
    pools["base"].service("more", tasks=4, cpu=1024, memory=3000)
    world.run(600)
    assert len(pools["base"].running()) == 16
    assert targets(pools) == {"base": 4, "spot": 4}


def test_a_pool_whose_instances_do_not_register_costs_one_try_a_boot() -> None:
    world = World(seed=7)
    pools = two_pools(world, boot_timeout_seconds=300)
    world.run(60)
    pools["base"].service("api", tasks=10, cpu=1024, memory=3000)
    for _ in range(90):
        for one in pools["spot"].ec2_instances():
            one.boots = one.container_instance is not None
        world.run(10)

    # One try until healing has terminated its instance; the next one once the back-off is over.
    assert len(pools["base"].running()) == 10
    assert targets(pools) == {"base": 3, "spot": 2}
    assert sum(not i.boots for i in world.account.ec2.instances.values()) == 1


@pytest.mark.parametrize("broken", ["base", "spot"])
def test_a_pool_that_is_gone_stops_no_other(broken: str) -> None:
    world = World(seed=5)
    pools = two_pools(world)
    world.run(60)
    if broken == "base":
        del world.account.groups.groups["web-base"]
    else:
        del world.account.fleets.fleets["sfr-web-spot"]
    pools["base"].service("api", tasks=16, cpu=1024, memory=3000)
    world.run(900)

    assert len(pools["base"].running()) == 16
    assert any(f"pool {broken} (" in line and "is left as it is" in line for line in world.suite.telemetry.errors())


def test_both_pools_shrink_once_the_work_is_over() -> None:
    world = World(seed=6)
    pools = two_pools(world)
    service = pools["base"].service("api", tasks=16, cpu=1024, memory=3000)
    world.run(900)
    service.desired = 2
    world.account.scheduler.services.reconcile(service)
    world.run(1800)

    assert len(pools["base"].running()) == 2
    assert sum(targets(pools).values()) <= 2


def test_the_pool_grows_whose_instances_cost_the_least() -> None:
    world = World(seed=8)
    plans = {"base": PoolPlan(GROUP, 1), "spot": PoolPlan(FLEET, 1, {"m5.xlarge": 1}), "lean": PoolPlan(FLEET, 1)}
    world.account.spot.prices |= {"m5.large": 0.05, "m5.xlarge": 0.07}
    pools = cluster_of_pools(world, "web", plans, **{**QUIET, "expander": "price"})
    pools["base"].service("api", tasks=16, cpu=1024, memory=3000)
    world.run(900)

    assert len(pools["base"].running()) == 16
    assert targets(pools) == {"base": 1, "spot": 3, "lean": 1}
    # The prices are kept for an hour.
    assert world.account.endpoint.counts["autoscaler"].calls["ec2:DescribeSpotPriceHistory"] == 1


def test_the_on_demand_share_is_kept_as_a_floor() -> None:
    world = World(seed=9)
    plans = {"base": PoolPlan(GROUP, 1), "spot": PoolPlan(FLEET, 1)}
    pools = cluster_of_pools(world, "web", plans, **{**QUIET, "expander": "price", "on_demand_share": 40})
    service = pools["base"].service("api", tasks=20, cpu=1024, memory=3000)
    world.run(900)

    assert len(pools["base"].running()) == 20
    assert targets(pools) == {"base": 4, "spot": 6}
    service.desired = 9
    world.account.scheduler.services.reconcile(service)
    for _ in range(60):
        world.run(60)
        base, spot = targets(pools).values()
        assert base >= 0.4 * (base + spot) - 1
    assert len(pools["base"].running()) == 9
    assert sum(targets(pools).values()) <= 7


def test_a_share_that_is_raised_launches_and_terminates_nothing_by_itself() -> None:
    world = World(seed=10)
    plans = {"base": PoolPlan(GROUP, 1), "spot": PoolPlan(FLEET, 4)}
    pools = cluster_of_pools(world, "web", plans, **{**QUIET, "expander": "price"})
    pools["base"].service("api", tasks=10, cpu=1000, memory=3000)
    world.run(300)
    world.account.parameters.put("/steady/clusters/web/on_demand_share", 60)
    world.run(900)
    assert targets(pools) == {"base": 1, "spot": 4}

    pools["base"].service("more", tasks=4, cpu=1000, memory=3000)
    world.run(600)
    assert targets(pools) == {"base": 3, "spot": 4}


def test_the_dearest_pool_shrinks_first_and_its_tasks_go_to_a_cheaper_one() -> None:
    world = World(seed=11)
    plans = {"base": PoolPlan(GROUP, 3), "spot": PoolPlan(FLEET, 3)}
    pools = cluster_of_pools(world, "web", plans, **{**QUIET, "expander": "price"})
    pools["base"].service("api", tasks=6, cpu=600, memory=2000)
    world.run(240)
    assert targets(pools) == {"base": 3, "spot": 3}
    world.run(1500)

    assert len(pools["base"].running()) == 6
    assert targets(pools)["base"] == 0
    assert targets(pools)["spot"] <= 3
    assert world.account.killed_tasks == 0


def test_pools_do_not_take_tasks_from_one_another_for_ever() -> None:
    world = World(seed=12)
    pools = two_pools(world, expander="price")
    pools["base"].service("api", tasks=7, cpu=900, memory=2500)
    world.run(3600)
    calm = targets(pools)
    begun = len(world.account.ec2.instances)
    world.run(4 * 3600)

    assert targets(pools) == calm
    assert len(world.account.ec2.instances) == begun


def test_instances_of_every_pool_are_served_out() -> None:
    world = World(seed=13)
    pools = two_pools(world)
    pools["base"].service("api", tasks=7, cpu=512, memory=1000, requests_per_s=5)
    world.run(120)
    pools["spot"].reclaim(1)
    scale_in = pools["base"].ec2_instances()[0]
    world.account.groups.terminate_instance_in_auto_scaling_group(
        {"InstanceId": scale_in.id, "ShouldDecrementDesiredCapacity": False}
    )
    world.run(600)

    assert len(pools["base"].running()) == 7
    assert world.account.killed_tasks == 0
    assert world.account.balancing.failed_requests == 0


def test_what_run_task_could_not_place_goes_to_a_pool_that_holds_it() -> None:
    world = World(seed=14)
    plans = {"large": PoolPlan(GROUP, 0, {"m5.4xlarge": 1}), "small": PoolPlan(FLEET, 1)}
    pools = cluster_of_pools(world, "web", plans, **{**QUIET, "expander": "price"})
    world.run(60)
    text = {"group_name": "web-large", "cluster": "web", "cpu": 8192, "memory": 20_000, "hako_task_id": "a"}
    world.account.messaging.publish(FAILURE_TOPIC, json.dumps(text))
    world.run(5)

    assert targets(pools) == {"large": 1, "small": 1}


def test_the_first_decision_about_a_calm_cluster_behind_capacity_providers_changes_nothing() -> None:
    """Two groups behind providers whose managed scaling is off, with a service on each, and one on Fargate."""
    world = World(seed=15)
    plans = {
        "base": PoolPlan(GROUP, 2, provider="of-base"),
        "spot": PoolPlan(GROUP, 3, on_spot=True, provider="of-spot"),
    }
    pools = cluster_of_pools(world, "web", plans, mode="dry-run")
    for name, tasks in (("base", 6), ("spot", 10)):
        launch = Launch.on(f"of-{name}")
        pools[name].service(f"on-{name}", tasks=tasks, cpu=512, memory=1500, launch=launch)
    pools["base"].service("serverless", tasks=5, launch=Launch.on("FARGATE"))
    runtime = world.suite.runtime("test")

    found = deciding.evaluate_dry(runtime, parameters.read_settings(runtime, "web"), ScalingState())

    assert {one.name: (one.decision.target, one.acts) for one in found.parts} == {
        "base": (2, False),
        "spot": (3, False),
    }


def test_what_is_remembered_of_a_pool_outlasts_a_time_in_which_it_cannot_be_read() -> None:
    world = World(seed=16)
    pools = two_pools(world)
    pools["base"].service("api", tasks=10, cpu=1024, memory=3000)
    world.run(900)
    runtime = world.suite.runtime("test")
    before = ledger.load(runtime, LEDGER_TABLE, "web").state.pools
    hidden = world.account.fleets.fleets.pop("sfr-web-spot")
    world.run(300)
    world.account.fleets.fleets["sfr-web-spot"] = hidden
    world.run(300)
    after = ledger.load(runtime, LEDGER_TABLE, "web").state

    assert before["spot"].boots_s
    assert after.pools["spot"].boots_s[: len(before["spot"].boots_s)] == before["spot"].boots_s
    # The report's hours are those of both pools.
    [of_day] = instance_hours(after, world.clock.now).values()
    assert set(of_day) == {"on-demand m5.large", "spot m5.large"}
