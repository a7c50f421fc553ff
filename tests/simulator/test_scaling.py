"""Scaling, end to end on the simulated account, with both kinds of pool."""

from __future__ import annotations

import json

import pytest

from simulator.ecs.state import TaskStatus
from simulator.faults import Hooked
from simulator.suite import FAILURE_TOPIC, LEDGER_TABLE
from simulator.workload.plan import Job
from simulator.workload.submit import Launcher
from simulator.world import SimulatedCluster, World
from steady.aws.scaling import ledger
from steady.cluster import Size

KINDS = ["spot", "group"]


def cluster(world: World, kind: str, instances: int, **thresholds: int | str) -> SimulatedCluster:
    build = world.spot_cluster if kind == "spot" else world.group_cluster
    return build("web", instances, **thresholds)  # type: ignore[operator,no-any-return]


def message(key: str, cpu: int = 1024, memory: int = 2048, cluster: str = "web") -> str:
    return json.dumps({"group_name": "web", "cluster": cluster, "cpu": cpu, "memory": memory, "hako_task_id": key})


@pytest.mark.parametrize("kind", KINDS)
def test_reservation_over_its_threshold_grows_the_cluster(kind: str) -> None:
    world = World(seed=1)
    web = cluster(world, kind, 2, cpu_reservation_high=90)
    web.service("api", 4, cpu=1000, memory=1000)

    world.run(70)

    # 4000 of 4096 units; at 90 % they need 4445, so 3 instances of 2048.
    assert web.target == 3
    assert world.suite.telemetry.errors() == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_service_that_cannot_be_placed_gets_its_instances_at_once_and_no_more(kind: str) -> None:
    world = World(seed=2)
    web = cluster(world, kind, 1, cpu_reservation_high=100, memory_reservation_high=100)
    web.service("api", 5, cpu=1024, memory=1000)

    world.run(20)
    assert web.target == 3, "five tasks of 1024 units need three instances, said by the placement failure's event"

    world.run(220)
    assert web.target == 3
    assert len(web.running()) == 5


@pytest.mark.parametrize("kind", KINDS)
def test_failed_run_tasks_are_placed_one_boot_later(kind: str) -> None:
    world = World(seed=3)
    web = cluster(world, kind, 1)
    web.batch_task(web.instances()[0], None, cpu=2048)
    waited: list[float] = []
    launcher = Launcher(web, 0, waited.append)
    launcher.submit(tuple(Job(0, "batch", Size(1024, 2048), 600) for _ in range(6)))

    world.run(180)

    assert launcher.waiting == set()
    # A boot takes up to 117 s; besides it there are the messages' way and hako's next try.
    assert max(waited) <= 140


@pytest.mark.parametrize("kind", KINDS)
def test_a_cluster_that_was_never_seen_starts_from_zero(kind: str) -> None:
    world = World(seed=3)
    web = cluster(world, kind, 0)
    launcher = Launcher(web, 0, lambda waited_s: None)
    launcher.submit(tuple(Job(0, "batch", Size(1024, 2048), 600) for _ in range(6)))

    world.run(60)
    # A fleet says which types it launches, and EC2 how large they are; of a group's the first instance tells.
    assert web.target == (1 if kind == "group" else 3)

    world.run(240)
    assert launcher.waiting == set()


def test_one_run_that_fails_again_and_again_counts_once() -> None:
    world = World(seed=4)
    web = world.spot_cluster("web", 1, cpu_reservation_high=100, memory_reservation_high=100)
    web.batch_task(web.instances()[0], None, cpu=2048)

    for _ in range(5):
        world.account.messaging.publish(FAILURE_TOPIC, message("same"))
        world.run(10)

    assert web.target == 2


def test_a_demand_that_falls_silent_asks_for_nothing_more() -> None:
    world = World(seed=5)
    web = world.spot_cluster("web", 1, scale_in_after_seconds=60)
    world.account.messaging.publish(FAILURE_TOPIC, message("gone", cpu=2048))
    world.run(60 * 12)

    assert web.target <= 1


@pytest.mark.parametrize("kind", KINDS)
def test_an_idle_cluster_shrinks_to_its_minimum_and_no_task_is_lost(kind: str) -> None:
    world = World(seed=6)
    web = cluster(world, kind, 6, scale_in_after_seconds=60, min_capacity=2)
    web.service("api", 4, cpu=200, memory=300, requests_per_s=2)
    world.run(60)

    world.run(60 * 30)

    assert web.target == 2
    assert len(web.instances()) == 2
    assert len(web.running()) == 4
    assert world.account.killed_tasks == 0
    assert world.account.balancing.failed_requests == 0
    assert world.account.fleets.interruptions == 0, "a fleet is never left to choose what it takes"


def test_scale_in_waits_for_a_batch_task_and_never_stops_it() -> None:
    world = World(seed=7)
    web = world.spot_cluster("web", 2, scale_in_after_seconds=60)
    tasks = [web.batch_task(instance, run_s=1500) for instance in web.instances()]

    world.run(60 * 20)
    assert [t.status for t in tasks] == [TaskStatus.RUNNING] * 2

    world.run(60 * 15)
    assert [t.sigterm_at for t in tasks] == [None, None]
    assert web.target == 0


def test_drift_whose_tasks_would_fit_does_not_scale() -> None:
    world = World(seed=8)
    web = world.spot_cluster("web", 2)
    web.service("crashing", 2, starts=False)

    world.run(600)

    assert web.target <= 2
    assert any(
        "more instances would not help" in reason["text"]
        for line in world.suite.telemetry.decisions()
        for reason in line.fields["reasons"]
    )


@pytest.mark.parametrize("kind", KINDS)
def test_capacity_never_leaves_its_bounds(kind: str) -> None:
    world = World(seed=9)
    web = cluster(world, kind, 2, min_capacity=1, max_capacity=4, scale_in_after_seconds=60)
    service = web.service("api", 40, cpu=1024, memory=1000)
    seen = set()
    for desired in (40, 0):
        world.account.scheduler.services.set_desired(service, desired)
        for _ in range(20):
            world.run(60)
            seen.add(web.target)

    assert max(seen) == 4
    assert min(seen) == 1


def test_dry_run_says_all_it_would_do_and_does_nothing() -> None:
    world = World(seed=10)
    web = world.spot_cluster("web", 1, mode="dry-run")
    web.service("api", 10, cpu=1024, memory=1000)

    world.run(130)

    assert web.target == 1
    assert {line.fields["target"] for line in world.suite.telemetry.decisions()} == {5}
    assert all(line.fields["mode"] == "dry-run" for line in world.suite.telemetry.decisions())


def test_a_bad_threshold_stops_nothing_and_the_newest_good_one_is_used() -> None:
    world = World(seed=11)
    web = world.spot_cluster("web", 1, max_capacity=3)
    world.account.parameters.put("/steady/clusters/web/max_capacity", "lots")
    web.service("api", 20, cpu=1024, memory=1000)

    world.run(130)

    assert web.target == 3
    errors = world.suite.telemetry.errors()
    assert (
        '/steady/clusters/web/max_capacity is "lots": a capacity in units from 0 to 100000 is needed; '
        "3 is used until it is corrected" in errors
    )


def test_a_malformed_failure_is_set_aside_and_the_good_ones_of_its_batch_count() -> None:
    world = World(seed=12)
    web = world.spot_cluster("web", 1, cpu_reservation_high=100)
    web.batch_task(web.instances()[0], None, cpu=2048)

    world.account.messaging.publish(FAILURE_TOPIC, '{"cluster": "web", "cpu": "many"}')
    world.account.messaging.publish(FAILURE_TOPIC, message("theirs", cluster="unknown"))
    world.account.messaging.publish(FAILURE_TOPIC, message("good", cpu=2000))
    world.run(20)

    dead = world.suite.failures.dead_letters
    assert dead is not None
    reasons = sorted(m.attributes["error"]["StringValue"] for m in dead.messages)
    assert any("hako_task_id is None" in reason for reason in reasons)
    assert any("cluster unknown is not managed" in reason for reason in reasons)
    assert web.target == 2


def test_two_evaluations_at_once_make_one_decision() -> None:
    world = World(seed=13)
    web = world.spot_cluster("web", 1)
    web.service("api", 10, cpu=1024, memory=1000)
    world.run(30)
    targets = []
    world.account.endpoint.log = []
    for _ in range(5):
        world.suite.tick("web")
    world.run(25)

    targets = [c.params["TargetCapacity"] for c in world.account.endpoint.log if c.name == "ec2:ModifySpotFleetRequest"]
    assert set(targets) <= {web.target}
    assert all(function.failures == [] for function in world.suite.functions())


@pytest.mark.parametrize("call", ["dynamodb:PutItem", "ec2:ModifySpotFleetRequest", "dynamodb:UpdateItem"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_of_the_autoscaler_is_mended_by_a_later_tick(when: str, call: str) -> None:
    world = World(seed=14)
    web = world.spot_cluster("web", 1, cpu_reservation_high=100, memory_reservation_high=100)
    web.service("api", 6, cpu=1024, memory=1000)
    crashes = []

    def crash(at: str, name: str) -> None:
        if (at, name) == (when, call) and not crashes:
            crashes.append(name)
            raise RuntimeError(f"crashed {when} {call}")

    world.account.endpoint.fault = Hooked(crash)
    world.run(300)

    assert crashes == [call]
    assert web.target == 3
    assert len(web.running()) == 6


def test_a_crash_between_a_fleets_target_and_its_terminations_leaves_the_choice_to_us() -> None:
    world = World(seed=16)
    web = world.spot_cluster("web", 4, scale_in_after_seconds=60)
    crashes: list[str] = []

    def crash(at: str, name: str) -> None:
        if (at, name) == ("after", "ec2:ModifySpotFleetRequest") and not crashes:
            crashes.append(name)
            raise RuntimeError("crashed")

    world.account.endpoint.fault = Hooked(crash)
    world.run(900)

    assert crashes
    assert world.account.fleets.interruptions == 0
    assert (web.target, len(web.instances())) == (0, 0)


def test_a_cluster_that_another_decision_holds_is_left_alone_until_that_is_over() -> None:
    world = World(seed=17)
    web = world.spot_cluster("web", 1, cpu_reservation_high=100)
    web.batch_task(web.instances()[0], None, cpu=2048)
    runtime = world.suite.runtime("another")
    entry = ledger.load(runtime, LEDGER_TABLE, "web")
    ledger.save(runtime, LEDGER_TABLE, entry, entry.state, held_until=world.clock.now + 10)

    world.account.messaging.publish(FAILURE_TOPIC, message("task-1"))
    world.run(9)
    assert web.target == 1

    world.run(6)
    assert web.target == 2


def test_what_is_remembered_survives_the_ledger() -> None:
    world = World(seed=15)
    web = world.spot_cluster("web", 1, scale_in_after_seconds=60)
    web.batch_task(web.instances()[0], None, cpu=2048)
    world.account.messaging.publish(FAILURE_TOPIC, message("task-1", cpu=512, memory=700))
    world.run(20)

    memory = ledger.load(world.suite.runtime("test"), LEDGER_TABLE, "web").state

    assert memory.demands["task-1"].size == Size(512, 700)
    assert memory.shapes["m5.large"].size == web.instances()[0].registered


def test_an_interrupted_instance_is_replaced_by_the_time_it_goes() -> None:
    world = World(seed=18, boot_s=80)
    web = world.spot_cluster("web", 6)
    web.service("api", 11, cpu=1024, memory=1000, requests_per_s=1)
    world.run(70)
    assert web.target == 6

    taken = {i.id for i in web.reclaim(2)}
    world.run(10)
    assert web.target == 8, "asked for at once"

    world.run(109)
    ready = [i for i in web.instances() if i.status == "ACTIVE" and i.ec2_id not in taken]
    assert len(ready) == 6, "there before the two are gone"
    assert web.target == 6, "and the target is back"

    world.run(600)
    assert (web.target, len(web.ec2_instances())) == (6, 6)
    assert world.account.fleets.interruptions == 2
    assert world.account.balancing.failed_requests == 0


def test_a_target_that_an_operator_sets_while_it_is_raised_is_not_lowered_again() -> None:
    world = World(seed=19)
    web = world.spot_cluster("web", 6)
    web.service("api", 9, cpu=1024, memory=1000)
    world.run(70)
    web.reclaim(2)
    world.run(5)
    assert web.target == 8

    runtime = world.suite.runtime("operator")
    runtime.ec2.modify_spot_fleet_request(SpotFleetRequestId="sfr-web", TargetCapacity=7)
    world.run(180)

    assert web.target == 7


def test_no_replacement_is_asked_for_over_the_maximum() -> None:
    world = World(seed=20)
    web = world.spot_cluster("web", 6, max_capacity=7)
    web.service("api", 9, cpu=1024, memory=1000)
    world.run(70)
    web.reclaim(3)
    world.run(20)

    assert web.target == 7
