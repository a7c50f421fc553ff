"""Every threshold an operator can set: its name, unit, range, default and meaning, in one place.

The SSM parameters, their AllowedPatterns and the table in the tuning guide are made from `THRESHOLDS`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from steady.pools import POOL_NAMES, PoolName

# Where a low threshold is not under its high one, as when only the high one was set: the distance of the defaults.
LOW_UNDER_HIGH = 10


class BadThreshold(ValueError):
    """A parameter holds a value that its threshold does not allow; the text names all three."""


@dataclass(frozen=True)
class Threshold:
    """One number, or one word of `choices`, that an operator can set."""

    name: str
    default: int | str
    unit: str
    meaning: str
    lowest: int = 0
    highest: int = 0
    choices: tuple[str, ...] = ()

    @property
    def needed(self) -> str:
        if self.choices:
            return f"one of {', '.join(self.choices)} is needed"
        return f"{_UNITS[self.unit]} from {self.lowest} to {self.highest} is needed"

    @property
    def values(self) -> str:
        """What it may be, as a table shows it."""
        if self.choices:
            return ", ".join(self.choices)
        unit = {"percent": "%", "seconds": "s", "units": "units"}[self.unit]
        return f"{self.lowest} to {self.highest:,} {unit}"

    @property
    def allowed_pattern(self) -> str:
        """A pattern for SSM's AllowedPattern: the shape of the value; the range is checked when it is read."""
        if self.choices:
            return f"^({'|'.join(self.choices)})$"
        if self.unit == "percent":
            return f"^([{self.lowest}-9]|[1-9][0-9]|100)$"
        return f"^[0-9]{{1,{len(str(self.highest))}}}$"

    def parse(self, raw: str, path: str) -> int | str:
        """The value that `raw` stands for.

        Raises:
            BadThreshold: naming the parameter `path`, the value, and the range that is needed.
        """
        if not re.fullmatch(self.allowed_pattern, raw):
            raise BadThreshold(f'{path} is "{raw}": {self.needed}')
        if self.choices:
            return raw
        if not self.lowest <= int(raw) <= self.highest:
            raise BadThreshold(f'{path} is "{raw}": {self.needed}')
        return int(raw)


_UNITS = {"percent": "a percentage", "seconds": "a number of seconds", "units": "a capacity in units"}


@dataclass(frozen=True)
class Thresholds:
    """The thresholds of one cluster, as they hold now."""

    mode: str = "active"
    on_rebalance: str = "ignore"
    rebalance_deadline_seconds: int = 86_400
    min_capacity: int = 0
    max_capacity: int = 1000
    cpu_reservation_high: int = 100
    memory_reservation_high: int = 100
    cpu_reservation_low: int = 90
    memory_reservation_low: int = 90
    start_at_once_share: int = 97
    learning: str = "on"
    learning_confidence: int = 90
    drift_seconds: int = 30
    demand_silent_after_seconds: int = 30
    boot_timeout_seconds: int = 600
    disconnected_after_seconds: int = 300
    healing_share: int = 10
    fallback_after_seconds: int = 15
    scale_in_after_seconds: int = 180
    scale_in_headroom: int = 3
    scale_in_share: int = 25
    api_share: int = 30


_DEFAULT = {f.name: f.default for f in fields(Thresholds)}


def _percent(name: str, meaning: str, lowest: int = 1, highest: int = 100) -> Threshold:
    return Threshold(name, _DEFAULT[name], "percent", meaning, lowest, highest)  # type: ignore[arg-type]


def _seconds(name: str, meaning: str, lowest: int = 0, highest: int = 86_400) -> Threshold:
    return Threshold(name, _DEFAULT[name], "seconds", meaning, lowest, highest)  # type: ignore[arg-type]


def _capacity(name: str, meaning: str) -> Threshold:
    return Threshold(name, _DEFAULT[name], "units", meaning, 0, 100_000)  # type: ignore[arg-type]


THRESHOLDS: Mapping[str, Threshold] = {
    t.name: t
    for t in (
        Threshold(
            "mode",
            "active",
            "",
            "active: decide and act; dry-run: decide and say it, change nothing; paused: leave the capacity alone.",
            choices=("active", "dry-run", "paused"),
        ),
        Threshold(
            "on_rebalance",
            "ignore",
            "",
            "What a rebalance recommendation does: nothing, or a drain that spares batch tasks for as long as it can.",
            choices=("ignore", "drain"),
        ),
        _seconds(
            "rebalance_deadline_seconds",
            "How long batch tasks run on after a rebalance recommendation that is followed: the fleet's termination "
            "delay, if it has one.",
            lowest=120,
        ),
        _capacity("min_capacity", "The capacity that the cluster never goes under."),
        _capacity("max_capacity", "The capacity that the cluster never goes over."),
        _percent("cpu_reservation_high", "Over this share of CPU units reserved, instances are added."),
        _percent("memory_reservation_high", "Over this share of memory reserved, instances are added."),
        _percent("cpu_reservation_low", "Scale-in needs the CPU reservation to be under this.", lowest=0),
        _percent("memory_reservation_low", "Scale-in needs the memory reservation to be under this.", lowest=0),
        _percent(
            "start_at_once_share",
            "So much room is kept that this share of the tasks finds a place at once, learned from those that did not; "
            "0: none is kept.",
            lowest=0,
        ),
        Threshold(
            "learning",
            "on",
            "",
            "Whether capacity is got ready for demand that comes back each hour or each day.",
            choices=("on", "off"),
        ),
        _percent(
            "learning_confidence",
            "A demand is got ready for if it came at this time in so large a share of the last hours, or days "
            "(of three at least).",
        ),
        _seconds("drift_seconds", "How long a service may lack tasks before they are counted as a want of capacity."),
        _seconds(
            "demand_silent_after_seconds",
            "A RunTask failure that was not said again for so long is over: placed, or given up.",
        ),
        _seconds(
            "boot_timeout_seconds", "An instance that has not registered with ECS for so long is terminated.", lowest=60
        ),
        _seconds(
            "disconnected_after_seconds",
            "An instance whose ECS agent has been disconnected for so long is drained and terminated.",
            lowest=60,
        ),
        _percent("healing_share", "The largest share of the instances that is healed at once (at least one)."),
        _seconds(
            "fallback_after_seconds",
            "What a Spot Fleet has not got from Spot for so long is launched on-demand, until Spot is back.",
        ),
        _seconds("scale_in_after_seconds", "How long the reservation must stay low before instances are emptied."),
        _percent("scale_in_headroom", "After scale-in the reservation stays this much under the high one.", lowest=0),
        _percent("scale_in_share", "The largest share of the instances that one decision empties (at least one)."),
        _percent(
            "api_share",
            "The share of each of the ECS API's rate limits that scaling may take; service-out takes what it needs.",
        ),
    )
}


@dataclass(frozen=True)
class ClusterSettings:
    """What the parameters say of the cluster `name`: its pool, its thresholds, and what is wrong with them.

    `grow_only` is whether no capacity may be taken away, because what is known of the cluster may not hold any more.
    """

    name: str
    pool: PoolName
    thresholds: Thresholds
    problems: tuple[str, ...] = ()
    grow_only: bool = False


def parse_pool(raw: str, path: str) -> PoolName:
    """The pool that a `capacity` parameter names.

    Raises:
        BadThreshold: if it is neither `auto-scaling-group:NAME` nor `spot-fleet:sfr-…`.
    """
    pool = PoolName.parse(raw)
    if pool is None:
        raise BadThreshold(f'{path} is "{raw}": {POOL_NAMES} is needed')
    return pool


# Of each pair, the first must be under the second, or may also be as large (capacities).
ORDERED = (
    ("cpu_reservation_low", "cpu_reservation_high"),
    ("memory_reservation_low", "memory_reservation_high"),
    ("min_capacity", "max_capacity"),
)


def contradict(values: Mapping[str, Any], low: str, high: str) -> bool:
    """Whether `low` is not under `high`, a pair of `ORDERED`."""
    return bool(values[low] > values[high] or (values[low] == values[high] and low.endswith("_low")))


def without_contradictions(values: Mapping[str, Any], where: str) -> tuple[Thresholds, tuple[str, ...]]:
    """The thresholds of the cluster whose parameters lie under `where`, and what contradicts in them.

    A low threshold that is not under its high one is taken to be 10 under it; a minimum over its maximum is taken as
    the maximum.
    """
    held = {**_DEFAULT, **values}
    problems = []
    for low, high in ORDERED:
        if not contradict(held, low, high):
            continue
        instead = held[high] if high == "max_capacity" else max(0, held[high] - LOW_UNDER_HIGH)
        # Who sets a high threshold alone need not know the low one's default.
        if held[low] != _DEFAULT[low]:
            problems.append(f"{contradiction(held, low, high, where)}; {instead} is used for the first")
        held[low] = instead
    return Thresholds(**held), tuple(problems)


def contradiction(values: Mapping[str, Any], low: str, high: str, where: str) -> str:
    """What contradicts, in words that name both parameters and their values."""
    return (
        f"{where}/{low} is {values[low]} and {where}/{high} is {values[high]}: the first must "
        f"{'not be over' if high == 'max_capacity' else 'be under'} the second"
    )
