"""What is made for one cluster. It has its own stack, so that a change of one cluster never touches another."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from constructs import Construct

from infra import parameters
from infra.clusters.cluster import PoolsOfCluster
from infra.docker_hub import pull_through
from infra.network import Network, existing
from infra.settings.clusters import MadeCluster, RowToMake
from infra.settings.networks import ExistingNetwork


class ClusterStack(cdk.Stack):
    """The ECS cluster and the pools of `row`, and the parameters that put them under the suite."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        row: RowToMake,
        network: Network | ExistingNetwork,
        docker_hub_mirror: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, id_, **kwargs)
        there = existing(self, network) if isinstance(network, ExistingNetwork) else network
        self.row = row
        self.made = PoolsOfCluster(self, "Cluster", row=row, network=there)
        if docker_hub_mirror:
            for statement in pull_through(self, docker_hub_mirror):
                self.made.instances.role.add_to_policy(statement)
        if isinstance(row, MadeCluster):
            [pool] = self.made.pools.values()
            parameters.add_cluster(self, row, pool)
            cdk.CfnOutput(
                self, "Pool", value=str(pool), description=f"The Auto Scaling group or Spot Fleet of {row.name}."
            )
        else:
            parameters.add_made_pools(self, row, self.made.pools)
        # A stack of logs or metrics that is no longer in cdk.json may still import it.
        self.export_value(self.made.instances.security_group.security_group_id)
        cdk.CfnOutput(
            self,
            "SecurityGroup",
            value=self.made.instances.security_group.security_group_id,
            description=f"Security group of the instances of {row.name}: add a rule for each load balancer.",
        )
