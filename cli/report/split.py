"""Divide a day's instance-hours of a cluster among its services and batch families, as AWS divides an instance's cost.

A task's part is that of the CPU and memory that it reserves, for as long as it reserves them. One vCPU counts as nine
GiB: AWS Data Exports guide, "Understanding split cost allocation data", which has this ratio from Fargate's prices.
Which instance a task ran on is known, but not its type once it is gone: so an hour of a vCPU has the same price on all
of the cluster's instances.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from cli.record.events import Ran
from cli.report.price import Hours
from steady.cluster import Size

GIB_OF_A_VCPU = 9.0
VCPU, GIB = 1024, 1024


class By(StrEnum):
    """What the rows of a divided report are."""

    SERVICE = "service"
    FAMILY = "family"


class PartKind(StrEnum):
    """What used a part of the instance-hours.

    SPARE is what no task reserves of instances that have tasks; IDLE are the hours of instances that have none: they
    boot, drain, or wait.
    """

    SERVICE = "service"
    BATCH = "batch family"
    FAMILY = "family"
    SPARE = "spare"
    IDLE = "idle"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a cluster's day.

    Attributes:
        instance_hours: its part of all instance-hours; the parts' sum is the cluster's.
        share: the same, of 1.
    """

    kind: PartKind
    name: str
    instance_hours: float
    share: float
    tasks: int = 0
    vcpu_hours: float = 0.0
    gib_hours: float = 0.0


def split(
    hours: Hours, sizes: Mapping[str, Size], ran: Iterable[Ran], since: float, until: float, by: By
) -> list[Part]:
    """Return the parts of `hours`, the largest first, then what is spare and what is idle.

    Args:
        hours: the instance-hours of the time from `since` to `until` (seconds since the epoch).
        sizes: what each type in `hours` offers.
        ran: the tasks that ran in this time.
    """
    total_hours = sum(h for by_type in hours.values() for h in by_type.values())
    offered = sum(h * _weight(sizes[type_]) for by_type in hours.values() for type_, h in by_type.items())
    if not total_hours or not offered:
        return []
    groups: dict[tuple[PartKind, str], list[tuple[Size, float]]] = {}
    on: dict[str, list[tuple[float, float]]] = {}
    for task in ran:
        begins, ends = max(since, task.created_at), min(until, task.stopped_at or until)
        if begins < ends:
            groups.setdefault(_key(task, by), []).append((task.size, (ends - begins) / 3600))
            on.setdefault(task.instance, []).append((begins, ends))
    used = {key: sum(_weight(size) * h for size, h in tasks) for key, tasks in groups.items()}
    # The ledger counts from tick to tick: a day of short-lived instances may have a little less than its tasks took.
    scale = 1 / max(offered, sum(used.values()))
    parts = [
        Part(
            kind,
            name,
            used[kind, name] * scale * total_hours,
            used[kind, name] * scale,
            len(tasks),
            sum(size.cpu_units * h for size, h in tasks) / VCPU,
            sum(size.memory_mib * h for size, h in tasks) / GIB,
        )
        for (kind, name), tasks in groups.items()
    ]
    unused = max(0.0, 1 - sum(part.share for part in parts))
    idle = min(unused, max(0.0, 1 - sum(map(_covered_hours, on.values())) / total_hours))
    rest = ((PartKind.SPARE, unused - idle), (PartKind.IDLE, idle))
    largest_first = sorted(parts, key=lambda part: (-part.share, part.name))
    return largest_first + [Part(kind, "", share * total_hours, share) for kind, share in rest]


def _key(task: Ran, by: By) -> tuple[PartKind, str]:
    if by is By.FAMILY:
        return PartKind.FAMILY, task.family
    return (PartKind.SERVICE, task.service) if task.service else (PartKind.BATCH, task.family)


def _weight(size: Size) -> float:
    return GIB_OF_A_VCPU * size.cpu_units / VCPU + size.memory_mib / GIB


def _covered_hours(intervals: Iterable[tuple[float, float]]) -> float:
    """Return for how many hours at least one of `intervals` (in seconds) lasts."""
    covered = reached = 0.0
    for begins, ends in sorted(intervals):
        covered += max(0.0, ends - max(begins, reached))
        reached = max(reached, ends)
    return covered / 3600
