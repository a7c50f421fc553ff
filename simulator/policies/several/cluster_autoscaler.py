"""The Cluster Autoscaler of Kubernetes, with a node group for each pool and an expander.

Every 10 s, it reckons for each group which pending tasks its new nodes hold, and how many nodes these need. The
expander chooses one group, which grows; what is left then waits for the next round. `least-waste`: the group with the
least idle CPU and memory on its new nodes. `priority`: the group with the highest priority (cluster-autoscaler FAQ,
"What are expanders?"). A group that does not launch its nodes is avoided, and nodes are removed, as
`simulator.policies.cluster_autoscaler` says. The use of a node with GPUs is that of its GPUs alone (FAQ, "How does
scale-down work?").
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from simulator.policies.cluster_autoscaler import (
    AFTER_SCALE_UP_S,
    INTERVAL_S,
    UNNEEDED_FOR_S,
    UNNEEDED_PERCENT,
    SpotGroup,
    use_percent,
)
from simulator.policies.peer import Pending
from simulator.policies.several.looks import PoolLook, Views, WholeLook, look_every
from steady.aws.ecs.container_instances import set_draining
from steady.aws.scaling.observation import with_tasks
from steady.cluster import ContainerInstance, InstanceStatus, TaskShape
from steady.scaling.packing import instances_needed, pack
from steady.scaling.room import room_on

NAME = "cluster-autoscaler"


@dataclass(frozen=True)
class Option:
    """A group that could grow: the tasks that its new nodes would hold, and how many nodes these need."""

    look: PoolLook
    tasks: Sequence[TaskShape]
    nodes: int

    @property
    def waste(self) -> float:
        """The idle fraction of CPU and memory together, 0 to 2, on the new nodes."""
        free = self.look.room.free
        cpu = sum(task.size.cpu_units for task in self.tasks) / (free.cpu_units * self.nodes)
        memory = sum(task.size.memory_mib for task in self.tasks) / (free.memory_mib * self.nodes)
        return 2 - cpu - memory


EXPANDERS: Mapping[str, Callable[[Sequence[Option]], Option]] = {
    "least-waste": lambda options: min(options, key=lambda one: (one.waste, one.look.name)),
    "priority": lambda options: min(options, key=lambda one: (-one.look.priority, one.look.name)),
}


@dataclass
class _State:
    """What it keeps of its nodes, by container instance ARN, and of its groups. Times are in seconds."""

    unneeded_since: dict[str, float] = field(default_factory=dict)
    emptying: set[str] = field(default_factory=set)
    scaled_up_at: float | None = None
    groups: dict[str, SpotGroup] = field(default_factory=lambda: defaultdict(SpotGroup))


def start(views: Views, pending: Pending, expander: str) -> None:
    """Run the policy on the cluster of `views` with this expander, every `INTERVAL_S` seconds."""
    state, choose = _State(), EXPANDERS[expander]
    look_every(INTERVAL_S, f"{NAME}-{expander}", views, pending, lambda look: _step(look, state, choose))


def _step(look: WholeLook, state: _State, choose: Callable[[Sequence[Option]], Option]) -> None:
    now = look.snapshot.at
    for one in look.pools:
        _take_emptied(one, state.emptying)
        if state.groups[one.name].has_failed(one.missing, now):
            one.ask_for(one.pool.target - one.missing)
            return
    options = options_of(look, {name for name, group in state.groups.items() if now < group.avoided_until})
    if options:
        chosen = choose(options)
        state.scaled_up_at = now
        state.unneeded_since.clear()
        chosen.look.ask_for(chosen.look.pool.target + min(chosen.nodes, chosen.look.headroom))
        return
    _shrink(look, state)


def options_of(look: WholeLook, avoided: set[str]) -> list[Option]:
    """Return the groups that could grow for the tasks that find no place on the nodes that run and boot."""
    coming = [one.room for one in look.pools for _ in range(one.coming)]
    left = pack(look.pending, [*room_on(look.snapshot.active, look.snapshot), *coming]).left_over
    found = []
    for one in look.pools:
        held = [task for task in left if one.room.holds(task)]
        if held and one.headroom and one.name not in avoided:
            found.append(Option(one, held, max(1, instances_needed(held, one.room)[0])))
    return found


def _shrink(look: WholeLook, state: _State) -> None:
    now = look.snapshot.at
    idle = {i.arn: (one, i) for one in look.pools for i in one.snapshot.active if _use(i) < UNNEEDED_PERCENT}
    for arn in set(state.unneeded_since) - set(idle):
        del state.unneeded_since[arn]
    for arn in idle:
        state.unneeded_since.setdefault(arn, now)
    ripe = [idle[arn] for arn, since in state.unneeded_since.items() if now - since >= UNNEEDED_FOR_S]
    if ripe and not look.pending and (state.scaled_up_at is None or now - state.scaled_up_at >= AFTER_SCALE_UP_S):
        _empty_one(look, ripe, state)


def _empty_one(look: WholeLook, ripe: Sequence[tuple[PoolLook, ContainerInstance]], state: _State) -> None:
    seen = with_tasks(look.runtime, look.snapshot, [instance for _, instance in ripe])
    emptying = Counter(one.name for one in look.pools for i in one.snapshot.instances if i.arn in state.emptying)
    for one, instance in sorted(ripe, key=lambda found: (found[1].task_count, found[1].arn)):
        if one.pool.target - emptying[one.name] <= one.within_bounds(0):
            continue
        if instance.arn in seen.bound_since:
            continue  # it runs a batch task, which nobody would start again
        others = [i for i in look.snapshot.active if i.arn != instance.arn]
        if not pack(seen.tasks_of[instance.arn], room_on(others, seen)).left_over:
            set_draining(look.runtime, look.snapshot.cluster, [instance.arn])
            state.emptying.add(instance.arn)
            state.unneeded_since.pop(instance.arn, None)
            return


def _use(instance: ContainerInstance) -> float:
    if instance.registered_gpus:
        return 100 * (instance.registered_gpus - instance.gpus) / instance.registered_gpus
    return use_percent(instance)


def _take_emptied(look: PoolLook, emptying: set[str]) -> None:
    draining = {i.arn: i for i in look.snapshot.instances if i.status is InstanceStatus.DRAINING}
    gone = [arn for arn in sorted(emptying & set(draining)) if draining[arn].task_count == 0]
    if look.take([draining[arn].instance_id for arn in gone if draining[arn].instance_id in look.pool.members]):
        emptying -= set(gone)
