"""Divide the instance-hours of a cluster among its services and batch families, as AWS divides an instance's cost.

A task's part is that of the CPU and memory that it reserves, for as long as it reserves them. One vCPU counts as nine
GiB: AWS Data Exports guide, "Understanding split cost allocation data", which has this ratio from Fargate's prices.
Which instance a task ran on is known, but not its type once it is gone: so an hour of a vCPU has the same price on all
of the cluster's instances.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cli.record.events import Ran
from simulator.bill import Hours

GIB_OF_A_VCPU = 9.0
UNITS_OF_A_VCPU, MIB_OF_A_GIB = 1024, 1024


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
class Capacity:
    """What an instance type offers, or what is reserved of it for so many hours, then in vCPU-hours and GiB-hours."""

    vcpu: float
    gib: float

    @property
    def weight(self) -> float:
        """The same in GiB: what it costs is in proportion to this."""
        return GIB_OF_A_VCPU * self.vcpu + self.gib


@dataclass(frozen=True, slots=True)
class Reserved:
    """What the tasks of one service, or of one batch family, reserved.

    Attributes:
        service: "" for batch tasks.
        hours: in vCPU-hours and GiB-hours.
    """

    service: str
    family: str
    tasks: int
    hours: Capacity


@dataclass(frozen=True, slots=True)
class Usage:
    """How the tasks of a cluster used its instance-hours.

    Attributes:
        types: what each type of its instances offers.
        reserved: what the tasks that ran in these hours reserved.
        occupied_hours: the hours of instances that had at least one task.
    """

    types: Mapping[str, Capacity]
    reserved: Sequence[Reserved]
    occupied_hours: float


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a cluster's instance-hours.

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


def split(hours: Hours, usage: Usage, by: By) -> list[Part]:
    """Return the parts of `hours`, the largest first, then what is spare and what is idle.

    Args:
        usage: of these hours; it has every type in them.
    """
    total_hours = sum(h for by_type in hours.values() for h in by_type.values())
    offered = sum(h * usage.types[type_].weight for by_type in hours.values() for type_, h in by_type.items())
    if not total_hours or not offered:
        return []
    groups: dict[tuple[PartKind, str], list[Reserved]] = {}
    for each in usage.reserved:
        groups.setdefault(_key(each, by), []).append(each)
    used = {key: sum(each.hours.weight for each in group) for key, group in groups.items()}
    # The ledger counts from tick to tick: a day of short-lived instances may have a little less than its tasks took.
    scale = 1 / max(offered, sum(used.values()))
    parts = [
        Part(
            kind,
            name,
            used[kind, name] * scale * total_hours,
            used[kind, name] * scale,
            sum(each.tasks for each in group),
            sum(each.hours.vcpu for each in group),
            sum(each.hours.gib for each in group),
        )
        for (kind, name), group in groups.items()
    ]
    unused = max(0.0, 1 - sum(part.share for part in parts))
    idle = min(unused, max(0.0, 1 - usage.occupied_hours / total_hours))
    rest = ((PartKind.SPARE, unused - idle), (PartKind.IDLE, idle))
    largest_first = sorted(parts, key=lambda part: (-part.share, part.name))
    return largest_first + [Part(kind, "", share * total_hours, share) for kind, share in rest]


def usage_of(ran: Iterable[Ran], since: float, until: float, types: Mapping[str, Capacity]) -> Usage:
    """Return how the tasks `ran` used a cluster from `since` to `until` (seconds since the epoch)."""
    groups: dict[tuple[str, str], list[Capacity]] = {}
    on: dict[str, list[tuple[float, float]]] = {}
    for task in ran:
        begins, ends = max(since, task.created_at), min(until, task.stopped_at or until)
        if begins < ends:
            hours = (ends - begins) / 3600
            of_task = Capacity(
                hours * task.size.cpu_units / UNITS_OF_A_VCPU, hours * task.size.memory_mib / MIB_OF_A_GIB
            )
            groups.setdefault((task.service, task.family), []).append(of_task)
            on.setdefault(task.instance, []).append((begins, ends))
    reserved = [
        Reserved(service, family, len(tasks), Capacity(sum(t.vcpu for t in tasks), sum(t.gib for t in tasks)))
        for (service, family), tasks in groups.items()
    ]
    return Usage(types, reserved, sum(map(_covered_hours, on.values())))


def _key(task: Reserved, by: By) -> tuple[PartKind, str]:
    if by is By.FAMILY:
        return PartKind.FAMILY, task.family
    return (PartKind.SERVICE, task.service) if task.service else (PartKind.BATCH, task.family)


def _covered_hours(intervals: Iterable[tuple[float, float]]) -> float:
    """Return for how many hours at least one of `intervals` (in seconds) lasts."""
    covered = reached = 0.0
    for begins, ends in sorted(intervals):
        covered += max(0.0, ends - max(begins, reached))
        reached = max(reached, ends)
    return covered / 3600
