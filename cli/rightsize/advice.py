"""Compute the task size that fits what a task uses, with some room, in round steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from steady.cluster import Size

# An advised size is a multiple of these steps, and not smaller than `SMALLEST`.
STEP_CPU_UNITS, STEP_MEMORY_MIB = 32, 32
SMALLEST = Size(32, 64)
# A reservation counts as far more than used if it is over this multiple of the size that fits.
FAR_MORE = 1.5


class Verdict(StrEnum):
    """How a reservation of CPU or memory compares with its use."""

    FITS = "fits"
    FAR_MORE = "far more than used"
    LESS = "less than used"


@dataclass(frozen=True, slots=True)
class FamilyUse:
    """The reservation of one task of a family, beside its use in the days that were read.

    Attributes:
        tasks: how many tasks ran at a time, on average.
        cpu_units: the 95th percentile over time of a task's mean use. CPU is shared, so a short peak does no harm.
        memory_mib: the most that any task used. Memory is not shared, so the largest use counts.
    """

    family: str
    tasks: float
    reserved: Size
    cpu_units: float
    memory_mib: float


@dataclass(frozen=True, slots=True)
class Advice:
    """The size that fits a family. A reservation of CPU or memory that already fits is not changed."""

    use: FamilyUse
    cpu: Verdict
    memory: Verdict
    size: Size

    @property
    def fits(self) -> bool:
        return self.cpu is self.memory is Verdict.FITS


def advice(use: FamilyUse, room: float) -> Advice:
    """Return what to reserve for `use`.

    Args:
        room: what is reserved beside the use, as a fraction of it (0.25: a quarter more).
    """
    fit_cpu = max(SMALLEST.cpu_units, _stepped(use.cpu_units * (1 + room), STEP_CPU_UNITS))
    fit_memory = max(SMALLEST.memory_mib, _stepped(use.memory_mib * (1 + room), STEP_MEMORY_MIB))
    cpu = _verdict(use.reserved.cpu_units, use.cpu_units, fit_cpu)
    memory = _verdict(use.reserved.memory_mib, use.memory_mib, fit_memory)
    size = Size(
        use.reserved.cpu_units if cpu is Verdict.FITS else fit_cpu,
        use.reserved.memory_mib if memory is Verdict.FITS else fit_memory,
    )
    return Advice(use, cpu, memory, size)


def _verdict(reserved: float, used: float, fit: float) -> Verdict:
    if reserved > FAR_MORE * fit:
        return Verdict.FAR_MORE
    return Verdict.LESS if reserved < used else Verdict.FITS


def _stepped(value: float, step: int) -> int:
    return math.ceil(value / step) * step
