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
from simulator.simulation import Scenario, simulate
from simulator.workload.plan import ClusterPlan, Job, ServiceChange
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
    ("target", "datapoints", "wanted"),
    [
        (10, [76.0], 11),
        (5, [76.0], 6),
        (30, [80.0], 33),
        (10, [75.0], 10),
        (10, [49.0] * 14, 10),
        (10, [49.0] * 15, 9),
        (10, [49.0] * 14 + [50.0], 10),
        (10, [], 10),
    ],
)
def test_reservation_alarms_step_by_a_tenth_up_and_by_one_down(
    target: int, datapoints: list[float], wanted: int
) -> None:
    assert reservation_alarms.wanted(target, datapoints) == wanted


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
