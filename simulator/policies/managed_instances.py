"""ECS Managed Instances, as far as it is public how they are scaled.

ECS launches instances for the tasks that wait, of types that it chooses, and waits for `scaleInAfter` seconds before it
removes idle instances or moves the tasks of underutilized ones (ECS API, InfrastructureOptimization: 0 to 3,600; 300
here, as the default is not public). A capacity provider is on-demand or Spot (InstanceLaunchTemplate,
capacityOptionType), so there are two, with a base of one on-demand and weights of 1 : 4; a strategy is no fallback
(containers-roadmap #773).

Its boots take a quarter of those of others: the first task was seen 40 s after its call on a cluster without instances
(neilkuan, 2026). Instances under load were seen after 2 to 5 minutes (PrefectHQ/prefect, issue 20765), which is not
simulated, in its favour.

Not public, and taken from Karpenter: for how long waiting tasks are collected, how they are packed, how many instances
are removed at a time. Not simulated: its fee.
"""

from __future__ import annotations

from simulator.policies.karpenter import Settings, any_size, run
from simulator.policies.managed_scaling import on_demand_of
from simulator.policies.peer import Pending
from simulator.world import SimulatedCluster

NAME = "managed-instances"
BOOT_SHARE = 0.25
SETTINGS = Settings(NAME, consolidate_after_s=300.0, falls_back=False, on_demand_of=on_demand_of, boot_share=BOOT_SHARE)


def start(cluster: SimulatedCluster, pending: Pending) -> None:
    """Run the policy on `cluster`, with every size of its family up to that of its pool."""
    run(cluster, pending, SETTINGS, any_size(cluster))
