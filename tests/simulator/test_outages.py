"""What the suite does while what it depends on does not answer: it serves out, it grows, and it takes nothing away."""

from __future__ import annotations

import json

import pytest

from simulator.chaos.scenarios import Reclaim, ScaleOut
from simulator.faults import NO_FAULT, Down, Fault, Refused, Silent, Slow, Together, Try, Unforeseen
from simulator.suite import FAILURE_TOPIC
from simulator.timing import DEFAULT, Timing
from simulator.world import World
from steady.aws.settings.clusters import SETTINGS

SSM, DYNAMODB = Down("ssm"), Down("dynamodb")


class Odd(Fault):
    """Each call of DynamoDB ends with an error that nobody has thought of, as an item that cannot be read would."""

    def before(self, tried: Try) -> None:
        if tried.name.startswith("dynamodb:UpdateItem"):
            raise Unforeseen("the item has another form")


@pytest.mark.parametrize(
    "down", [SSM, DYNAMODB, Together(SSM, DYNAMODB), Odd()], ids=["ssm", "dynamodb", "both", "an odd ledger"]
)
def test_an_interruption_is_served_out(down: Fault) -> None:
    trial = Reclaim()
    trial.world.account.endpoint.fault = down

    trial.run()

    assert trial.broken_promises() == []


@pytest.mark.parametrize("down", [SSM, DYNAMODB], ids=["ssm", "dynamodb"])
def test_a_cluster_grows_to_its_work(down: Fault) -> None:
    trial = ScaleOut()
    # A first tick, and a first failure of a launcher's, so that each function knows the cluster.
    failure = {"cluster": "web", "cpu": 64, "memory": 64, "hako_task_id": "first"}
    trial.world.account.messaging.publish(FAILURE_TOPIC, json.dumps(failure))
    trial.world.run(70)
    trial.world.account.endpoint.fault = down

    trial.run()

    assert trial.broken_promises() == []
    assert any("scale-in is suspended" in error for error in trial.world.suite.telemetry.errors())


@pytest.mark.parametrize(
    ("down", "metric"), [(SSM, "ParametersUnreadable"), (DYNAMODB, "LedgerUnreachable")], ids=["ssm", "dynamodb"]
)
def test_nothing_is_scaled_in_until_it_answers_again(down: Fault, metric: str) -> None:
    world = World(seed=3)
    web = world.group_cluster("web", 8, scale_in_after_seconds=60)
    web.service("api", 2, cpu=512, memory=500, requests_per_s=1)
    world.run(55)
    # The first look is made, and nothing is chosen yet.
    world.run(10)
    world.account.endpoint.fault = down

    world.run(1800)

    assert web.target == 8
    assert {i.status for i in web.instances()} == {"ACTIVE"}
    assert world.suite.telemetry.counts[metric] > 20
    world.account.endpoint.fault = NO_FAULT
    world.run(1200)
    assert web.target < 8
    assert world.account.killed_tasks == 0


def test_thresholds_are_as_last_known_for_a_stated_time_and_then_the_cluster_stands_still() -> None:
    world = World(seed=4)
    web = world.group_cluster("web", 2)
    world.run(70)
    world.account.endpoint.fault = SSM
    world.run(SETTINGS.max_age_s + 120)

    web.service("api", 10, cpu=1024, memory=1000)
    world.run(600)

    assert web.target == 2
    # The function ends with the error, which is an alarm, and no tick is counted, which is another.
    assert world.suite.autoscaler
    assert world.suite.autoscaler.failures
    world.account.endpoint.fault = NO_FAULT
    world.run(600)
    assert web.target > 2


def test_a_process_that_knows_nothing_yet_changes_nothing() -> None:
    world = World(seed=5)
    web = world.group_cluster("web", 2)
    world.account.endpoint.fault = SSM
    web.service("api", 10, cpu=1024, memory=1000)

    world.run(900)

    assert web.target == 2


def test_load_balancers_that_answer_slowly_are_waited_for() -> None:
    trial = Reclaim()
    trial.world.account.endpoint.fault = Slow("elbv2", 5.0, trial.world.clock.sleep)

    trial.run()

    assert trial.broken_promises() == []


@pytest.mark.parametrize(
    "down",
    [Silent("ec2:DescribeInstances", after=False, tries=10_000), Refused.throttled("ec2:DescribeInstances", 600)],
    ids=["silent", "throttled"],
)
@pytest.mark.parametrize("timing", [DEFAULT, Timing.as_aws()], ids=["lenient", "as AWS"])
def test_ecs_knows_an_instances_cluster_while_ec2_does_not_answer(down: Fault, timing: Timing) -> None:
    world = World(seed=4, duplicates=0.0, timing=timing)
    other, fleet = world.spot_cluster("other", 2, mode="paused"), world.spot_cluster("web", 6, mode="paused")
    other.service("api-of-others", 4)
    fleet.service("api", 12, requests_per_s=2, delay_s=30)
    fleet.batch_task(fleet.instances()[0], run_s=3600)
    world.run(60)
    world.account.endpoint.fault = down
    fleet.reclaim(3)
    world.run(125)

    assert world.account.killed_tasks == 0
    assert world.account.balancing.failed_requests == 0
    assert all(i.status == "ACTIVE" for i in other.instances())
