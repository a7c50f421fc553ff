"""What cdk.json says of metrics: where Prometheus and Grafana run, or that there are some already.

"monitoring": {"cluster": "web", "keep_days": 30, "sidecars": "envoy|fluentd", "remote_write": "https://…",
               "alertmanager": "alerts.example.com:9093", "allow": ["10.1.0.0/16"], "images": {"grafana": "…"}}
"monitoring": {"scrape_only": true, "allow": ["sg-0123"]}     cAdvisor alone, for a Prometheus that is there
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from infra.settings.checks import sources, table, whole_numbers
from infra.settings.errors import BadSettings
from monitoring.configuration import SIDECARS

WHERE = 'context "monitoring"'
KEYS = {"scrape_only", "cluster", "keep_days", "sidecars", "remote_write", "alertmanager", "allow", "images"}


@dataclass(frozen=True, slots=True)
class MonitoringImages:
    """The images that run, each from its project, pinned."""

    cadvisor: str = "ghcr.io/google/cadvisor:0.60.5"
    # A release with long-term support.
    prometheus: str = "prom/prometheus:v3.5.0"
    grafana: str = "grafana/grafana:12.2.0"


@dataclass(frozen=True, slots=True)
class MonitoringSettings:
    """Metrics of containers. `cluster` is where Prometheus and Grafana run; "": elsewhere, and only cAdvisor is here.

    `allow` are security groups and CIDR blocks: with Prometheus here, those that may look at it and at Grafana; else
    those that may scrape. `sidecars` is a regular expression; `remote_write` and `alertmanager` are "" for none.
    """

    cluster: str
    keep_days: int = 30
    sidecars: str = SIDECARS
    remote_write: str = ""
    alertmanager: str = ""
    allow: tuple[str, ...] = ()
    images: MonitoringImages = MonitoringImages()


def monitoring_of(says: Any) -> MonitoringSettings | None:
    """The settings that the context `monitoring` names.

    Raises:
        BadSettings: naming the key, what it says, and what is needed.
    """
    if says is None:
        return None
    says = table(says, WHERE, KEYS)
    images = _images(says.get("images", {}))
    allow = sources(says, WHERE)
    if says.get("scrape_only") is True:
        if unused := sorted(set(says) - {"scrape_only", "allow", "images"}):
            raise BadSettings(f"{WHERE}: {unused[0]} is of no use with scrape_only: leave one of them out")
        return MonitoringSettings("", allow=allow, images=images)
    cluster = says.get("cluster")
    if not isinstance(cluster, str) or not cluster:
        raise BadSettings(
            f"{WHERE}: cluster is {cluster!r}: the cluster that Prometheus runs on, or scrape_only, is needed"
        )
    settings = MonitoringSettings(
        cluster,
        **whole_numbers(says, WHERE, ("keep_days",)),
        sidecars=says.get("sidecars", SIDECARS),
        remote_write=says.get("remote_write", ""),
        alertmanager=says.get("alertmanager", ""),
        allow=allow,
        images=images,
    )
    return _checked(settings)


def _checked(settings: MonitoringSettings) -> MonitoringSettings:
    try:
        re.compile(settings.sidecars)
    except (re.error, TypeError) as error:
        raise BadSettings(
            f"{WHERE}: sidecars is {settings.sidecars!r}: a regular expression is needed ({error})"
        ) from error
    for key, value, pattern, needed in (
        (
            "remote_write",
            settings.remote_write,
            r"(https?://\S+)?",
            "an address such as https://example.com/api/v1/write",
        ),
        ("alertmanager", settings.alertmanager, r"([\w.-]+:\d+)?", "a host and port such as alerts.example.com:9093"),
    ):
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise BadSettings(f"{WHERE}: {key} is {value!r}: {needed} is needed")
    return settings


def _images(says: Any) -> MonitoringImages:
    known = MonitoringImages.__slots__
    says = table(says, f"{WHERE}, images", known)
    for name, image in says.items():
        if not isinstance(image, str) or not re.fullmatch(r"[\w./:@-]+", image):
            raise BadSettings(f"{WHERE}, images, {name} is {image!r}: a container image's name is needed")
    return replace(MonitoringImages(), **says)
