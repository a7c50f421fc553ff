"""Grafana's dashboards, as code: `python -m monitoring.dashboards` (make docs) writes the JSON that is provisioned."""

from __future__ import annotations

from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from monitoring.dashboards import cluster, family, interruptions, reservations, task

FOLDER = Path(__file__).parents[1] / "grafana" / "dashboards"
DASHBOARDS = (
    family.dashboard(),
    cluster.dashboard(),
    task.dashboard(),
    interruptions.dashboard(),
    reservations.dashboard(),
)


def texts() -> dict[str, str]:
    """Return the JSON of each dashboard, by the name of its file."""
    built = [dashboard.build() for dashboard in DASHBOARDS]
    return {f"{one.uid}.json": JSONEncoder(sort_keys=True, indent=1).encode(one) + "\n" for one in built}
