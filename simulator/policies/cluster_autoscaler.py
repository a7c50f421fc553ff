"""The Cluster Autoscaler of Kubernetes.

Every 10 s, it packs the pending tasks on new nodes of the pool's type (first fit decreasing). It removes a node whose
use has been under 50 % for 10 minutes if the node's tasks fit on other nodes, but not within 10 minutes after a
scale-up. Tasks of services are moved first. A task that nobody would replace keeps its node.
"""

from __future__ import annotations

from simulator.policies.peer import Look, Pending, look_every
from simulator.world import SimulatedCluster
from steady.aws.ecs.container_instances import set_draining
from steady.aws.scaling.observation import with_tasks
from steady.cluster import ContainerInstance, InstanceStatus, Size, TaskShape
from steady.scaling.packing import instances_needed, pack
from steady.scaling.room import Room, room_on

NAME = "cluster-autoscaler"
INTERVAL_S = 10
UNNEEDED_PERCENT = 50.0
UNNEEDED_FOR_S = 600.0
AFTER_SCALE_UP_S = 600.0


def start(cluster: SimulatedCluster, pending: Pending) -> None:
    """Run the policy on `cluster`, every `INTERVAL_S` seconds."""
    unneeded_since: dict[str, float] = {}
    emptying: set[str] = set()
    scaled_up_at: float | None = None
    size: Size | None = None

    def step(look: Look) -> None:
        nonlocal scaled_up_at, size
        active, now = list(look.snapshot.active), look.snapshot.at
        size = active[0].registered if active else size
        _take_emptied(look, emptying)
        coming = max(0, look.pool.target - sum(i.instance_id in look.pool.members for i in look.snapshot.instances))
        more = nodes_to_add(look.pending, room_on(active, look.snapshot), coming, size)
        if more:
            scaled_up_at = now
            unneeded_since.clear()
            look.ask_for(look.pool.target + more)
            return
        idle = {i.arn: i for i in active if use_percent(i) < UNNEEDED_PERCENT}
        for arn in set(unneeded_since) - set(idle):
            del unneeded_since[arn]
        for arn in idle:
            unneeded_since.setdefault(arn, now)
        ripe = [idle[arn] for arn, since in unneeded_since.items() if now - since >= UNNEEDED_FOR_S]
        if ripe and not look.pending and (scaled_up_at is None or now - scaled_up_at >= AFTER_SCALE_UP_S):
            _empty_one(look, ripe, emptying, unneeded_since)

    look_every(INTERVAL_S, NAME, cluster, pending, step)


def nodes_to_add(pending: list[TaskShape], rooms: list[Room], coming: int, size: Size | None) -> int:
    """Return how many new nodes the pending tasks need.

    Args:
        rooms: the room on the present nodes.
        coming: how many nodes are booting.
        size: the size of a node; None: not known yet.
    """
    left = pack(pending, rooms).left_over
    if size is None:
        return 1 if left and not coming else 0
    return instances_needed(pack(left, [Room(size) for _ in range(coming)]).left_over, Room(size))[0]


def use_percent(instance: ContainerInstance) -> float:
    """Return the larger of the percentages of CPU and memory that tasks reserve."""
    used, whole = instance.reserved, instance.registered
    return max(100 * used.cpu_units / whole.cpu_units, 100 * used.memory_mib / whole.memory_mib)


def _empty_one(look: Look, ripe: list[ContainerInstance], emptying: set[str], unneeded_since: dict[str, float]) -> None:
    if look.pool.target - len(emptying) <= look.within_bounds(0):
        return
    seen = with_tasks(look.runtime, look.snapshot, ripe)
    for instance in sorted(ripe, key=lambda i: (i.task_count, i.arn)):
        if instance.arn in seen.bound_since:
            continue  # it runs a batch task, which nobody would start again
        others = [i for i in look.snapshot.active if i is not instance]
        if not pack(seen.tasks_of[instance.arn], room_on(others, seen)).left_over:
            set_draining(look.runtime, look.cluster.name, [instance.arn])
            emptying.add(instance.arn)
            unneeded_since.pop(instance.arn, None)
            return


def _take_emptied(look: Look, emptying: set[str]) -> None:
    here = {i.arn: i for i in look.snapshot.instances if i.status is InstanceStatus.DRAINING}
    emptying &= set(here)
    gone = [arn for arn in sorted(emptying) if here[arn].task_count == 0]
    look.take([here[arn].instance_id for arn in gone if here[arn].instance_id in look.pool.members])
    emptying -= set(gone)
