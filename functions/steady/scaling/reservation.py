"""Reservation: how much CPU and memory is registered and reserved, as sizes and in percent."""

from collections.abc import Iterable
from typing import NamedTuple

from steady.cluster import NOTHING, ContainerInstance, Size, Snapshot
from steady.thresholds import Thresholds


class Percent(NamedTuple):
    """A share of CPU and a share of memory, in percent."""

    cpu: float
    memory: float


def reserved_on(instances: Iterable[ContainerInstance]) -> Size:
    """Sum what tasks reserve on `instances`."""
    # Plain numbers: sums of thousands of `Size` values would take several times as long.
    cpu_units = memory_mib = 0
    for instance in instances:
        cpu_units += instance.registered.cpu_units - instance.remaining.cpu_units
        memory_mib += instance.registered.memory_mib - instance.remaining.memory_mib
    return Size(cpu_units, memory_mib)


def registered_on(instances: Iterable[ContainerInstance]) -> Size:
    """Sum what `instances` have registered with ECS."""
    return sum((i.registered for i in instances), NOTHING)


def percent_of(reserved: Size, registered: Size) -> Percent:
    """Return which share of `registered` is `reserved`; 0 where nothing is registered.

    >>> percent_of(Size(512, 3000), Size(2048, 4000))
    Percent(cpu=25.0, memory=75.0)
    """
    return Percent(
        100 * reserved.cpu_units / registered.cpu_units if registered.cpu_units else 0.0,
        100 * reserved.memory_mib / registered.memory_mib if registered.memory_mib else 0.0,
    )


def reservation(instances: Iterable[ContainerInstance]) -> Percent:
    """Return the shares of CPU and of memory that are reserved on `instances`."""
    here = list(instances)
    return percent_of(reserved_on(here), registered_on(here))


def is_low(snapshot: Snapshot, thresholds: Thresholds) -> bool:
    """Whether the active instances' CPU and memory reservation are both under their low thresholds."""
    cpu, memory = reservation(snapshot.active)
    low = cpu < thresholds.cpu_reservation_low and memory < thresholds.memory_reservation_low
    return bool(snapshot.active) and low
