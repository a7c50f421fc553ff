"""The Cluster Autoscaler of Kubernetes.

Every 10 s, it packs the pending tasks on new nodes of the pool's type (first fit decreasing). It removes a node whose
use has been under 50 % for 10 minutes if the node's tasks fit on other nodes, but not within 10 minutes after a
scale-up. Tasks of services are moved first. A task that nobody would replace keeps its node.

A cluster on Spot has two node groups of one type, with the expander `priority`: Spot first. A group that has not
launched its nodes within `max-node-provision-time` is lowered to what it holds and avoided for a while; meanwhile, the
on-demand group grows. The default is 15 minutes; those who need the fallback set 5 (kubernetes/autoscaler #2075 and
#4958; BedrockStreaming, "Three years running Kubernetes on production"). It is avoided for 5 minutes at first and for
twice as long each time, 30 at most, until three hours have passed without a failure (cluster-autoscaler flags
`initial-node-group-backoff-duration`, `max-node-group-backoff-duration`, `node-group-backoff-reset-timeout`).
"""

from __future__ import annotations

from dataclasses import dataclass

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
PROVISION_S = 300.0
BACKOFF_S, BACKOFF_MAX_S, BACKOFF_RESET_S = 300.0, 1800.0, 3 * 3600.0


@dataclass
class SpotGroup:
    """What is known of the Spot node group. Times are in seconds since the epoch.

    Attributes:
        short_since: since when it has not launched all its nodes; None: it has.
        avoided_until: until when the on-demand group grows in its place.
        backoff_s: for how long it was avoided the last time.

    >>> group = SpotGroup()
    >>> [group.has_failed(missing=1, now=at) for at in (1000.0, 1290.0, 1300.0)]
    [False, False, True]
    >>> group.avoided_until
    1600.0
    """

    short_since: float | None = None
    avoided_until: float = 0.0
    backoff_s: float = 0.0

    def has_failed(self, missing: int, now: float) -> bool:
        """Whether its nodes have been missing for too long. It is avoided from now on then."""
        if not missing:
            self.short_since = None
            return False
        if self.short_since is None:
            self.short_since = now
        if now - self.short_since < PROVISION_S:
            return False
        again = self.backoff_s and now - self.avoided_until < BACKOFF_RESET_S
        self.backoff_s = min(BACKOFF_MAX_S, 2 * self.backoff_s) if again else BACKOFF_S
        self.avoided_until, self.short_since = now + self.backoff_s, None
        return True


def start(cluster: SimulatedCluster, pending: Pending) -> None:
    """Run the policy on `cluster`, every `INTERVAL_S` seconds."""
    unneeded_since: dict[str, float] = {}
    emptying: set[str] = set()
    scaled_up_at: float | None = None
    size: Size | None = None
    spot = SpotGroup()

    def step(look: Look) -> None:
        nonlocal scaled_up_at, size
        active, now = list(look.snapshot.active), look.snapshot.at
        size = active[0].registered if active else size
        _take_emptied(look, emptying)
        if look.has_spot_and_on_demand and spot.has_failed(look.spot_missing, now):
            look.ask_for(look.pool.target - look.spot_missing)
            return
        coming = max(0, look.pool.target - sum(i.instance_id in look.pool.members for i in look.snapshot.instances))
        more = nodes_to_add(look.pending, room_on(active, look.snapshot), coming, size)
        if more:
            scaled_up_at = now
            unneeded_since.clear()
            falls_back = look.has_spot_and_on_demand and now < spot.avoided_until
            look.ask_for(look.pool.target + more, look.pool.on_demand + more if falls_back else None)
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
    if look.take([here[arn].instance_id for arn in gone if here[arn].instance_id in look.pool.members]):
        emptying -= set(gone)
