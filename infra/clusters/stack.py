"""One cluster that the deployment makes. It has its own stack, so that a change of one never touches another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from constructs import Construct

from infra import parameters
from infra.clusters.on_demand_cluster import OnDemandCluster
from infra.clusters.spot_cluster import SpotCluster
from infra.clusters.spot_fleet_cluster import SpotFleetCluster
from infra.docker_hub import pull_through
from infra.network import Network, existing
from infra.settings.clusters import MadeCluster, MadeKind
from infra.settings.networks import ExistingNetwork

# The construct that makes the pool of each kind.
MADE_BY: Mapping[MadeKind, type[OnDemandCluster] | type[SpotCluster] | type[SpotFleetCluster]] = {
    MadeKind.ON_DEMAND: OnDemandCluster,
    MadeKind.SPOT: SpotCluster,
    MadeKind.SPOT_FLEET: SpotFleetCluster,
}


class ClusterStack(cdk.Stack):
    """The ECS cluster, its pool, and the parameters that put both under the suite."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        row: MadeCluster,
        network: Network | ExistingNetwork,
        docker_hub_mirror: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, id_, **kwargs)
        there = existing(self, network) if isinstance(network, ExistingNetwork) else network
        self.row = row
        subnets = [there.subnets[zone] for zone in row.zones]
        self.made = MADE_BY[row.kind](self, "Cluster", row=row, vpc=there.vpc, subnets=subnets)
        if docker_hub_mirror:
            for statement in pull_through(self, docker_hub_mirror):
                self.made.instances.role.add_to_policy(statement)
        parameters.add_cluster(self, row, self.made.pool)
        # A stack of logs or metrics that is no longer in cdk.json may still import it.
        self.export_value(self.made.instances.security_group.security_group_id)
        cdk.CfnOutput(
            self,
            "SecurityGroup",
            value=self.made.instances.security_group.security_group_id,
            description=f"Security group of the instances of {row.name}: add a rule for each load balancer.",
        )
        cdk.CfnOutput(
            self, "Pool", value=str(self.made.pool), description=f"The Auto Scaling group or Spot Fleet of {row.name}."
        )
