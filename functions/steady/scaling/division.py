"""Divide a cluster among its pools: each decision is about one pool, with its instances and its part of the work."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from steady.cluster import Service, Snapshot, TaskShape
from steady.scaling import delivery
from steady.scaling.allotment import allot
from steady.scaling.candidate import Candidate
from steady.scaling.demand import task_of, waiting
from steady.scaling.mix import least_units
from steady.scaling.parts import part_of
from steady.scaling.spare_places import places_to_keep
from steady.scaling.state import ScalingState
from steady.settings import ClusterSettings, PoolSettings
from steady.thresholds import Thresholds


@dataclass(frozen=True, slots=True)
class Part:
    """What a decision about one pool starts from.

    Attributes:
        settings: those of the pool.
        snapshot: the pool's instances, and the services with the tasks that it is to hold.
        state: the pool's, with the demands that it is to hold.
        thresholds: the cluster's, with the pool's own bounds.
        gives_back: whether the pool is passed over: it is asked for no more than it holds.
    """

    settings: PoolSettings
    snapshot: Snapshot
    state: ScalingState
    thresholds: Thresholds
    gives_back: bool = False

    @property
    def candidate(self) -> Candidate:
        """The pool as one that may be asked for what waits."""
        is_passed_over = self.snapshot.at < self.state.delivery.passed_over_until
        name, priority = self.settings.name, self.settings.priority
        return Candidate(name, self.snapshot, self.state, self.thresholds, priority, is_passed_over)


def divide(whole: Snapshot, state: ScalingState, settings: ClusterSettings) -> tuple[Part, ...]:
    """Return the part of each pool that could be read.

    Each container instance is of the pool that counts it, or whose capacity provider it is of. One that no pool knows
    is of the first pool, as in a cluster with one pool; if a pool could not be read, it may be that one's, and is of
    none. What waits is allotted to the pools (`steady.scaling.allotment`).
    """
    if not whole.pools:
        (only,) = settings.pools
        # What has started since the last look is counted for a whole cluster.
        snapshot = replace(whole, started=None) if only.name else whole
        return (Part(only, snapshot, part_of(state, only.name), only.thresholds(settings.thresholds)),)
    own = _own_instances(whole, is_complete=len(whole.pools) == len(settings.pools))
    parts = [
        _undivided(whole, state, one, own[one.name], settings.thresholds)
        for one in settings.pools
        if one.name in whole.pools
    ]
    # How many start at once is counted for the whole cluster.
    places = places_to_keep(state, [part.candidate for part in parts], settings.thresholds)
    return _allotted(parts, whole, settings.thresholds, places)


def _own_instances(whole: Snapshot, *, is_complete: bool) -> Mapping[str, frozenset[str]]:
    """Return the ARNs of the container instances of each pool, by the pool's name."""
    pool_of = {id_: name for name, pool in whole.pools.items() for id_ in (*pool.members, *pool.waiting)}
    of_provider = {provider: name for name, pool in whole.pools.items() for provider in pool.providers}
    rest = next(iter(whole.pools)) if is_complete else ""
    found: dict[str, set[str]] = {name: set() for name in (*whole.pools, "")}
    for i in whole.instances:
        found[pool_of.get(i.instance_id) or of_provider.get(i.provider) or rest].add(i.arn)
    return {name: frozenset(arns) for name, arns in found.items()}


def _undivided(
    whole: Snapshot, state: ScalingState, settings: PoolSettings, own: frozenset[str], of_cluster: Thresholds
) -> Part:
    """Return the part of a pool, with all that waits in the cluster."""
    instances = tuple(i for i in whole.instances if i.arn in own)
    pool = replace(whole.pools[settings.name], attributes=settings.attributes)
    started = whole.started.of_pool(settings.name, own) if whole.started else None
    snapshot = replace(whole, pool=pool, instances=instances, pools={}, started=started)
    part, thresholds = part_of(state, settings.name), settings.thresholds(of_cluster)
    here = {i.instance_id for i in instances} | set(snapshot.pool.members)
    part = replace(part, doomed={id_: at for id_, at in state.doomed.items() if id_ in here})
    part = replace(part, delivery=delivery.seen(snapshot, part, thresholds))
    return Part(settings, snapshot, part, thresholds)


def _allotted(
    parts: Sequence[Part], whole: Snapshot, thresholds: Thresholds, places: Counter[TaskShape]
) -> tuple[Part, ...]:
    """Return `parts`, each with its tasks alone of all that wait."""
    demands = parts[0].state.demands
    runs = {key: task_of(d, parts[0].state.run_shapes) for key, d in demands.items()}
    fresh = {d.key for d in waiting(demands, whole.at)}
    tasks = Counter(runs[key] for key in sorted(fresh))
    for s in whole.services:
        if s.shape and not s.shared:
            tasks[s.shape] += s.missing
    candidates = [part.candidate for part in parts]
    allotment = allot(tasks + places, candidates, thresholds)
    left = {name: Counter(of_pool) for name, of_pool in allotment.tasks.items()}
    shares = {s.name: _shares(s, left) for s in whole.services}
    pool_of = {key: _taker(left, runs[key]) for key in sorted(fresh)}
    # A run that fell silent a moment ago waits for no place.
    pool_of |= {key: allotment.home_of(runs[key]) for key in demands if key not in fresh}
    return tuple(
        replace(
            part,
            snapshot=replace(
                part.snapshot,
                services=tuple(_with_missing(s, shares[s.name].get(name, 0)) for s in whole.services),
                spare=tuple((places & allotment.tasks[name]).elements()),
            ),
            state=replace(
                part.state,
                demands={key: d for key, d in demands.items() if pool_of[key] == name},
                expected=allotment.expected[name],
            ),
            thresholds=_with_minimum(part.thresholds, least_units(one, candidates, thresholds.on_demand_share)),
            gives_back=one.is_passed_over and name not in allotment.needed,
        )
        for part, one in zip(parts, candidates, strict=True)
        for name in (one.name,)
    )


def _with_minimum(thresholds: Thresholds, units: int) -> Thresholds:
    minimum = min(thresholds.max_capacity, max(thresholds.min_capacity, units))
    return replace(thresholds, min_capacity=minimum)


def _shares(service: Service, left: Mapping[str, Counter[TaskShape]]) -> Mapping[str, int]:
    """Return how many of the tasks that `service` lacks each pool is to hold; those in `left` become fewer."""
    if service.shared:
        # ECS chooses by the strategy.
        return service.lacks
    if service.shape is None:
        return {next(iter(left)): service.missing}
    return Counter(_taker(left, service.shape) for _ in range(service.missing))


def _taker(left: Mapping[str, Counter[TaskShape]], task: TaskShape) -> str:
    name = next(name for name, tasks in left.items() if tasks[task] > 0)
    left[name][task] -= 1
    return name


def _with_missing(service: Service, missing: int) -> Service:
    """Return `service` with so many of the tasks that it lacks: the others are other pools'."""
    return replace(service, elsewhere=service.elsewhere + service.missing - missing, lacks={})
