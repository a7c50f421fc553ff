"""What ECS does by itself, without the suite: managed scaling, managed draining, and the agent's own Spot draining.

Each pool is behind a capacity provider with managed scaling (`managed_scaling`). Under a group's hook ECS drains, and
completes it once no task is left. At a Spot notice the agent sets its instance to DRAINING
(ECS_ENABLE_SPOT_INSTANCE_DRAINING), and nothing else happens. A Spot Fleet takes no capacity provider: here it is
scaled as if it did, which flatters ECS.
"""

from __future__ import annotations

from simulator.auto_scaling_group import AutoScalingGroup
from simulator.lifecycle_hooks import MANAGED_DRAINING, MANAGED_HEARTBEAT_S, drain_under_managed_hook
from simulator.peers import agent_draining
from simulator.policies import managed_scaling
from simulator.policies.peer import Pending
from simulator.world import SimulatedCluster

NAME = "ecs-alone"
SETTINGS = (
    "ECS alone, at its best: a capacity provider for each cluster, with managed scaling (target capacity "
    f"{managed_scaling.TARGET:g} %, instance warm-up {managed_scaling.WARM_UP_S:g} s), managed termination protection "
    "and managed draining; and ECS_ENABLE_SPOT_INSTANCE_DRAINING. It has no on-demand instances to fall back on: a "
    "strategy of two providers is a constraint (containers-roadmap #773). A Spot Fleet takes no capacity provider: it "
    "is scaled here as if it did."
)


def start(cluster: SimulatedCluster, pending: Pending) -> None:
    """Leave `cluster` to ECS. The suite hears of nothing any more."""
    account = cluster.world.account
    agent_draining(cluster.world)
    account.groups.hooks.on_held = lambda group, waiting, hold: drain_under_managed_hook(
        account.groups.hooks, account.scheduler, group, waiting, hold
    )
    if isinstance(cluster.pool, AutoScalingGroup):
        cluster.pool.hook, cluster.pool.other_hooks = "", {MANAGED_DRAINING: MANAGED_HEARTBEAT_S}
    managed_scaling.start(cluster, pending)
