"""The figures of a run, as the report and the command show them."""

from collections.abc import Callable
from typing import Any

from simulator.bill import hours_bought
from steady.pools import Purchase

Figures = dict[str, Any]


def _hours(figures: Figures) -> str:
    by = figures["instance_hours_by"]
    return f"{hours_bought(by, Purchase.ON_DEMAND):,.1f} / {hours_bought(by, Purchase.SPOT):,.1f}"


def _falls(decreases: dict[str, int]) -> str:
    return f"{decreases.get('all', 0):,}, {decreases.get('undone', 0):,}"


SHOWN: tuple[tuple[str, Callable[[Figures], str]], ...] = (
    ("Tasks", lambda f: f"{f['tasks']:,}"),
    ("Never placed", lambda f: f"{f['unplaced_tasks']:,}"),
    ("Started at once", lambda f: f"{f['started_at_once_percent']:g} %"),
    ("Wait, median", lambda f: f"{f['wait_seconds']['p50']:g} s"),
    ("Wait, 95th percentile", lambda f: f"{f['wait_seconds']['p95']:g} s"),
    ("Wait, 99th percentile", lambda f: f"{f['wait_seconds']['p99']:g} s"),
    ("Wait, longest", lambda f: f"{f['wait_seconds']['max']:g} s"),
    ("Instance-hours", lambda f: f"{f['instance_hours']:,.1f}"),
    ("On-demand / Spot hours", _hours),
    ("Lower bound, instance-hours", lambda f: f"{f['lower_bound_instance_hours']:,.1f}"),
    ("Falls of the target, and undone within 10 min", lambda f: _falls(f["target_decreases"])),
    ("Interruptions", lambda f: f"{f['interruptions']:,}"),
    ("Tasks killed in service", lambda f: f"{f['tasks_killed_in_service']:,}"),
    ("Failed requests", lambda f: f"{f['failed_requests']:,}"),
    ("Requests without a target", lambda f: f"{f['unserved_requests']:,}"),
    ("API calls in the account", lambda f: f"{sum(f['api_calls'].values()):,}"),
    ("Throttled", lambda f: f"{f['throttled']:,}"),
)
