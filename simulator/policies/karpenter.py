"""Karpenter, with the settings that its documentation shows.

It batches pending tasks (1 s without a new one, 10 s at most), packs them on what runs and boots, and launches for the
rest the cheapest types that hold it: Spot first, on-demand where EC2 has no Spot (karpenter.sh, "Settings",
BATCH_IDLE_DURATION and BATCH_MAX_DURATION; "FAQs", fallback to on-demand; an offering that EC2 refused is avoided for
three minutes, "unavailable offerings"). Every 10 s it consolidates (karpenter.sh, "Disruption"): empty nodes are
deleted; a node whose tasks fit on the others is deleted; an on-demand node whose tasks fit on the others and one
cheaper node is replaced once that one has registered. Spot nodes are only deleted: replacing them by other Spot nodes
is off by default. `consolidationPolicy: WhenEmptyOrUnderutilized`, `consolidateAfter: 30s`, and 15 s in which a command
is validated. The disruption budget is 10 % of the nodes, rounded up.

Batch tasks have `karpenter.sh/do-not-disrupt`, as nobody would run them again.

Kept simple: one node at a time is consolidated, where Karpenter may replace several by one; of a cluster with one pool,
types differ in size alone.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from simulator.instance_types import registered_size
from simulator.policies.batch import BATCH_IDLE_S, Batch
from simulator.policies.node_pool import NodePool, sizes_up_to, types_of
from simulator.policies.peer import Look, Pending, look_every
from simulator.prices import list_price
from simulator.workload.pool_plan import node_room
from simulator.world import SimulatedCluster
from steady.aws.ecs.container_instances import set_draining
from steady.aws.scaling.observation import with_tasks
from steady.cluster import NOTHING, ContainerInstance, InstanceStatus, TaskShape
from steady.scaling.packing import pack
from steady.scaling.room import Room, room_on

DISRUPTION_EVERY_S = 10.0
VALIDATION_S = 15.0
UNAVAILABLE_S = 180.0
# How many nodes are looked at for consolidation at a time: those with the fewest tasks.
CANDIDATES = 10


# The nodes: the ARN, the status and the number of tasks of each.
_Picture = tuple[tuple[str, str, int], ...]


def nodes_for(tasks: Sequence[TaskShape], types: Sequence[str]) -> list[str]:
    """Return the types of the new nodes that hold `tasks`: each filled first fit, then the cheapest type that holds it.

    Args:
        types: the cheapest first. Tasks that fit none of them are left out.

    >>> from steady.cluster import Size
    >>> nodes_for([TaskShape(Size(1024, 1024))] * 9, ("m5.large", "m5.xlarge", "m5.2xlarge"))
    ['m5.2xlarge', 'm5.large']
    """
    largest = registered_size(types[-1])
    found = []
    left = [task for task in tasks if largest.holds(task.size)]
    while left:
        rest = pack(left, [Room(largest)]).left_over
        placed = Counter(left) - Counter(rest)
        total = sum((task.size * many for task, many in placed.items()), NOTHING)
        found.append(next(type_ for type_ in types if registered_size(type_).holds(total)))
        left = list(rest)
    return found


# Returns the types of the new nodes that hold some tasks, of the types that may be launched, the cheapest first.
NodesFor = Callable[[Sequence[TaskShape], Sequence[str]], list[str]]


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a policy that launches nodes for the tasks that wait.

    Attributes:
        consolidate_after_s: for how long nothing may have changed on a node that is consolidated.
        budget: which fraction of the nodes is disrupted at a time, rounded up.
        falls_back: whether what Spot lacks is launched on-demand, and replaced by Spot later.
        on_demand_of: how many of so many nodes are on-demand in any case.
        boot_share: a boot takes this fraction of what it takes others.
        nodes_for: how the types of the new nodes that hold some tasks are chosen.
    """

    name: str
    consolidate_after_s: float = 30.0
    budget: float = 0.10
    falls_back: bool = True
    on_demand_of: Callable[[int], int] = lambda nodes: 0
    boot_share: float = 1.0
    nodes_for: NodesFor = nodes_for


KARPENTER = Settings("karpenter")
KARPENTER_ANY_SIZE = Settings("karpenter-any-size")


@dataclass
class _State:
    """What Karpenter keeps of its nodes. Times are in seconds since the epoch, nodes are container instance ARNs.

    Attributes:
        unavailable_until: until when Spot is taken to be unavailable.
        since: since when nothing has changed on a node.
        tasks: how many tasks each node had at the last look.
        emptying: the nodes that are being drained.
        replacing: nodes that are drained once the instance that replaces them, by its id, has registered.
        quiet: the nodes with their tasks, as they were when there was nothing to disrupt, and when that was.
    """

    unavailable_until: float = 0.0
    since: dict[str, float] = field(default_factory=dict)
    tasks: dict[str, int] = field(default_factory=dict)
    emptying: set[str] = field(default_factory=set)
    replacing: dict[str, str] = field(default_factory=dict)
    quiet: tuple[float, _Picture] = (0.0, ())


def start(cluster: SimulatedCluster, pending: Pending) -> None:
    """Run the policy on `cluster`, with the types of its pool."""
    run(cluster, pending, KARPENTER, types_of(cluster.pool))


def start_any_size(cluster: SimulatedCluster, pending: Pending) -> None:
    """Run the policy on `cluster`, with every size of its family up to that of its pool."""
    run(cluster, pending, KARPENTER_ANY_SIZE, any_size(cluster))


def any_size(cluster: SimulatedCluster) -> tuple[str, ...]:
    """Return every size of the family of the cluster's pool, up to its own."""
    return sizes_up_to(max(types_of(cluster.pool), key=list_price))


def run(
    cluster: SimulatedCluster,
    pending: Pending,
    settings: Settings,
    types: Sequence[str],
    views: Sequence[SimulatedCluster] = (),
) -> None:
    """Run a policy with these settings, which launches nodes of `types`.

    Args:
        views: a view of the cluster with each of its pools, if it has several.
    """
    nodes, state, clock = NodePool(cluster, types, settings.boot_share, views), _State(), cluster.world.clock
    batch = Batch()

    def is_ripe() -> bool:
        return batch.is_ripe(len(pending()), clock.now)

    def is_changed() -> bool:
        at, picture = state.quiet
        return clock.now - at >= UNAVAILABLE_S or _picture(cluster) != picture

    def provision(look: Look) -> None:
        _provision(look, nodes, state, settings)

    def disrupt(look: Look) -> None:
        _disrupt(look, nodes, state, settings)

    look_every(BATCH_IDLE_S, settings.name, cluster, pending, provision, is_ripe)
    look_every(DISRUPTION_EVERY_S, settings.name, cluster, pending, disrupt, is_changed)


def _provision(look: Look, nodes: NodePool, state: _State, settings: Settings) -> None:
    rooms = [*room_on(look.snapshot.active, look.snapshot), *(node_room(t).copy() for t in nodes.booting())]
    wanted = settings.nodes_for(pack(look.pending, rooms).left_over, nodes.types)
    wanted = nodes.within(wanted, look.thresholds.max_capacity)
    now = look.snapshot.at
    avoids_spot = not nodes.on_spot or (settings.falls_back and now < state.unavailable_until)
    base = settings.on_demand_of(len(nodes.fleet.members) + len(wanted)) - nodes.on_demand
    on_demand = len(wanted) if avoids_spot else max(0, min(base, len(wanted)))
    nodes.launch_on_demand(wanted[:on_demand])
    refused = nodes.launch_spot(wanted[on_demand:])
    if refused and settings.falls_back:
        nodes.launch_on_demand(refused)
        state.unavailable_until = now + UNAVAILABLE_S


def _disrupt(look: Look, nodes: NodePool, state: _State, settings: Settings) -> None:
    active = list(look.snapshot.active)
    _note_changes(look, active, state)
    _finish(look, state)
    allowed = math.ceil(settings.budget * len(look.snapshot.instances)) - len(state.emptying) - len(state.replacing)
    ripe_s = settings.consolidate_after_s + VALIDATION_S
    ripe = [i for i in active if look.snapshot.at - state.since[i.arn] >= ripe_s and i.arn not in state.replacing]
    if allowed <= 0 or not ripe or look.pending:
        return
    empty = [i for i in ripe if not i.task_count][:allowed]
    if empty:
        _drain(look, [i.arn for i in empty], state)
        return
    candidates = sorted(ripe, key=lambda i: (i.task_count, i.arn))[:CANDIDATES]
    seen = with_tasks(look.runtime, look.snapshot, candidates)
    for node in candidates:
        if node.arn in seen.bound_since or node.arn in seen.pinned:
            continue
        others = [i for i in active if i is not node and i.arn not in state.replacing]
        left = pack(seen.tasks_of[node.arn], room_on(others, seen)).left_over
        if not left:
            _drain(look, [node.arn], state)
            return
        if settings.falls_back and _replace(look, node, left, nodes, state, settings):
            return
    if len(ripe) == len(look.snapshot.instances):
        state.quiet = look.snapshot.at, _picture(look.cluster)


def _replace(
    look: Look,
    node: ContainerInstance,
    left: Sequence[TaskShape],
    nodes: NodePool,
    state: _State,
    settings: Settings,
) -> bool:
    """Replace an on-demand node by one cheaper one, if `left`, what the others cannot hold, fits on it."""
    type_of = look.pool.members
    if not nodes.is_on_demand(node.instance_id) or node.instance_id not in type_of:
        return False
    wanted = settings.nodes_for(left, nodes.types)
    if len(wanted) != 1 or not nodes.within(wanted, look.thresholds.max_capacity):
        return False
    before = set(nodes.fleet.members)
    if nodes.on_spot and look.snapshot.at >= state.unavailable_until:
        if nodes.launch_spot(wanted):
            state.unavailable_until = look.snapshot.at + UNAVAILABLE_S
    elif list_price(wanted[0]) < list_price(type_of[node.instance_id]):
        nodes.launch_on_demand(wanted)
    launched = set(nodes.fleet.members) - before
    for instance_id in launched:
        state.replacing[node.arn] = instance_id
    return bool(launched)


def _picture(cluster: SimulatedCluster) -> _Picture:
    return tuple((i.arn, i.status, len(i.tasks)) for i in cluster.instances())


def _note_changes(look: Look, active: Sequence[ContainerInstance], state: _State) -> None:
    here = {i.arn: i.task_count for i in active}
    for arn in set(state.since) - set(here):
        del state.since[arn]
    for arn, many in here.items():
        if state.tasks.get(arn) != many or arn not in state.since:
            state.since[arn] = look.snapshot.at
    state.tasks = here


def _finish(look: Look, state: _State) -> None:
    """Drain the nodes whose replacements have registered, and terminate those that are drained."""
    registered = {i.instance_id for i in look.snapshot.active}
    here = {i.arn: i for i in look.snapshot.instances}
    ready = [arn for arn, id_ in state.replacing.items() if id_ in registered]
    for arn, id_ in list(state.replacing.items()):
        if id_ in registered or id_ not in look.pool.members or arn not in here:
            del state.replacing[arn]
    _drain(look, [arn for arn in ready if arn in here], state)
    draining = {arn: i for arn, i in here.items() if i.status is InstanceStatus.DRAINING}
    state.emptying &= set(here)
    gone = [arn for arn in sorted(state.emptying & set(draining)) if not draining[arn].task_count]
    if gone:
        look.runtime.ec2.terminate_instances(InstanceIds=[here[arn].instance_id for arn in gone])
        state.emptying -= set(gone)


def _drain(look: Look, arns: Sequence[str], state: _State) -> None:
    if arns:
        set_draining(look.runtime, look.cluster.name, arns)
        state.emptying.update(arns)
