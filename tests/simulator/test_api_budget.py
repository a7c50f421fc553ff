"""The suite's share of the ECS API: kept by all functions together, the least urgent first to give way."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from simulator.endpoint import Call
from simulator.errors import AwsError
from simulator.faults import Down
from simulator.suite import LEDGER_TABLE
from simulator.world import SimulatedCluster, World
from steady.api_budget.limits import BUCKET_NAMED, BUCKET_OF
from steady.aws.api_budget.budget import Budget
from steady.scaling.reasons import ScaleInShed

READ = BUCKET_OF["DescribeTasks"]
SHARE = 0.3


def over_the_share(log: Iterable[Call], callers: Iterable[str], share: float = SHARE) -> float:
    """By how many calls the `callers` were ever over their `share` of a bucket, filled as AWS fills its own."""
    worst = 0.0
    spent: dict[str, tuple[float, float]] = {}
    wanted = set(callers)
    for call in sorted(log, key=lambda call: call.at):
        bucket = BUCKET_OF.get(call.name.removeprefix("ecs:"))
        if bucket is None or call.caller not in wanted:
            continue
        level, at = spent.get(bucket.name, (0.0, call.at))
        level = max(0.0, level - share * bucket.refill_per_s * (call.at - at)) + 1
        spent[bucket.name] = (level, call.at)
        worst = max(worst, level - share * bucket.burst)
    return worst


SCALING = ("autoscaler", "runtask-failure")
# Between the turn and the call lies the network, now a little faster, now slower.
JITTER = 1.0


def crowd(clusters: int = 40, **thresholds: int | str) -> tuple[World, list[SimulatedCluster]]:
    """Clusters that all tick in the same second."""
    world = World(seed=1, duplicates=0.0)
    world.account.endpoint.log = []
    here = [
        world.group_cluster(f"c-{number}", 2, min_capacity=0, max_capacity=20, **thresholds)
        for number in range(clusters)
    ]
    for cluster in here:
        cluster.service("api", 2, cpu=256, memory=256)
    return world, here


@pytest.mark.parametrize("share", [10, 30])
def test_clusters_that_tick_together_stay_within_the_share_together(share: int) -> None:
    world, here = crowd(api_share=share)

    world.run(600)

    assert world.account.endpoint.log
    assert over_the_share(world.account.endpoint.log, SCALING, share / 100) <= JITTER
    assert all(c.running() for c in here)


def test_while_the_ledger_is_silent_a_process_keeps_to_the_share_by_itself() -> None:
    world = World(seed=1, duplicates=0.0)
    world.group_cluster("large", 1000, min_capacity=1000, max_capacity=1000, api_share=10)
    world.account.endpoint.log = []
    world.account.endpoint.fault = Down("dynamodb")

    world.run(300)

    looked = [call for call in world.account.endpoint.log if call.name == "ecs:DescribeContainerInstances"]
    assert len(looked) >= 40
    assert over_the_share(world.account.endpoint.log, ["autoscaler"], 0.1) <= JITTER


def test_a_large_cluster_empties_its_instances_a_part_at_a_time() -> None:
    world = World(seed=2, duplicates=0.0)
    web = world.group_cluster("web", 300, "m5.2xlarge", min_capacity=10, max_capacity=400, scale_in_share=100)
    world.account.endpoint.log = []
    for instance in web.instances():
        web.batch_task(instance, None, cpu=64, memory=64)

    world.run(420)

    shed = [r["text"] for line in world.suite.telemetry.decisions() for r in line.fields["reasons"]]
    assert any("scale-in considered" in text for text in shed)
    assert over_the_share(world.account.endpoint.log, SCALING) <= JITTER
    # All the same it has begun: what can be read in one look is emptied.
    assert sum(i.status == "DRAINING" for i in web.instances()) >= 50


def test_service_out_takes_what_it_needs_and_scaling_gives_way() -> None:
    world = World(seed=3, duplicates=0.0)
    batch = world.spot_cluster("batch", 100, "m5.2xlarge", min_capacity=100, max_capacity=400)
    batch.service("api", 800, cpu=512, memory=512, requests_per_s=1)
    world.run(120)
    world.account.endpoint.log = []

    batch.reclaim()
    world.run(240)

    assert (world.account.killed_tasks, world.account.balancing.failed_requests) == (0, 0)
    assert over_the_share(world.account.endpoint.log, ["interruption-handler"]) > 100
    assert over_the_share(world.account.endpoint.log, SCALING) <= JITTER
    ledger = world.suite.runtime("test")
    item = ledger.dynamodb.get_item(TableName=LEDGER_TABLE, Key={"cluster": {"S": "#ecs-api"}})["Item"]
    assert "cluster-resource-modify" in item


def test_what_others_take_is_left_to_them() -> None:
    """Somebody draws on the bucket more than it holds: the suite calls less, and grows its cluster all the same."""
    world = World(seed=4, duplicates=0.0)
    web = world.group_cluster("web", 2, min_capacity=2, max_capacity=50, scale_in_after_seconds=3600)
    world.run(61)
    world.account.clock.every(0.04, lambda: _describe(world))
    world.run(60)
    calm = world.account.endpoint.counted("autoscaler").throttled

    web.service("api", 60, cpu=512, memory=512)
    world.run(600)

    assert len(web.running()) == 60
    refused = world.account.endpoint.counted("autoscaler").throttled - calm
    assert 0 < refused < 120


def test_near_the_share_a_tick_is_left_to_the_next_and_what_it_was_told_is_kept() -> None:
    world, [web] = crowd(1)
    world.run(61)
    taken = Budget(world.suite.runtime("somebody"), LEDGER_TABLE, share=SHARE)
    world.clock.spawn(lambda: taken.await_turns({READ.name: 600}))
    web.service("big", 30, cpu=1024, memory=1024)

    world.run(65)
    assert world.suite.telemetry.counts["CallsShed"] >= 1
    assert web.target == 2

    world.run(240)
    assert len([t for t in web.running() if t.group == "service:big"]) == 30


def test_the_reason_reads_as_a_sentence() -> None:
    assert str(ScaleInShed(3, 20)) == (
        "scale-in considered 3 of 20 instances: the ECS API budget (api_share) is spent, the next tick considers the "
        "others"
    )


def _describe(world: World) -> None:
    try:
        world.account.endpoint.answer("somebody", "ecs:ListTasks", {"cluster": "c"})
    except AwsError:
        return


def test_threads_that_want_turns_at_once_ask_for_them_in_one_write() -> None:
    world = World(seed=12)
    world.spot_cluster("web", 1, mode="paused")
    world.run(61)
    runtime = world.suite.runtime("test")
    budget = Budget(runtime, LEDGER_TABLE, share=0.5)
    budget.foresee({"service-read": 10})
    # They lapse.
    world.run(30)
    writes = world.account.endpoint.counted("test").calls
    before = writes["dynamodb:UpdateItem"]

    runtime.in_parallel(lambda _: budget.pay(BUCKET_NAMED["service-read"]), range(14), at_once=14)

    assert writes["dynamodb:UpdateItem"] - before <= 2
