"""The pools of a cluster with several, as the report and the command show them: a row for each policy and pool."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from simulator.bill import hours_bought
from simulator.outcome import ClusterRecord, Outcome
from steady.pools import Purchase

COLUMNS = (
    "pool",
    "policy",
    "types",
    "on-demand / Spot hours",
    "USD",
    "USD at list prices",
    "tasks",
    "wait, 95th percentile",
    "wait, longest",
)


def rows(outcomes: Sequence[Outcome], record: ClusterRecord) -> list[tuple[str, ...]]:
    """Return the cells of `COLUMNS` for each pool of a cluster; none for a cluster with one pool."""
    return [
        _row(name, outcome.policy, record, figures)
        for outcome in outcomes
        for name, figures in outcome.figures["clusters"][record.name].get("pools", {}).items()
    ]


def offers_of(record: ClusterRecord) -> str:
    """Return the pools of a cluster, and their types, in a few words."""
    if not record.pools:
        return f"{record.kind.value}, {record.instance_type}"
    return "; ".join(f"{name}: {', '.join(pool.types)}" for name, pool in record.pools.items())


def _row(name: str, policy: str, record: ClusterRecord, figures: dict[str, Any]) -> tuple[str, ...]:
    hours, waited = figures["instance_hours_by"], figures["wait_seconds"]
    is_own = figures["capacity"].startswith("sfr-nodes-")
    return (
        "its own nodes" if is_own else name,
        policy,
        "any of these" if is_own else ", ".join(record.pools[name].types),
        f"{hours_bought(hours, Purchase.ON_DEMAND):,.1f} / {hours_bought(hours, Purchase.SPOT):,.1f}",
        f"{figures['usd']:,.2f}",
        f"{figures['list_usd']:,.2f}",
        f"{figures['tasks']:,}",
        f"{waited['p95']:g} s",
        f"{waited['max']:g} s",
    )
