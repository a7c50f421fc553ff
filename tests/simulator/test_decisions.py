"""Replacements of interrupted instances on the simulated account, and decisions that crash, race or are held."""

from __future__ import annotations

import pytest

from simulator.faults import Hooked
from simulator.suite import FAILURE_TOPIC, LEDGER_TABLE
from simulator.world import World
from steady.aws.scaling import ledger
from steady.cluster import Size
from tests.simulator.scaled_clusters import message


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
    assert world.account.spot.interruptions == 0
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
    assert world.account.spot.interruptions == 2
    assert world.account.balancing.failed_requests == 0


def test_a_target_that_an_operator_sets_while_it_is_raised_is_not_lowered_again() -> None:
    world = World(seed=19)
    web = world.spot_cluster("web", 6)
    web.service("api", 9, cpu=1024, memory=1000)
    world.run(70)
    web.reclaim(2)
    world.run(10)
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
