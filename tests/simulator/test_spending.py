"""What the dollars of a cluster are for, minute by minute."""

from __future__ import annotations

import pytest

from simulator.bench.clairvoyant.spending import BOOTS, FALLBACK, KINDS, LATE, PINNED, ROOM, WHOLE, WORK, Spending
from simulator.world import SimulatedCluster, World

# m5.large: 2,048 CPU units; 0.096 USD an hour, and 0.0384 on Spot.
SPOT = 0.096 * 0.4


@pytest.fixture
def cluster() -> SimulatedCluster:
    """Four Spot Instances: two with batch tasks, one with a task of a service, one without any."""
    world = World(scaling=False)
    cluster = world.spot_cluster("batch", 4)
    first, second, third, _ = cluster.instances()
    cluster.batch_task(first, None, cpu=2048)
    cluster.batch_task(second, None, cpu=512)
    world.account.scheduler.start(third, cluster.define("api", 256, 256), "service:api", None)
    return cluster


def minute(cluster: SimulatedCluster, spending: Spending) -> dict[str, float]:
    spending.minutes.clear()
    spending.look(cluster)
    return {kind: usd / SPOT for kind, usd in spending.minutes.items() if usd}


def test_the_fullest_instances_hold_all_work_and_the_others_are_spare(cluster: SimulatedCluster) -> None:
    # 1 + 0.25 + 0.125 instances are reserved: two would do. The third has a task of a service, the fourth has none.
    found = minute(cluster, Spending(180))

    assert found == {WORK: pytest.approx(1.375), WHOLE: pytest.approx(0.625), ROOM: pytest.approx(2)}


def test_what_only_a_batch_task_holds_is_pinned(cluster: SimulatedCluster) -> None:
    third = cluster.instances()[2]
    cluster.batch_task(third, None, cpu=16)

    assert minute(cluster, Spending(180))[PINNED] == pytest.approx(1)


def test_an_instance_that_is_empty_for_longer_than_the_delay_is_late(cluster: SimulatedCluster) -> None:
    spending = Spending(180)

    assert LATE not in minute(cluster, spending)
    cluster.world.run(181)
    assert minute(cluster, spending)[LATE] == pytest.approx(1)


def test_boots_and_what_on_demand_costs_more_are_counted_apart(cluster: SimulatedCluster) -> None:
    pool = cluster.pool
    cluster.world.account.fleets.modify_spot_fleet_request(
        {"SpotFleetRequestId": pool.id, "TargetCapacity": 5, "OnDemandTargetCapacity": 1}  # type: ignore[union-attr]
    )
    cluster.world.run(30)

    found = minute(cluster, Spending(180))

    assert found[BOOTS] == pytest.approx(1)
    assert found[FALLBACK] == pytest.approx(1 / 0.4 - 1)


def test_the_kinds_add_up_to_what_was_paid(cluster: SimulatedCluster) -> None:
    spending = Spending(180)
    spending.look(cluster)

    assert sum(spending.dollars(7.0).values()) == pytest.approx(7.0)
    assert set(spending.dollars(7.0)) == set(KINDS)
    assert set(Spending(180).dollars(0.0).values()) == {0.0}
