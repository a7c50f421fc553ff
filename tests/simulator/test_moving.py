"""A cluster moves from its Spot Fleet to an Auto Scaling group, in the steps of docs/spot-groups.md."""

from __future__ import annotations

from simulator.world import World
from steady.aws.runtime import Runtime

FLEET = 6


def lower(runtime: Runtime, to: int) -> None:
    """Step 3: lower the fleet by a few units. EC2 chooses the instances, and gives them two minutes."""
    runtime.ec2.modify_spot_fleet_request(
        SpotFleetRequestId="sfr-web", TargetCapacity=to, ExcessCapacityTerminationPolicy="default"
    )


def test_a_cluster_moves_from_its_fleet_to_a_group_and_nothing_is_killed() -> None:
    world = World(seed=1)
    web = world.spot_cluster("web", FLEET)
    web.service("api", 10, cpu=1000, memory=1000, requests_per_s=2, delay_s=45)
    operator = world.suite.runtime("operator")
    world.run(600)
    assert len(web.running()) == 10

    # Step 1: the deployment makes the group, keeps the fleet, and gives the cluster the group.
    group = world.spot_group_cluster("web", 0, managed=False)
    world.account.parameters.put("/steady/clusters/web/capacity", "auto-scaling-group:web")
    # Step 2: the group holds what the fleet holds before the fleet gives anything up.
    world.account.parameters.put("/steady/clusters/web/min_capacity", str(FLEET))
    world.run(600)
    assert len(group.ec2_instances()) == FLEET
    assert web.target == FLEET, "the suite does not touch the fleet any more"

    # Step 3, until the fleet is empty.
    for to in range(FLEET - 2, -1, -2):
        lower(operator, to)
        world.run(600)
        assert len(web.running()) == 10

    assert web.ec2_instances() == []
    assert len(group.ec2_instances()) == group.target == FLEET
    assert world.account.killed_tasks == 0
    assert world.account.balancing.failed_requests == 0
    assert world.suite.telemetry.errors() == []
