"""How much of a cluster's CPU and memory is reserved, in sizes and in percent."""

from collections.abc import Iterable

from steady.cluster import NOTHING, ContainerInstance, Size, Snapshot
from steady.thresholds import Thresholds


def is_low(snapshot: Snapshot, thresholds: Thresholds) -> bool:
    cpu, memory = reservation(snapshot.active)
    low = cpu < thresholds.cpu_reservation_low and memory < thresholds.memory_reservation_low
    return bool(snapshot.active) and low


def reservation(instances: Iterable[ContainerInstance]) -> tuple[float, float]:
    """The shares of CPU and of memory that are reserved, in percent (0 where there is nothing)."""
    here = list(instances)
    return _percent(sum((i.reserved for i in here), NOTHING), sum((i.registered for i in here), NOTHING))


def _percent(reserved: Size, registered: Size) -> tuple[float, float]:
    return (
        100 * reserved.cpu_units / registered.cpu_units if registered.cpu_units else 0.0,
        100 * reserved.memory_mib / registered.memory_mib if registered.memory_mib else 0.0,
    )


def reserved_size(snapshot: Snapshot) -> Size:
    # By number: adding up thousands of sizes would make as many values.
    active = snapshot.active
    return Size(
        sum(i.registered.cpu_units - i.remaining.cpu_units for i in active),
        sum(i.registered.memory_mib - i.remaining.memory_mib for i in active),
    )
