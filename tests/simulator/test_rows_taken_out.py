"""A cluster whose row was taken out of cdk.json: its parameter and its instances stay, the functions' rights do not."""

from __future__ import annotations

import pytest

from simulator.errors import AwsError
from simulator.faults import Fault, Try
from simulator.world import World

GONE = "gone"


class WithoutRights(Fault):
    """Every call about the cluster is refused, as IAM does once the role's policy does not name it any more."""

    def __init__(self) -> None:
        self.refused: list[str] = []

    def before(self, tried: Try) -> None:
        if tried.name.startswith("ecs:") and f"/{GONE}" in f"/{tried.params.get('cluster', '')}":
            self.refused.append(tried.name)
            raise AwsError("AccessDeniedException", "not authorized", 403)


@pytest.mark.parametrize("event", ["reclaim", "recommendation"])
def test_it_is_left_alone_and_said_once_and_no_other_is_hurt(event: str) -> None:
    world = World(seed=1, duplicates=0)
    world.suite.clusters = frozenset({"web"})
    web = world.spot_cluster("web", 4)
    gone = world.spot_cluster(GONE, 4, managed=False)
    world.account.parameters.put(f"/steady/clusters/{GONE}/capacity", f"spot-fleet:{gone.pool.id}")  # type: ignore[union-attr]
    for cluster in (web, gone):
        cluster.service("api", 4, cpu=64, memory=64, requests_per_s=2)
    world.run(120)
    world.account.endpoint.fault = rights = WithoutRights()

    for cluster in (gone, web):
        if event == "reclaim":
            cluster.reclaim(2)
        else:
            world.account.spot.recommend(cluster.ec2_instances()[:2], 900)
    world.run(600)

    assert rights.refused == [], "nothing of it is even asked for"
    said = [line for line in world.suite.telemetry.log_lines if GONE in line.message]
    assert {line.level for line in said} == {"warning"}
    assert all("cdk.json has no row for it: it is left alone" in line.message for line in said)
    # Each of the functions' processes says it once.
    assert len(said) <= 3
    assert world.suite.telemetry.counts.get("TasksKilled", 0) == 0
    assert not [f for function in world.suite.functions() for f in function.failures]
    assert not world.suite.notices.dead_letters.messages  # type: ignore[union-attr]
