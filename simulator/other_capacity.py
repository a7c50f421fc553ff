"""Capacity of a cluster that is not its pool's: other groups, ECS Managed Instances, ECS Anywhere."""

from __future__ import annotations

from simulator.auto_scaling_group import AutoScalingGroup
from simulator.ecs.state import ContainerInstance
from simulator.world import SimulatedCluster
from steady.cluster import Size


def another_group(cluster: SimulatedCluster, name: str, instances: int, instance_type: str = "m5.large") -> list[str]:
    """Build another Auto Scaling group of the cluster, with a capacity provider of its name; return its instances."""
    world = cluster.world
    group = AutoScalingGroup(name, cluster.state, instance_type, instances, hook="")
    group.provider = world.provide(name, name)
    world.account.groups.add(group)
    return list(group.members)


def managed_instances(
    cluster: SimulatedCluster, provider: str, instances: int, instance_type: str = "m5.large"
) -> list[ContainerInstance]:
    """Build ECS Managed Instances, which ECS launches and ends itself. They are of no group."""
    world = cluster.world
    world.provide(provider)
    found = []
    for _ in range(instances):
        machine = world.account.ec2.launch(
            cluster.state, instance_type, {}, lambda instance: None, booted=True, provider=provider
        )
        assert machine.container_instance
        found.append(machine.container_instance)
    return found


def anywhere(cluster: SimulatedCluster, name: str, size: Size) -> ContainerInstance:
    """Register an ECS Anywhere instance (ECS API: its `ec2InstanceId` is its id in Systems Manager)."""
    scheduler = cluster.world.account.scheduler
    arn = scheduler.new_arn("container-instance", cluster.state)
    instance = ContainerInstance(arn, cluster.state, f"mi-{name}", "", "", size, size, external=True)
    scheduler.register(cluster.state, instance)
    return instance
