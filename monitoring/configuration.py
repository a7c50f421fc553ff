"""The configurations of Prometheus and Grafana: the files of this folder, filled with the deployment's settings.

REGION in a file is replaced when the container starts: templates do not know the Region.
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
    """Return `prometheus.yml` with `port` and `sidecars`, and with remote_write (a URL) and Alertmanager if given."""
    configuration = _filled(
        yaml.safe_load((FOLDER / "prometheus.yml").read_text()), {"PORT": str(port), "SIDECARS": sidecars}
    )
    if remote_write:
        configuration["remote_write"] = [{"url": remote_write}]
    if alertmanager:
        configuration["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]}
    return yaml.safe_dump(configuration, sort_keys=False, width=1000)


def prometheus_files(*, sidecars: str = SIDECARS, remote_write: str = "", alertmanager: str = "") -> dict[str, str]:
    """Return Prometheus' configuration and rules as texts, by their paths."""
    rules = {f"rules/{file.name}": file.read_text() for file in sorted((FOLDER / "rules").glob("*.yml"))}
    return {
        "prometheus.yml": prometheus(sidecars=sidecars, remote_write=remote_write, alertmanager=alertmanager),
        **rules,
    }


def grafana_files(prometheus_host: str) -> dict[str, str]:
    """Return Grafana's data sources and dashboards as texts, by their paths."""
    folder = FOLDER / "grafana"
    sources = (folder / "datasources.yml").read_text().replace("http://PROMETHEUS:", f"http://{prometheus_host}:")
    pages = {f"dashboards/{file.name}": file.read_text() for file in sorted((folder / "dashboards").glob("*.json"))}
    provider = {"provisioning/dashboards/ecs-steady.yml": (folder / "dashboards.yml").read_text()}
    return {"provisioning/datasources/ecs-steady.yml": sources, **provider, **pages}


def _filled(value: Any, words: dict[str, str]) -> Any:
    """Replace each of `words` in the texts of `value`. A text of digits only becomes a number."""
    if isinstance(value, dict):
        return {key: _filled(inner, words) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, words) for inner in value]
    if not isinstance(value, str):
        return value
    for word, text in words.items():
        value = value.replace(word, text)
    return int(value) if value.isdigit() else value
