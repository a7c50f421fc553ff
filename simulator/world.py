"""Builders of worlds. Three lines build one:

world = World(seed=1)
batch = world.spot_cluster("batch", instances=3, instance_type="m5.large")
batch.service("api", tasks=6, cpu=256, memory=512, requests_per_s=2)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from simulator.account import Account
from simulator.auto_scaling_group import AutoScalingGroup
from simulator.cloud_map import Registry
from simulator.ec2 import Ec2Instance
from simulator.ecs.launching import EC2, Launch, Provider
from simulator.ecs.state import Cluster, ContainerInstance, Deploys, Otherwise, Service, Task, TaskStatus
from simulator.ecs.strategies import Strategy
from simulator.ecs.task_definition import TaskDefinition
from simulator.fleet_request import SpotFleet
from simulator.suite import Suite
from simulator.target_groups import TargetGroup
from simulator.timing import DEFAULT, Timing
from steady.cluster import Size
from steady.pools import PoolKind


class World:
    """A simulated account with the suite deployed to it.

    Args:
        boot_s: mean seconds from an instance's launch to its registration.
        duplicates: the fraction of messages that are delivered twice.
        scaling: whether the suite's scaling is deployed; service-out always is.
        timing: how fast, and in which order, the account answers.
    """

    def __init__(
        self,
        seed: int = 0,
        boot_s: float = 90.0,
        duplicates: float = 0.01,
        *,
        scaling: bool = True,
        timing: Timing = DEFAULT,
    ) -> None:
        self.account = Account(seed, boot_s, duplicates, timing)
        self.suite = Suite(self.account, scaling=scaling)
        self.clock = self.account.clock

    def spot_cluster(
        self,
        name: str,
        instances: int,
        instance_type: str = "m5.large",
        *,
        managed: bool = True,
        ingress: TargetGroup | None = None,
        **thresholds: Any,
    ) -> SimulatedCluster:
        """Build a cluster on a Spot Fleet with booted instances.

        Args:
            managed: whether the suite manages the cluster.
            ingress: a target group in which the fleet itself registers its instances.
        """
        cluster = self._cluster(name)
        fleet = SpotFleet(f"sfr-{name}", cluster, instances, {instance_type: 1}, target_groups=self._groups(ingress))
        self.account.fleets.add(fleet)
        if managed:
            self.suite.manage(name, f"spot-fleet:{fleet.id}", **thresholds)
        return SimulatedCluster(self, cluster, fleet)

    def group_cluster(
        self,
        name: str,
        instances: int,
        instance_type: str = "m5.large",
        *,
        minimum: int = 0,
        maximum: int = 1000,
        ingress: TargetGroup | None = None,
        types: Mapping[str, int] | None = None,
        provider: str = "",
        **thresholds: Any,
    ) -> SimulatedCluster:
        """Build a cluster on an Auto Scaling group with a lifecycle hook and booted instances.

        Args:
            provider: the name of the group's capacity provider; "": it has none.
            types: the units of each type of the group, in the order of priority, in place of `instance_type`.
            ingress: a target group in which the group itself registers its instances.
        """
        cluster = self._cluster(name)
        group = AutoScalingGroup(name, cluster, instance_type, instances, minimum=minimum, maximum=maximum)
        group.target_groups, group.overrides = self._groups(ingress), dict(types or {})
        group.provider = self.provide(provider, name)
        self.account.groups.add(group)
        self.suite.manage(name, f"auto-scaling-group:{name}", **thresholds)
        return SimulatedCluster(self, cluster, group)

    def spot_group_cluster(
        self,
        name: str,
        instances: int,
        instance_type: str = "m5.large",
        *,
        types: Mapping[str, int] | None = None,
        capacity_rebalance: bool = True,
        maximum: int = 2000,
        managed: bool = True,
        ingress: TargetGroup | None = None,
        **thresholds: Any,
    ) -> SimulatedCluster:
        """Build a cluster on an Auto Scaling group of Spot Instances, with a lifecycle hook and booted instances.

        Args:
            types: the units of each type of the group, in place of `instance_type`.
            capacity_rebalance: whether the group replaces instances at risk, and at their notice.
            managed: whether the suite manages the cluster.
            ingress: a target group in which the group itself registers its instances.
        """
        cluster = self._cluster(name)
        group = AutoScalingGroup(name, cluster, instance_type, instances, maximum=maximum, on_demand_percent=0)
        group.overrides, group.capacity_rebalance = dict(types or {instance_type: 1}), capacity_rebalance
        group.target_groups = self._groups(ingress)
        self.account.groups.add(group)
        if managed:
            self.suite.manage(name, f"auto-scaling-group:{name}", **thresholds)
        return SimulatedCluster(self, cluster, group)

    def cluster(
        self, kind: PoolKind, name: str, instances: int, instance_type: str, *, on_spot: bool = False, **thresholds: Any
    ) -> SimulatedCluster:
        """Build a cluster on a pool of this kind with booted instances. A group is of on-demand ones, or `on_spot`."""
        group = self.spot_group_cluster if on_spot else self.group_cluster
        build: Callable[..., SimulatedCluster] = self.spot_cluster if kind is PoolKind.SPOT_FLEET else group
        return build(name, instances, instance_type, **thresholds)

    def provide(self, provider: str, group: str = "") -> str:
        """Make the capacity provider `provider` of an Auto Scaling group, or of ECS Managed Instances; return it."""
        if provider:
            self.account.scheduler.providers[provider] = Provider(provider, group)
        return provider

    def run(self, seconds: float) -> None:
        """Let `seconds` of simulated time pass."""
        self.clock.run_for(seconds)

    def _groups(self, ingress: TargetGroup | None) -> tuple[str, ...]:
        return (self.account.balancing.add(ingress).arn,) if ingress else ()

    def _cluster(self, name: str) -> Cluster:
        return self.account.scheduler.clusters.setdefault(name, Cluster(name))


class SimulatedCluster:
    """A cluster of the world, with its pool."""

    def __init__(self, world: World, state: Cluster, pool: SpotFleet | AutoScalingGroup) -> None:
        self.world = world
        self.state = state
        self.pool = pool

    @property
    def target(self) -> int:
        """The target capacity of the pool, in units."""
        return self.pool.target if isinstance(self.pool, SpotFleet) else self.pool.desired

    @property
    def name(self) -> str:
        return self.state.name

    def instances(self) -> list[ContainerInstance]:
        """Return the container instances that are registered."""
        return list(self.state.instances.values())

    def ec2_instances(self) -> list[Ec2Instance]:
        """Return the EC2 instances of the pool, booting ones included."""
        return list(self.pool.members.values())

    def tasks(self, group: str | None = None) -> list[Task]:
        """Return the tasks that have not ended, of all groups or of one, such as `service:api`."""
        return [t for t in self.state.tasks.values() if group in (None, t.group)]

    def running(self) -> list[Task]:
        """Return the tasks that are RUNNING."""
        return [t for t in self.tasks() if t.status is TaskStatus.RUNNING]

    def service(
        self,
        name: str,
        tasks: int,
        *,
        cpu: int = 256,
        memory: int = 512,
        requests_per_s: float = 0.0,
        target_groups: int = 1,
        delay_s: float = 300.0,
        strategy: Strategy = Strategy.SPREAD,
        minimum_healthy_percent: int = 100,
        deploys: Deploys = Deploys.ROLLING,
        otherwise: Otherwise | None = None,
        protocol: str = "HTTP",
        launch: Launch = EC2,
        **definition: Any,
    ) -> Service:
        """Build a replica service, and let ECS place its tasks.

        Args:
            cpu, memory: of a task, in CPU units and MiB.
            requests_per_s: how many requests a second each target gets; 0: the service has no target group.
            deploys: how it is deployed.
            launch: on what its tasks run.
            otherwise: in which way its tasks get these requests if it is not by target groups.
            protocol: of its target groups; TCP: they are behind a Network Load Balancer.
            delay_s: the deregistration delay of its target groups, in seconds.
            definition: further fields of its `TaskDefinition`.
        """
        live: list[str] = []
        idle: list[str] = []
        if requests_per_s:
            definition.setdefault("container_port", 8080)
            for number in range(target_groups):
                live.append(self.target_group(f"{name}-{number}", requests_per_s, protocol, delay_s, otherwise).arn)
                if deploys in (Deploys.BLUE_GREEN, Deploys.CODE_DEPLOY):
                    idle.append(self.target_group(f"{name}-{number}-idle", requests_per_s, protocol, delay_s).arn)
        service = Service(
            name,
            self.state,
            self.define(name, cpu, memory, **definition),
            tasks,
            () if otherwise else tuple(live),
            minimum_healthy_percent,
            strategy=strategy,
            idle_groups=tuple(idle),
            deploys=deploys,
            otherwise=otherwise,
            hidden_groups=tuple(live) if otherwise else (),
            launch=launch,
        )
        for arn in live:
            self.world.account.balancing.groups[arn].is_wanted = lambda: service.desired > 0
        self.state.services[name] = service
        self.world.account.scheduler.services.reconcile(service)
        return service

    def target_group(
        self,
        name: str,
        requests_per_s: float,
        protocol: str = "HTTP",
        delay_s: float = 300.0,
        otherwise: Otherwise | None = None,
    ) -> TargetGroup:
        """Build a target group, or a service of Cloud Map, in which no task is registered yet.

        Args:
            delay_s: its deregistration delay.
        """
        of = Registry if otherwise is Otherwise.CLOUD_MAP else TargetGroup
        group = of(f"{self.name}-{name}", requests_per_s=requests_per_s, protocol=protocol, delay_s=delay_s)
        return self.world.account.balancing.add(group)

    def daemon(self, name: str, *, cpu: int = 64, memory: int = 64, launch: Launch = EC2, **definition: Any) -> Service:
        """Build a daemon service, which runs one task on each instance that `launch` allows."""
        defined = self.define(name, cpu, memory, **definition)
        service = Service(name, self.state, defined, 0, daemon=True, launch=launch)
        self.state.services[name] = service
        self.world.account.scheduler.services.reconcile(service)
        return service

    def define(self, family: str, cpu: int, memory: int, **fields: Any) -> TaskDefinition:
        """Register a task definition with these CPU units and MiB."""
        definition = TaskDefinition(family, Size(cpu, memory), **fields)
        self.world.account.scheduler.definitions[definition.arn] = definition
        return definition

    def batch_task(
        self, instance: ContainerInstance, run_s: float | None, *, cpu: int = 256, memory: int = 512
    ) -> Task:
        """Start a batch task on `instance`. It ends by itself after `run_s` seconds; None: it does not."""
        definition = self.define("batch", cpu, memory)
        return self.world.account.scheduler.start(instance, definition, "family:batch", run_s)

    def reclaim(self, count: int | None = None, action: str = "terminate") -> list[Ec2Instance]:
        """Let EC2 reclaim `count` of the pool's Spot Instances, or all of them, and return them.

        Args:
            action: what EC2 does two minutes later: terminate, stop or hibernate.
        """
        taken = self.pool.spot_staying()[:count]
        self.world.account.spot.reclaim(taken, action)
        return taken
