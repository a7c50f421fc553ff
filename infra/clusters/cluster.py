"""What is made for a cluster: the ECS cluster, unless it exists, and those of its pools that do not exist."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from infra.clusters.container_instances import ContainerInstances
from infra.clusters.fleet import add_fleet
from infra.clusters.group import add_group
from infra.network import Network
from infra.settings.clusters import MadeCluster, PlacedPool, RowToMake
from steady.pools import PoolKind, PoolName


class PoolsOfCluster(Construct):
    """The cluster of `row` with its pools. `pools` has the name of each pool that is made, by its name in the cluster.

    A cluster's only pool, and a pool that is named like its cluster, have the same logical ids: so a cluster with one
    pool becomes one with several, and its pool is one of these, without a change of what runs.

    While a cluster moves from a Spot Fleet, the fleet stays, with the logical ids that it had.
    """

    def __init__(self, scope: Construct, id_: str, *, row: RowToMake, network: Network) -> None:
        super().__init__(scope, id_)
        self._network = network
        self.cluster = ecs.CfnCluster(self, "Cluster", cluster_name=row.name) if row.is_made else None
        self.instances = ContainerInstances(self, "Instances", cluster=row.name, vpc=network.vpc)
        found: dict[str, PoolName] = {}
        for pool in row.made_pools:
            place = self if pool.is_first else Construct(self, f"Pool-{pool.name}")
            template = self.instances.add_template(self.instances if pool.is_first else place, pool)
            found[pool.name] = self._add(place, pool, template)
            if isinstance(row, MadeCluster) and row.moves_from:
                self._add_fleet(place, pool, template)
        if not isinstance(row, MadeCluster):
            _keep_what_is_taken_out(self)
        self.pools: Mapping[str, PoolName] = found

    def _add(self, place: Construct, pool: PlacedPool, template: ec2.LaunchTemplate) -> PoolName:
        kind = pool.made.pool_kind
        if kind is PoolKind.SPOT_FLEET:
            return PoolName(kind, self._add_fleet(place, pool, template).ref)
        group = add_group(
            place,
            pool=pool,
            vpc=self._network.vpc,
            subnets=self._subnets(pool),
            after=self.cluster,
            launch_template=template,
        )
        return PoolName(kind, group.auto_scaling_group_name)

    def _add_fleet(self, place: Construct, pool: PlacedPool, template: ec2.LaunchTemplate) -> ec2.CfnSpotFleet:
        return add_fleet(place, pool=pool, launch_template=template, subnets=self._subnets(pool), after=self.cluster)

    def _subnets(self, pool: PlacedPool) -> list[ec2.ISubnet]:
        return [self._network.subnets[zone] for zone in pool.made.zones]


def _keep_what_is_taken_out(pools: Construct) -> None:
    """Let CloudFormation leave a pool as it is, with all that its instances need, when it is taken out of the row.

    It would delete a group with its instances, and its lifecycle hook before: tasks would end without service-out. A
    cluster with one pool needs no such care: with its services, CloudFormation refuses to delete it.
    """
    for child in pools.node.find_all():
        if isinstance(child, cdk.CfnResource) and not isinstance(child, ecs.CfnCluster):
            child.apply_removal_policy(cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)
