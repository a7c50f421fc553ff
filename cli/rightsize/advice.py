"""Which task sizes would fit what tasks use: what is reserved beside it, with some room, in steps that people write."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from steady.cluster import Size

# Sizes are written in such steps, and are never smaller: CPU units, MiB.
STEP_CPU_UNITS, STEP_MEMORY_MIB = 32, 32
SMALLEST = Size(32, 64)
# What is reserved may be so much more than what would fit before it is said to be far more.
FAR_MORE = 1.5


class Verdict(StrEnum):
    """How one dimension of a reservation fits."""

    FITS = "fits"
    FAR_MORE = "far more than used"
    LESS = "less than used"


@dataclass(frozen=True, slots=True)
class FamilyUse:
    """What one task of a family reserves and uses, of the days that were looked at.

    `cpu_units` is the 95th percentile over time of a task's mean use, for CPU is shared; `memory_mib` is the most that
    any task used, for memory is not. `tasks` is how many there were, on average.
    """

    family: str
    tasks: float
    reserved: Size
    cpu_units: float
    memory_mib: float


@dataclass(frozen=True, slots=True)
class Advice:
    """The size that would fit; a dimension that fits as it is stays as it is."""

    use: FamilyUse
    cpu: Verdict
    memory: Verdict
    size: Size

    @property
    def fits(self) -> bool:
        return self.cpu is self.memory is Verdict.FITS


def advice(use: FamilyUse, room: float) -> Advice:
    """What to reserve for `use`, with `room` as a share of it beside it (0.25: a quarter more)."""
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
