"""The plan of a cluster: its work, and its Spot market. Times are in seconds from the start of the simulation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from simulator.workload.pool_plan import Needs, PoolPlan, holds, largest_size
from steady.cluster import Size
from steady.pools import PoolKind


@dataclass(frozen=True, slots=True)
class Job:
    """A batch job: `RunTask` is called every 10 s until the task is placed. It runs for `run_s` after its start.

    Attributes:
        gpus: how many GPUs it needs.
        architecture: what its image is made for, `x86_64` or `arm64`; "": it runs on either.
    """

    submit_s: float
    family: str
    size: Size
    run_s: float
    gpus: int = 0
    architecture: str = ""


@dataclass(frozen=True, slots=True)
class ServiceChange:
    """From `at_s` on, `service` wants `desired` tasks of `size`, with GPUs and of an architecture as a `Job`."""

    at_s: float
    service: str
    desired: int
    size: Size
    gpus: int = 0
    architecture: str = ""


@dataclass(frozen=True, slots=True)
class Work:
    """The work of a cluster: jobs in the order of their time, and the changes of its services."""

    jobs: tuple[Job, ...] = ()
    services: tuple[ServiceChange, ...] = ()


@dataclass(frozen=True, slots=True)
class SpotMarket:
    """How many instances the market has in each step of `gap_s` seconds."""

    gap_s: float
    available: tuple[int, ...]

    @property
    def most(self) -> int:
        """The most instances that the market has at any time."""
        return max(self.available, default=0)


@dataclass(frozen=True, slots=True)
class ClusterPlan:
    """One cluster: the kind of its pool, its work, and its Spot market (None: no interruptions).

    Attributes:
        requests_per_s: how many requests a second each task of a service gets.
        on_spot: whether an Auto Scaling group is one of Spot Instances. A Spot Fleet always is.
        pools: the pools of a cluster with several, by name, in place of `kind`, `instance_type` and `on_spot`. Each
            that buys Spot has a market of its own, which is as `market`.
    """

    name: str
    kind: PoolKind
    instance_type: str
    jobs: tuple[Job, ...] = ()
    services: tuple[ServiceChange, ...] = ()
    market: SpotMarket | None = None
    requests_per_s: float = 2.0
    on_spot: bool = False
    pools: Mapping[str, PoolPlan] = field(default_factory=dict)

    @property
    def types(self) -> tuple[str, ...]:
        """The instance types of all its pools."""
        return tuple({type_: None for pool in self.pools.values() for type_ in pool.types}) or (self.instance_type,)

    @property
    def size(self) -> Size:
        """What demand is counted in: an instance; of several types, one with the most CPU and the most memory."""
        return largest_size(self.types)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Work that fits no instance of the cluster's types: how many jobs, of which services, and the largest size."""

    jobs: int
    services: tuple[str, ...]
    largest: Size


def fitting(plan: ClusterPlan) -> tuple[ClusterPlan, LeftOut | None]:
    """Return `plan` without the tasks that fit no instance of its types, and what was left out (None: nothing)."""

    def fits(work: Needs) -> bool:
        return any(holds(type_, work) for type_ in plan.types)

    jobs = [j for j in plan.jobs if not fits(j)]
    services = [s for s in plan.services if not fits(s)]
    if not jobs and not services:
        return plan, None
    sizes = [j.size for j in jobs] + [s.size for s in services]
    largest = Size(max(s.cpu_units for s in sizes), max(s.memory_mib for s in sizes))
    kept = replace(
        plan,
        jobs=tuple(j for j in plan.jobs if fits(j)),
        services=tuple(s for s in plan.services if fits(s)),
    )
    return kept, LeftOut(len(jobs), tuple(sorted({s.service for s in services})), largest)


def lower_bound_instance_hours(plan: ClusterPlan, instance: Size, until_s: float) -> float:
    """Return the instance-hours that no policy can be under if no task may wait.

    This is the integral over time of the larger of CPU and memory demand, in instances. Every job starts at its
    submission, and every service always has its desired tasks.
    """
    return sum((end - start) * demand for start, end, demand in demand_steps(plan, instance, until_s)) / 3600


def whole_instance_hours(plan: ClusterPlan, instance: Size, until_s: float) -> float:
    """Return the lower bound of instance-hours if instances cannot be divided."""
    steps = demand_steps(plan, instance, until_s)
    # Rounded first: floating-point noise shall not turn a demand of one instance into two.
    return sum((end - start) * math.ceil(round(demand, 6)) for start, end, demand in steps) / 3600


def demand_steps(plan: ClusterPlan, instance: Size, until_s: float) -> list[tuple[float, float, float]]:
    """Return the demand up to `until_s` as steps `(from_s, to_s, instances)`; instances are fractional."""
    changes: list[tuple[float, int, int]] = []
    for job in plan.jobs:
        changes.append((job.submit_s, job.size.cpu_units, job.size.memory_mib))
        changes.append((job.submit_s + job.run_s, -job.size.cpu_units, -job.size.memory_mib))
    wanted: dict[str, Size] = {}
    for change in sorted(plan.services, key=lambda s: s.at_s):
        now = change.size * change.desired
        difference = now - wanted.get(change.service, Size(0, 0))
        wanted[change.service] = now
        changes.append((change.at_s, difference.cpu_units, difference.memory_mib))
    steps = []
    cpu = memory = 0
    at = 0.0
    for when, more_cpu, more_memory in sorted(changes):
        end = min(max(when, 0.0), until_s)
        if end > at:
            steps.append((at, end, max(cpu / instance.cpu_units, memory / instance.memory_mib)))
            at = end
        cpu, memory = cpu + more_cpu, memory + more_memory
    if at < until_s:
        steps.append((at, until_s, max(cpu / instance.cpu_units, memory / instance.memory_mib)))
    return steps
