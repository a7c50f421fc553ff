"""One thing in a pool never stops its cluster: what AWS refuses is tried again later, and the rest is decided."""

from __future__ import annotations

import json

import pytest

from simulator.ec2 import Ec2Instance
from simulator.errors import AwsError
from simulator.faults import Fault, Slow, Together, Try
from simulator.fleet_request import SpotFleet
from simulator.world import SimulatedCluster, World
from steady.aws.capacity.pools import read_pool
from steady.aws.scaling.acting import carry_out
from steady.cluster import Snapshot
from steady.pools import PoolKind, PoolName
from steady.scaling.decision import Decision
from tests.simulator.scaled_clusters import cluster

KINDS = ("spot", "group")
KIND_OF = {"spot": PoolKind.SPOT_FLEET, "group": PoolKind.AUTO_SCALING_GROUP}
# EC2 API, error codes: an instance with termination protection (DisableApiTermination).
PROTECTED = AwsError("OperationNotPermitted", "The instance may not be terminated: modify its disableApiTermination")
# Auto Scaling API, ResourceContentionFault.
CONTENTION = AwsError("ResourceContention", "You already have a pending update to an Amazon EC2 Auto Scaling resource")


def never_boots(world: World, web: SimulatedCluster, refusal: AwsError) -> Ec2Instance:
    """An instance that never registers, and that AWS refuses to terminate."""
    web.service("api", 9, cpu=1000, memory=1000)
    world.run(30)
    dead = next(i for i in web.ec2_instances() if i.container_instance is None)
    dead.boots, dead.refuses_termination = False, refusal
    return dead


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("refusal", [PROTECTED, CONTENTION], ids=["protected", "contention"])
def test_a_cluster_grows_although_an_instance_cannot_be_terminated(kind: str, refusal: AwsError) -> None:
    world = World(seed=6)
    web = cluster(world, kind, 4, boot_timeout_seconds=300)
    dead = never_boots(world, web, refusal)
    world.run(900)

    more = web.service("more", 8, cpu=1000, memory=1000)
    world.run(400)

    assert dead.alive
    assert more.counts() == (8, 0)
    assert [error for error in world.suite.telemetry.errors() if "again" not in error] == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_pool_grows_before_anything_is_terminated(kind: str) -> None:
    world = World(seed=1, scaling=False)
    web = cluster(world, kind, 3)
    odd = web.ec2_instances()[0]
    odd.refuses_termination = PROTECTED
    runtime = world.suite.runtime("test")
    name = web.pool.id if isinstance(web.pool, SpotFleet) else web.pool.name
    pool = read_pool(runtime, PoolName(KIND_OF[kind], name))
    snapshot = Snapshot("web", 0.0, (), (), pool)

    outcome = carry_out(runtime, snapshot, Decision("web", 5, to_terminate=(odd.id,)))

    assert web.target == 5
    assert set(outcome.refused) == {odd.id}
    assert outcome.error is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_refused_termination_is_tried_seldom_is_said_and_is_made_once_aws_allows_it(kind: str) -> None:
    world = World(seed=6)
    web = cluster(world, kind, 4, boot_timeout_seconds=300)
    dead = never_boots(world, web, PROTECTED)
    calls = world.account.endpoint.log = []
    world.run(3 * 3600)

    said = [r for line in world.suite.telemetry.decisions() for r in line.fields["reasons"]]
    tries = [c for c in calls if "TerminateInstance" in c.name and dead.id in str(c.params)]
    assert len(tries) < 20, "at intervals of up to an hour"
    assert any(r["rule"] == "TerminationsRefused" and dead.id in r["text"] for r in said)

    dead.refuses_termination = None
    world.run(3700)
    assert not dead.alive


def test_a_protected_instance_keeps_no_other_of_its_zone() -> None:
    world = World(seed=3)
    web = cluster(world, "spot", 6, scale_in_after_seconds=60, scale_in_share=100, learning="off")
    one = web.ec2_instances()[0]
    one.refuses_termination = PROTECTED
    web.service("api", 1, cpu=100, memory=100)

    world.run(1200)

    # The protected one, and the one with the task; the fleet's target is what is needed.
    assert len([i for i in web.ec2_instances() if i.alive and i is not one]) == 1
    assert one.alive


def test_a_type_that_the_region_does_not_have_stops_no_decision() -> None:
    world = World(seed=4)
    web = world.spot_cluster("web", 2)
    assert isinstance(web.pool, SpotFleet)
    web.pool.weights = {"m5.large": 1, "m99.mega": 4}

    web.service("api", 8, cpu=1000, memory=1000)
    world.run(400)

    assert len(web.running()) == 8
    assert world.suite.telemetry.errors() == []
    warnings = [line.message for line in world.suite.telemetry.log_lines if "m99.mega" in line.message]
    assert 0 < len(warnings) < 6, "once an hour in each process"


class OnceEach(Fault):
    """Every instance is terminated by one decision alone."""

    def __init__(self) -> None:
        self.terminated: list[str] = []

    def before(self, tried: Try) -> None:
        if tried.name == "autoscaling:TerminateInstanceInAutoScalingGroup":
            self.terminated.append(tried.params["InstanceId"])
            assert len(set(self.terminated)) == len(self.terminated), "two decisions at a time"


def test_no_other_decision_is_made_while_hundreds_of_terminations_go_on() -> None:
    world = World(seed=5)
    web = cluster(world, "group", 80, scale_in_after_seconds=60, scale_in_share=100, learning="off")
    web.service("api", 1, cpu=100, memory=100)
    world.run(150)
    counted = OnceEach()
    world.account.endpoint.fault = Together(counted, Slow("autoscaling", 0.5, world.clock.sleep))

    for _ in range(240):
        world.run(5)
        world.account.messaging.deliver(world.suite.triggers, json.dumps({"cluster": "web", "why": "a test"}))

    assert len(counted.terminated) > 70
    assert web.target < 5
