"""The key `monitoring` of cdk.json: where Prometheus and Grafana run, or that you have your own.

"monitoring": {"cluster": "web", "keep_days": 30, "sidecars": "envoy|fluentd", "remote_write": "https://…",
               "alertmanager": "alerts.example.com:9093", "allow": ["10.1.0.0/16"], "images": {"grafana": "…"}}
"monitoring": {"scrape_only": true, "allow": ["sg-0123"]}     cAdvisor alone, for a Prometheus of your own
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Self

from pydantic import model_validator

from infra.settings.checks import ContainerImage, Days, Flag, Sources, Table, needs, refusal, text
from infra.settings.made import Zone
from monitoring.configuration import SIDECARS

USED_BY_SCRAPING = {"scrape_only", "allow", "images"}


def _is_expression(value: Any) -> bool:
    try:
        re.compile(value)
    except (re.error, TypeError, OverflowError, RecursionError):
        return False
    return isinstance(value, str)


class MonitoringImages(Table):
    """The images that run, each from its project, pinned."""

    cadvisor: ContainerImage = "ghcr.io/google/cadvisor:0.60.5"
    # A release with long-term support.
    prometheus: ContainerImage = "prom/prometheus:v3.5.0"
    grafana: ContainerImage = "grafana/grafana:12.2.0"


class MonitoringSettings(Table):
    """Metrics of containers. `cluster` is where Prometheus and Grafana run; "" with `scrape_only`: cAdvisor alone.

    `made_for` are the zones of its cluster in the order in which release 0.1.0 gave them addresses of the file system,
    where that was not a, b, c. `allow` are security groups and CIDR blocks. With `scrape_only` they may scrape; else
    they may look at Prometheus and Grafana. `sidecars` is a regular expression; `remote_write` and `alertmanager` are
    "" for none.
    """

    scrape_only: Flag = False
    cluster: Annotated[str, needs("the name of the cluster that Prometheus runs on")] = ""
    keep_days: Days = 30
    sidecars: Annotated[str, needs("a regular expression", _is_expression)] = SIDECARS
    remote_write: Annotated[str, text(r"(https?://\S+)?", "an address such as https://example.com/api/v1/write")] = ""
    alertmanager: Annotated[str, text(r"([\w.-]+:\d+)?", "a host and port such as alerts.example.com:9093")] = ""
    made_for: Annotated[tuple[Zone, ...], needs('a list such as ["us-east-1a", "us-east-1b"]')] = ()
    allow: Sources = ()
    images: MonitoringImages = MonitoringImages()

    @model_validator(mode="after")
    def _has_one_place(self) -> Self:
        if not self.scrape_only and not self.cluster:
            raise refusal("the cluster that Prometheus runs on, or scrape_only, is needed", "cluster")
        for key in sorted(self.model_fields_set - USED_BY_SCRAPING if self.scrape_only else ()):
            raise refusal(f"with scrape_only nothing uses {key}: one of the two is needed, not both", key)
        return self
