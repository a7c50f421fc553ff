"""Prometheus' and Grafana's configurations as they are deployed: the files of this folder, and what a deployment adds.

Where a file says REGION, the Region is put as the container starts: no template knows it before.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent
# cAdvisor's port on each instance.
CADVISOR_PORT = 4194
# Containers that are not the application of their task, as a regular expression over the whole name.
SIDECARS = "fluentd|fluent-?bit|log_router|envoy|aws-otel-collector|otel-collector|xray-daemon|datadog-agent"


def prometheus(
    *, port: int = CADVISOR_PORT, sidecars: str = SIDECARS, remote_write: str = "", alertmanager: str = ""
) -> str:
    """`prometheus.yml`, with a place to write to and an Alertmanager (host and port) if there is one."""
    configuration = _filled(
        yaml.safe_load((FOLDER / "prometheus.yml").read_text()), {"PORT": str(port), "SIDECARS": sidecars}
    )
    if remote_write:
        configuration["remote_write"] = [{"url": remote_write}]
    if alertmanager:
        configuration["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]}
    return yaml.safe_dump(configuration, sort_keys=False, width=1000)


def prometheus_files(*, sidecars: str = SIDECARS, remote_write: str = "", alertmanager: str = "") -> dict[str, str]:
    """Prometheus' configuration and rules, by their places."""
    rules = {f"rules/{file.name}": file.read_text() for file in sorted((FOLDER / "rules").glob("*.yml"))}
    return {
        "prometheus.yml": prometheus(sidecars=sidecars, remote_write=remote_write, alertmanager=alertmanager),
        **rules,
    }


def grafana_files(prometheus_host: str) -> dict[str, str]:
    """Grafana's data sources and dashboards, by their places under its provisioning folder."""
    folder = FOLDER / "grafana"
    sources = (folder / "datasources.yml").read_text().replace("http://PROMETHEUS:", f"http://{prometheus_host}:")
    pages = {f"dashboards/{file.name}": file.read_text() for file in sorted((folder / "dashboards").glob("*.json"))}
    provider = {"provisioning/dashboards/ecs-steady.yml": (folder / "dashboards.yml").read_text()}
    return {"provisioning/datasources/ecs-steady.yml": sources, **provider, **pages}


def _filled(value: Any, words: dict[str, str]) -> Any:
    """`value` with each of `words` in its texts put for what it stands for; a text that is a word alone is a number."""
    if isinstance(value, dict):
        return {key: _filled(inner, words) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, words) for inner in value]
    if not isinstance(value, str):
        return value
    for word, text in words.items():
        value = value.replace(word, text)
    return int(value) if value.isdigit() else value
