"""How release 0.1.0 reads a ledger item: a field that it does not know within an object, or in a row, is an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass
class Staffing:
    factor: float = 0.0
    tasks: int | None = None
    lacking: int = 0


@dataclass
class Healing:
    lost_since: Mapping[str, float]
    emptying: Mapping[str, float]
    registered_at: float
    unanswered: tuple[float, ...]


@dataclass
class Usage:
    counted_at: float = 0.0
    running: Mapping[str, int] | None = None
    hours: Mapping[str, Mapping[str, float]] | None = None


AS_THEY_ARE = (
    *("low_since", "drift_since", "placement_failed_at", "doomed", "draining", "leaving_since", "booting_since"),
    *("boots_s", "raised_by", "raised_to", "short_since", "next_look_at"),
)


def read(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return what 0.1.0 reads; an error if it reads nothing."""
    return {
        **{name: plain.get(name) for name in AS_THEY_ARE},
        "demands": {key: _demand(*row) for key, row in plain.get("demands", {}).items()},
        "shapes": {name: (cpu, memory, gpus, enis) for name, (cpu, memory, gpus, enis) in plain["shapes"].items()},
        "recent": _peaks(*plain["recent"]),
        "days": _peaks(*plain["days"]),
        "staffing": Staffing(**plain.get("staffing", {})),
        "healing": Healing(**plain.get("healing", {})),
        "usage": Usage(**plain.get("usage", {})),
    }


def _demand(cpu: int, memory: int, first: float, last: float, seen: bool = False) -> tuple[Any, ...]:
    return cpu, memory, first, last, seen


def _peaks(first: int, numbers: list[int]) -> tuple[Any, ...]:
    return first, tuple(zip(numbers[::2], numbers[1::2], strict=True))
