"""One odd service never stops its cluster: what cannot be read is left out and said, and the rest is decided."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.ecs.state import Deploys
from simulator.errors import AwsError
from simulator.faults import Fault, Try
from simulator.world import SimulatedCluster, World
from tests.simulator.scaled_clusters import cluster

KINDS = ("spot", "group")


class Unreadable(Fault):
    """ECS refuses to describe the task definitions of one family, and all filters but those by instance id."""

    def __init__(self, family: str) -> None:
        self.family = family

    def before(self, tried: Try) -> None:
        if tried.name == "ecs:DescribeTaskDefinition" and f"/{self.family}:" in tried.params["taskDefinition"]:
            raise AwsError("ClientException", "Unable to describe task definition.")


class Constrained(Fault):
    """One service has a placement constraint whose filter ECS refuses."""

    def answered(self, tried: Try, answer: dict[str, Any]) -> dict[str, Any]:
        for service in answer.get("services", []) if tried.name == "ecs:DescribeServices" else []:
            if service["serviceName"] == "odd":
                service["placementConstraints"] = [{"type": "memberOf", "expression": "attribute:stack =~ ["}]
        return answer


class Bare(Fault):
    """One service is described with its name and status alone."""

    def answered(self, tried: Try, answer: dict[str, Any]) -> dict[str, Any]:
        if tried.name != "ecs:DescribeServices":
            return answer
        bare = ("serviceName", "serviceArn", "status")
        services = answer["services"]
        return answer | {
            "services": [{k: s[k] for k in bare} if s["serviceName"] == "odd" else s for s in services],
        }


def grown(world: World, web: SimulatedCluster) -> None:
    """Let the cluster grow for a service that can be read."""
    more = web.service("more", 8, cpu=1000, memory=1000)
    world.run(600)
    assert more.counts() == (8, 0)
    assert world.suite.telemetry.errors() == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", [Unreadable("odd"), Constrained(), Bare()], ids=["definition", "filter", "bare"])
def test_a_service_that_cannot_be_read_stops_no_other(kind: str, fault: Fault) -> None:
    world = World(seed=6)
    web = cluster(world, kind, 3, max_capacity=12)
    world.account.endpoint.fault = fault
    web.service("odd", 30, cpu=1000, memory=60_000)
    world.run(70)

    grown(world, web)

    assert web.target < 12, "nothing is asked for a service of which nothing is known"
    if not isinstance(fault, Bare):
        assert any("odd" in line.message or "attribute:stack" in line.message for line in warnings(world))


def test_an_instance_with_a_task_that_cannot_be_read_is_not_emptied_and_others_are() -> None:
    world = World(seed=6)
    web = cluster(world, "group", 8, scale_in_after_seconds=60, scale_in_share=100, learning="off")
    web.service("odd", 1, cpu=100, memory=100)
    web.service("api", 1, cpu=100, memory=200)
    world.account.endpoint.fault = Unreadable("odd")

    world.run(1500)

    assert web.target <= 2
    assert len(web.running()) == 2


def test_the_missing_tasks_of_each_task_set_are_wanted() -> None:
    world = World(seed=6)
    web = cluster(world, "group", 2)
    web.service("api", 8, cpu=1000, memory=1000, deploys=Deploys.EXTERNAL)

    world.run(400)

    assert len(web.running()) == 8
    assert world.suite.telemetry.errors() == []


def warnings(world: World) -> list[Any]:
    return [line for line in world.suite.telemetry.log_lines if line.level == "warning"]
