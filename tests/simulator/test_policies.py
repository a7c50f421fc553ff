"""The peers' formulas, each on its published worked example, and each on a world of its own."""

from __future__ import annotations

import pytest

from simulator import comparison
from simulator.policies import (
    POLICIES,
    cluster_autoscaler,
    cookpad_2018,
    escalator,
    managed_scaling,
    reservation_alarms,
)
from simulator.policies.node_pool import NodePool
from simulator.policies.peer import Look, look_every
from simulator.simulation import Scenario, simulate
from simulator.workload.plan import ClusterPlan, Job, ServiceChange, SpotMarket
from simulator.world import World
from steady.cluster import Size, TaskShape
from steady.pools import PoolKind
from steady.scaling.room import Room, room_on
from tests.unit.snapshots import INSTANCE, instance, service, snapshot

HALF = TaskShape(Size(1024, 1000))


def test_escalator_asks_for_six_more_when_two_nodes_are_at_250_percent() -> None:
    assert escalator.wanted(nodes=2, percent=250.0) == 6


@pytest.mark.parametrize(("percent", "change"), [(70.0, 0), (45.0, 0), (44.9, -2), (30.0, -2), (29.9, -5)])
def test_escalator_taints_slowly_and_fast(percent: float, change: int) -> None:
    assert escalator.wanted(nodes=10, percent=percent) == change


@pytest.mark.parametrize(
    ("needed", "instances", "percent"), [(2, 2, 100.0), (4, 2, 200.0), (1, 4, 25.0), (0, 0, 100.0), (3, 0, 200.0)]
)
def test_managed_scalings_metric_is_100_m_over_n(needed: int, instances: int, percent: float) -> None:
    assert managed_scaling.reservation(needed, instances) == percent


def test_managed_scaling_packs_what_is_provisioning() -> None:
    assert managed_scaling.needed_for((HALF, HALF, HALF), INSTANCE) == 2


@pytest.mark.parametrize(
    ("target", "percent", "wanted"), [(10, 76.0, 11), (5, 76.0, 6), (30, 80.0, 33), (30, 85.0, 39), (10, 75.0, 10)]
)
def test_reservation_alarms_step_by_a_tenth_and_by_three_tenths_far_over_the_threshold(
    target: int, percent: float, wanted: int
) -> None:
    assert reservation_alarms.wanted(target, [20.0, percent]) == wanted


def test_reservation_alarms_add_only_the_difference_within_the_warm_up() -> None:
    warm = reservation_alarms.WarmUp()
    warm.note(30, now=1000.0)

    assert reservation_alarms.wanted(33, [80.0], base=warm.base(33, now=1299.0)) == 33
    assert reservation_alarms.wanted(33, [90.0], base=warm.base(33, now=1299.0)) == 39
    assert reservation_alarms.wanted(33, [80.0], base=warm.base(33, now=1300.0)) == 36


@pytest.mark.parametrize(
    ("datapoints", "low"), [([49.0] * 14, False), ([49.0] * 15, True), ([49.0] * 14 + [50.0], False), ([], False)]
)
def test_reservation_alarms_scale_in_after_fifteen_minutes_under_the_threshold(
    datapoints: list[float], low: bool
) -> None:
    assert reservation_alarms.is_low(datapoints) is low


FALLING_BACK = ("cluster-autoscaler", "karpenter", "karpenter-any-size", "reservation-alarms", "steady")


@pytest.mark.parametrize("policy", FALLING_BACK)
@pytest.mark.parametrize("kind", list(PoolKind))
def test_with_the_market_empty_tasks_run_on_demand_and_are_paid_so(policy: str, kind: PoolKind) -> None:
    """Half an hour in, the market is empty: twelve jobs come, which only on-demand instances can run."""
    jobs = tuple(Job(2400 + n, "batch", Size(1024, 2000), 900) for n in range(12))
    services = (ServiceChange(0, "api", 2, Size(512, 1000)),)
    market = SpotMarket(1800, (4,) + (0,) * 7)
    plan = ClusterPlan("work", kind, "m5.large", jobs=jobs, services=services, market=market, on_spot=True)

    figures = simulate(policy, Scenario((plan,), hours=4)).figures

    hours = figures["instance_hours_by"]
    assert figures["unplaced_tasks"] == 0
    assert sum(hours["on-demand"].values()) > 12 * 900 / 3600 / 2
    assert sum(hours["spot"].values()) > 0.5


@pytest.mark.parametrize("kind", list(PoolKind))
def test_karpenter_replaces_on_demand_nodes_by_spot_once_the_market_is_back(kind: PoolKind) -> None:
    """The market is empty from 30 to 60 minutes; the service stays. In the end its nodes are Spot again."""
    services = (ServiceChange(0, "api", 4, Size(512, 1000)),)
    market = SpotMarket(1800, (4, 0, *(4,) * 6))
    plan = ClusterPlan("work", kind, "m5.large", services=services, market=market, on_spot=True)

    hours = [simulate("karpenter", Scenario((plan,), hours=each)).figures["instance_hours_by"] for each in (2, 4)]

    assert sum(hours[0]["on-demand"].values()) > 0.4
    assert sum(hours[1]["on-demand"].values()) < sum(hours[0]["on-demand"].values()) + 0.2
    assert sum(hours[1]["spot"].values()) > sum(hours[0]["spot"].values()) + 1.5


@pytest.mark.parametrize("policy", ["managed-instances", "managed-scaling-two-providers"])
def test_a_strategy_buys_its_share_on_demand_and_is_no_fallback(policy: str) -> None:
    """Ten jobs of half an hour fill ten instances. An hour in, the market is empty, and ten more come."""
    jobs = tuple(Job(at_s + n, "batch", Size(2000, 7000), 1800) for at_s in (60, 3700) for n in range(10))
    market = SpotMarket(3600, (4, 0))
    plan = ClusterPlan("work", PoolKind.SPOT_FLEET, "m5.large", jobs=jobs, market=market, on_spot=True)

    early, late = (simulate(policy, Scenario((plan,), hours=hours)).figures for hours in (1, 1.5))

    bought = {how: sum(hours.values()) for how, hours in early["instance_hours_by"].items()}
    assert 0 < bought["on-demand"] < bought["spot"]
    assert early["unplaced_tasks"] == 0
    # No Spot: seven or eight of ten wait.
    assert late["unplaced_tasks"] >= 5


def test_cluster_autoscaler_packs_what_is_pending_after_what_is_there_and_coming() -> None:
    pending = [HALF] * 5
    there = [instance(0, Size(1024, 1000))]

    def rooms() -> list[Room]:
        return room_on(there, snapshot(there))

    assert cluster_autoscaler.nodes_to_add(pending, rooms(), coming=0, size=INSTANCE) == 2
    assert cluster_autoscaler.nodes_to_add(pending, rooms(), coming=1, size=INSTANCE) == 1
    assert cluster_autoscaler.nodes_to_add(pending, [], coming=0, size=None) == 1


def test_cookpads_three_rules_add_up() -> None:
    world = snapshot([instance(0, Size(2048, 8000))], services=[service("api", 3)])

    assert cookpad_2018.wanted(world, messages=7) == 3
    assert cookpad_2018.wanted(snapshot([instance(0)]), messages=0) == 0


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("kind", list(PoolKind))
def test_every_policy_grows_with_the_work_and_shrinks_after_it(policy: str, kind: PoolKind) -> None:
    plan = ClusterPlan(
        "work",
        kind,
        "m5.large",
        jobs=tuple(Job(600 + n, "batch", Size(1024, 2000), 900) for n in range(12)),
        services=(ServiceChange(0, "api", 2, Size(512, 1000)),),
    )

    outcome = simulate(policy, Scenario((plan,), hours=4))

    sizes = [s.instances for s in outcome.clusters[0].samples]
    assert outcome.figures["unplaced_tasks"] == 0
    assert max(sizes) >= 4
    assert sizes[-1] <= 3
    assert outcome.figures["instance_hours"] >= outcome.figures["lower_bound_instance_hours"]


def test_promises_that_need_a_run_that_was_not_made_are_left_out() -> None:
    ours, peer = (
        comparison.Row(name, 0, 0, 0, 2.0, 8.0, 3.0, 1.0, 0, 0, 0, 0, 100, 1.0, 1.0)
        for name in (comparison.OURS, "escalator")
    )
    workload = comparison.WORKLOADS[0]

    alone = comparison.Comparison(workload, 10.0, 11.0, (ours,)).promises()
    beside = comparison.Comparison(workload, 10.0, 11.0, (ours, peer)).promises()

    assert len(beside) == len(alone) + 1
    assert beside[1:] == alone
    assert comparison.Comparison(workload, 10.0, 11.0, (peer,)).promises() == []


def test_a_peer_that_a_changing_fleet_refuses_tries_again_at_its_next_look() -> None:
    """EC2 refuses a change while the last one is not done, although the look has seen nothing of that."""
    world = World(seed=1, scaling=False)
    cluster = world.spot_cluster("work", 2)
    targets: list[int] = []

    def step(look: Look) -> None:
        targets.append(look.pool.target)
        look.ask_for(3)
        look.ask_for(4)

    look_every(60, "peer", cluster, list, step)
    world.run(200)

    assert targets[:3] == [2, 3, 4]


def test_a_pool_of_several_sizes_is_bounded_by_capacity_and_not_by_nodes() -> None:
    """karpenter.sh, "NodePools", `spec.limits`: of CPU and memory. Three of the largest are six of half its size."""
    cluster = World(seed=1, scaling=False).spot_cluster("web", 0, "m5.xlarge")
    nodes = NodePool(cluster, ("m5.large", "m5.xlarge"))

    assert nodes.within(["m5.large"] * 9, 3) == ["m5.large"] * 6
    assert nodes.within(["m5.xlarge", "m5.large", "m5.xlarge", "m5.xlarge"], 3) == [
        "m5.xlarge",
        "m5.large",
        "m5.xlarge",
    ]
    nodes.launch_spot(["m5.large"] * 5)
    assert nodes.within(["m5.large", "m5.large"], 3) == ["m5.large"]


def test_the_largest_workload_fits_any_size_of_nodes() -> None:
    jobs = tuple(Job(60 + n, "batch", Size(900, 900), 900) for n in range(60))
    plan = ClusterPlan("work", PoolKind.SPOT_FLEET, "m5.2xlarge", jobs=jobs, on_spot=True)

    figures = simulate("karpenter-any-size", Scenario((plan,), hours=0.5, thresholds={"max_capacity": 8})).figures

    assert figures["unplaced_tasks"] == 0
