"""Define every threshold that an operator can set: its default, range, unit and meaning, each in one place.

The SSM parameters, their AllowedPatterns and the table in the tuning guide are made from `THRESHOLDS`, which follows
from the fields of `Thresholds`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from steady import windows
from steady.threshold import BadThreshold as BadThreshold
from steady.threshold import Threshold as Threshold

# Where a low threshold is not under its high one, as when only the high one was set: the distance of the defaults.
LOW_UNDER_HIGH = 10


def _word(default: str, *others: str, meaning: str) -> Any:
    return field(default=default, metadata={"unit": "", "meaning": meaning, "choices": (default, *others)})


def _window(default: str, *, meaning: str) -> Any:
    return field(default=default, metadata={"unit": "", "meaning": meaning, "is_window": True})


def _number(unit: str, default: int, meaning: str, lowest: int, highest: int) -> Any:
    return field(default=default, metadata={"unit": unit, "meaning": meaning, "lowest": lowest, "highest": highest})


def _percent(default: int, meaning: str, lowest: int = 1) -> Any:
    return _number("percent", default, meaning, lowest, 100)


def _seconds(default: int, meaning: str, lowest: int = 0) -> Any:
    return _number("seconds", default, meaning, lowest, 86_400)


def _capacity(default: int, meaning: str) -> Any:
    return _number("units", default, meaning, 0, 100_000)


@dataclass(frozen=True)
class Thresholds:
    """The thresholds of one cluster, as they hold now. A new threshold is one field here."""

    mode: str = _word(
        "active",
        "dry-run",
        "paused",
        meaning="Scaling of the cluster. active: decide and change capacity; dry-run: log each decision and change "
        "nothing; paused: make no decision. Interruption notices are handled in every mode.",
    )
    on_rebalance: str = _word(
        "ignore",
        "drain",
        meaning="Action on an EC2 rebalance recommendation. ignore: none; drain: drain the instance, and stop its "
        "batch tasks only at rebalance_deadline_seconds.",
    )
    rebalance_deadline_seconds: int = _seconds(
        86_400,
        "Stop the batch tasks of an instance this many seconds after its rebalance recommendation. If the Spot Fleet "
        "has a termination delay, set this to the delay.",
        lowest=120,
    )
    drain_seconds: int = _seconds(
        20,
        "Stop a task behind a load balancer this many seconds after its targets were deregistered, or later: the time "
        "in which the longest request ends. A nearer deadline comes first.",
        lowest=5,
    )
    min_capacity: int = _capacity(0, "Never set the capacity of the cluster below this number of units.")
    max_capacity: int = _capacity(1000, "Never set the capacity of the cluster above this number of units.")
    cpu_reservation_high: int = _percent(
        100, "Add instances when more than this percentage of the cluster's CPU units is reserved."
    )
    memory_reservation_high: int = _percent(
        100, "Add instances when more than this percentage of the cluster's memory is reserved."
    )
    cpu_reservation_low: int = _percent(
        90, "Remove instances only while less than this percentage of the cluster's CPU units is reserved.", lowest=0
    )
    memory_reservation_low: int = _percent(
        90, "Remove instances only while less than this percentage of the cluster's memory is reserved.", lowest=0
    )
    start_at_once_share: int = _percent(
        97,
        "Percentage of tasks that should start without waiting. Spare capacity is adjusted to meet it; 0 disables it.",
        lowest=0,
    )
    learning: str = _word(
        "on", "off", meaning="Add capacity before a peak in demand that recurs every hour or every day (pre-scaling)."
    )
    learning_confidence: int = _percent(
        90,
        "Pre-scale for a recurring peak only if it occurred in at least this percentage of recent hours or days "
        "(minimum three).",
    )
    type_order: str = _word(
        "kept",
        "fitting",
        meaning="Order of the types of an Auto Scaling group that launches them in an order. kept: never changed; "
        "fitting: a type that holds a waiting task is put first until it is launched, then the order is restored.",
    )
    drift_seconds: int = _seconds(
        30, "Add capacity for the missing tasks of a service after they have been missing for this many seconds."
    )
    demand_silent_after_seconds: int = _seconds(
        30, "Forget a RunTask failure if the launcher has not repeated it for this many seconds."
    )
    boot_timeout_seconds: int = _seconds(
        600, "Terminate an instance that has not registered with ECS this many seconds after its launch.", lowest=60
    )
    disconnected_after_seconds: int = _seconds(
        300,
        "Drain and terminate an instance whose ECS agent has been disconnected for this many seconds.",
        lowest=60,
    )
    healing_share: int = _percent(
        10,
        "Terminate at most this percentage of the cluster's instances in one round of healing (minimum one).",
    )
    fallback_after_seconds: int = _seconds(
        15,
        "Launch the missing capacity on-demand once the pool has launched no Spot for this many seconds longer than "
        "its launches usually take. Spot replaces it once Spot capacity is available again.",
    )
    scale_in_after_seconds: int = _seconds(
        180, "Remove instances only after the reservation has been low for this many seconds."
    )
    scale_in_headroom: int = _percent(
        3,
        "Remove instances only if the reservation then stays this many percentage points under the high thresholds.",
        lowest=0,
    )
    expander: str = _word(
        "price",
        "priority",
        "least-waste",
        meaning="Choice of the pools that grow, in a cluster with several pools, among those that can hold a waiting "
        "task. price: those whose new instances cost the least together; priority: the one with the highest priority; "
        "least-waste: the one whose new instances keep the least CPU and memory idle.",
    )
    on_demand_share: int = _percent(
        0,
        "Keep at least this percentage of the CPU of a cluster with several pools on-demand. Nothing is launched or "
        "terminated for its sake alone.",
        lowest=0,
    )
    scale_in_share: int = _percent(
        25, "Drain at most this percentage of the cluster's instances in one decision (minimum one)."
    )
    renew: str = _word(
        "off",
        "drift",
        meaning="Renewal. off: instances that run stay as they are; drift: those whose image, launch template, type or "
        "age is not what the pool launches today are replaced.",
    )
    renew_budget: int = _percent(10, "Renew at most this percentage of the cluster at the same time (minimum one).")
    renew_window: str = _window(
        windows.ALWAYS,
        meaning="Begin a round of renewal only in this window, such as Mon-Fri 02:00-05:00 Europe/Berlin.",
    )
    renew_bake_seconds: int = _seconds(
        300, "Renew one instance at first, and the others once it has been registered and well for this many seconds."
    )
    renew_batch_seconds: int = _number(
        "seconds",
        0,
        "Stop batch tasks that still run this many seconds after renewal began to empty their instance; 0: they run "
        "to their end.",
        0,
        1_209_600,
    )
    max_instance_age: int = _number(
        "days", 0, "Renew an instance this many days after its launch; 0: its age does not matter.", 0, 3650
    )
    api_share: int = _percent(
        30,
        "Percentage of each ECS API rate limit that scaling may use. Service-out is not limited by it.",
    )


THRESHOLDS: Mapping[str, Threshold] = {
    f.name: Threshold(f.name, getattr(Thresholds, f.name), **f.metadata) for f in fields(Thresholds)
}
DEFAULTS: Mapping[str, int | str] = {t.name: t.default for t in THRESHOLDS.values()}


# Of each pair, the first must be under the second, or may also be as large (capacities).
ORDERED = (
    ("cpu_reservation_low", "cpu_reservation_high"),
    ("memory_reservation_low", "memory_reservation_high"),
    ("min_capacity", "max_capacity"),
)


def are_ordered(values: Mapping[str, Any], low: str, high: str) -> bool:
    """Return whether `low` is under `high`, a pair of `ORDERED`; a capacity may also be equal."""
    return bool(values[low] < values[high] or (values[low] == values[high] and high == "max_capacity"))


def contradictions(values: Mapping[str, Any], given: Collection[str] = ()) -> list[tuple[str, str]]:
    """Return the pairs of `ORDERED` that are not ordered in `values`, less those whose low threshold gives way.

    A low threshold at its default gives way to its high one: an operator who sets the high one alone need not know the
    low one's default.

    >>> contradictions({**DEFAULTS, "cpu_reservation_high": 60})
    []
    >>> contradictions({**DEFAULTS, "cpu_reservation_high": 60, "cpu_reservation_low": 70})
    [('cpu_reservation_low', 'cpu_reservation_high')]

    Args:
        values: a value for each threshold.
        given: names of thresholds that the operator sets now: they give way to nothing.
    """
    return [
        (low, high)
        for low, high in ORDERED
        if not are_ordered(values, low, high) and (low in given or values[low] != DEFAULTS[low])
    ]


def resolve_contradictions(values: Mapping[str, Any], where: str) -> tuple[Thresholds, tuple[str, ...]]:
    """Return the thresholds of the cluster whose parameters lie under `where`, and what contradicts in them.

    A low threshold that is not under its high one is taken to be 10 under it; a minimum over its maximum is taken as
    the maximum.
    """
    held = {**DEFAULTS, **values}
    contradicting = contradictions(held)
    problems = []
    for low, high in ORDERED:
        if are_ordered(held, low, high):
            continue
        instead = held[high] if high == "max_capacity" else max(0, held[high] - LOW_UNDER_HIGH)
        if (low, high) in contradicting:
            problems.append(f"{contradiction(held, low, high, where)}; {instead} is used for {low}")
        held[low] = instead
    return Thresholds(**held), tuple(problems)


def contradiction(values: Mapping[str, Any], low: str, high: str, where: str) -> str:
    """Return a sentence about a contradiction that names both parameters, under `where`, and their values."""
    return (
        f"{where}/{low} is {values[low]} and {where}/{high} is {values[high]}: the first must "
        f"{'not be over' if high == 'max_capacity' else 'be under'} the second"
    )
