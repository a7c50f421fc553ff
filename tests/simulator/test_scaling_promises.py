"""What scaling promises, end to end on the simulated account: bursts, shortages, dead boots, calm, what comes back."""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest

from simulator.outcome import Outcome
from simulator.simulation import Scenario, simulate
from simulator.suite import FAILURE_TOPIC, LEDGER_TABLE
from simulator.workload.plan import ClusterPlan, Job, ServiceChange
from simulator.world import SimulatedCluster, World
from steady.aws.scaling import ledger
from steady.cluster import Size
from steady.pools import PoolKind

HOUR_S = 3600


def reasons(world: World) -> Counter[str]:
    """How often each rule spoke."""
    return Counter(r["rule"] for line in world.suite.telemetry.decisions() for r in line.fields["reasons"])


def fail(world: World, key: str, cpu: int = 1024, cluster: str = "web") -> None:
    """hako says that it found no room for the task `key`."""
    text = {"group_name": cluster, "cluster": cluster, "cpu": cpu, "memory": 2000, "hako_task_id": key}
    world.account.messaging.publish(FAILURE_TOPIC, json.dumps(text))


def fallen_back(world: World, cluster: SimulatedCluster) -> int:
    return sum(i.on_demand for i in cluster.ec2_instances())


def test_five_hundred_tasks_that_fail_at_once_make_one_decision() -> None:
    world = World(seed=1, duplicates=0.0)
    web = world.spot_cluster("web", 1, "m5.8xlarge")
    web.batch_task(web.instances()[0], None, cpu=32_000)
    world.run(61)
    world.account.endpoint.log = []

    for number in range(500):
        fail(world, f"task-{number}")
    world.run(8)

    changes = [c for c in world.account.endpoint.log if c.name == "ec2:ModifySpotFleetRequest"]
    # 500 tasks of a vCPU on instances of 32, and the one that is full.
    assert [c.params["TargetCapacity"] for c in changes] == [1 + 16]


def test_what_two_handlers_learn_at_once_is_all_remembered() -> None:
    world = World(seed=2)
    web = world.spot_cluster("web", 1)
    web.batch_task(web.instances()[0], None, cpu=2048)
    world.run(61)

    # A tick, a placement failure and two batches of RunTask failures, all within a second.
    web.service("api", 2, cpu=1024, memory=1000)
    world.suite.tick("web")
    fail(world, "one")
    world.run(0.5)
    fail(world, "two")
    world.suite.tick("web")
    world.run(12)

    memory = ledger.load(world.suite.runtime("test"), LEDGER_TABLE, "web").state
    assert set(memory.demands) == {"one", "two"}
    assert "api" in memory.placement_failed_at
    # Two tasks of a service and two of a launcher, each half an instance, beside the full one.
    assert web.target == 3


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("kind", list(PoolKind))
def test_a_cluster_whose_demand_does_not_change_comes_to_rest(kind: PoolKind, seed: int) -> None:
    services = tuple(ServiceChange(0, f"s{n}", 3 + n + seed, Size(300 + 200 * n, 900)) for n in range(3))
    plan = ClusterPlan("web", kind, "m5.large", services=services)

    samples = simulate("steady", Scenario((plan,), hours=4, seed=seed)).clusters[0].samples

    settled = [s.target for s in samples if s.at_s > 2 * HOUR_S]
    assert len(set(settled)) == 1


def test_a_fleet_without_spot_gets_on_demand_and_gives_it_back() -> None:
    world = World(seed=3)
    web = world.spot_cluster("web", 4, fallback_after_seconds=60)
    web.service("api", 8, cpu=1000, memory=1000, requests_per_s=1)
    world.run(120)

    world.account.spot.set_available(web.pool, 0.0)  # type: ignore[arg-type]
    world.run(600)
    assert fallen_back(world, web) == len(web.ec2_instances()) == 4
    assert len(web.running()) == 8

    world.account.spot.set_available(web.pool, 1.0)  # type: ignore[arg-type]
    world.run(1800)
    assert fallen_back(world, web) == 0
    assert len(web.running()) == 8
    assert world.account.balancing.failed_requests == 0
    assert {"FellBack", "SpotIsBack"} <= set(reasons(world))


def test_spot_does_not_come_and_go_beside_an_on_demand_instance_that_is_being_emptied() -> None:
    world = World(seed=4)
    web = world.spot_cluster("web", 2)
    world.account.spot.set_available(web.pool, 0.0)  # type: ignore[arg-type]
    web.service("api", 4, cpu=700, memory=1000)
    world.run(600)
    assert fallen_back(world, web) == 2
    # Each has a batch task that runs for hours; the service goes, so that one of them is to be emptied.
    for instance in web.instances():
        web.batch_task(instance, run_s=20_000, cpu=200)
    world.account.spot.set_available(web.pool, 1.0)  # type: ignore[arg-type]
    world.account.scheduler.services.set_desired(web.state.services["api"], 0)
    world.run(600)
    launched = len(world.account.ec2.instances)

    world.run(2 * HOUR_S)

    assert len(world.account.ec2.instances) <= launched + 1


def test_an_instance_under_a_notice_takes_no_task_even_if_scale_in_had_chosen_it() -> None:
    world = World(seed=5)
    web = world.spot_cluster("web", 2, scale_in_after_seconds=60)
    for instance in web.instances():
        web.batch_task(instance, run_s=3000, cpu=600)
    world.run(240)
    chosen = [i for i in web.instances() if i.status == "DRAINING"]
    assert len(chosen) == 1

    doomed = next(i for i in web.ec2_instances() if i.id == chosen[0].ec2_id)
    world.account.spot.reclaim([doomed])
    world.run(20)
    fail(world, "wants-room", cpu=1900)
    statuses = set()
    for _ in range(9):
        world.run(10)
        statuses.add(chosen[0].status)

    assert statuses == {"DRAINING"}
    assert web.target == 2, "its replacement is asked for instead"


@pytest.mark.parametrize("kind", ["group", "fleet"])
def test_a_cluster_goes_from_zero_to_two_hundred_and_back_with_no_task_lost(kind: str) -> None:
    world = World(seed=6)
    build = world.group_cluster if kind == "group" else world.spot_cluster
    web = build("web", 0, learning="off", scale_in_after_seconds=60)
    api = web.service("api", 0, cpu=500, memory=1800, requests_per_s=0.5)

    world.account.scheduler.services.set_desired(api, 800)
    world.run(900)
    assert len(web.running()) == 800
    assert 200 <= len(web.ec2_instances()) <= 220

    world.account.scheduler.services.set_desired(api, 0)
    world.run(2 * HOUR_S)
    assert len(web.ec2_instances()) <= 1, "what the first start of anything needs is learned, and may stay"
    assert world.account.killed_tasks == 0
    assert world.account.balancing.failed_requests == 0
    assert world.suite.telemetry.errors() == []


def test_what_comes_back_each_hour_finds_its_capacity_there() -> None:
    def hourly(learning: str) -> Outcome:
        burst = [Job(hour * HOUR_S + n * 0.1, "cron", Size(1024, 2000), 300) for hour in range(8) for n in range(24)]
        plan = ClusterPlan(
            "cron",
            PoolKind.SPOT_FLEET,
            "m5.2xlarge",
            jobs=tuple(burst),
            services=(ServiceChange(0, "api", 4, Size(1024, 2000)),),
        )
        # Without room of its own, so that only what is learned is seen.
        thresholds = {"learning": learning, "start_at_once_share": 0}
        return simulate("steady", Scenario((plan,), hours=8, thresholds=thresholds))

    learned, not_learned = hourly("on"), hourly("off")

    waited, without = (o.figures["wait_seconds"]["total"] for o in (learned, not_learned))
    # Three hours teach it; of the eight bursts, four or five find their instances booted.
    assert waited <= without / 2
    assert any(r["rule"] == "DemandComesBack" for line in learned.log_lines for r in line.fields.get("reasons", ()))
    assert not any(
        r["rule"] == "DemandComesBack" for line in not_learned.log_lines for r in line.fields.get("reasons", ())
    )


def test_most_tasks_start_at_once_where_that_is_asked_for() -> None:
    rng, at, jobs = random.Random(7), 0.0, []
    while at < 7 * HOUR_S:
        at += rng.expovariate(1 / 300)
        jobs += [Job(at, "batch", Size(1024, 2000), 900) for _ in range(rng.randint(1, 6))]

    def total_wait_s(share: int) -> float:
        plan = ClusterPlan("batch", PoolKind.SPOT_FLEET, "m5.xlarge", jobs=tuple(jobs))
        thresholds: dict[str, int | str] = {"start_at_once_share": share, "learning": "off"}
        outcome = simulate("steady", Scenario((plan,), hours=7, thresholds=thresholds))
        return float(outcome.figures["wait_seconds"]["total"])

    assert total_wait_s(97) < total_wait_s(0) / 2


def test_the_ledger_counts_the_hours_that_the_account_is_billed_for() -> None:
    world = World(seed=9)
    web = world.group_cluster("web", 3)
    batch = world.spot_cluster("batch", 3)
    for cluster in (web, batch):
        cluster.service("api", 20, cpu=500, memory=1000)
    world.run(2 * HOUR_S)
    batch.reclaim(2)
    world.run(2 * HOUR_S)

    runtime = world.suite.runtime("reader")
    counted: Counter[str] = Counter()
    for name in ("web", "batch"):
        usage = ledger.load(runtime, LEDGER_TABLE, name).state.usage.until(world.clock.now)
        for of_day in usage.hours.values():
            counted.update(of_day)
    billed = world.account.ec2.hours.until(world.clock.now)

    # A look sees what came or went within the minute before it.
    assert counted["on-demand m5.large"] == pytest.approx(billed["on-demand"]["m5.large"], rel=0.02)
    assert counted["spot m5.large"] == pytest.approx(billed["spot"]["m5.large"], rel=0.02)
