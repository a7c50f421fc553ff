"""The key `logs` of cdk.json: how long logs are kept, how much a query may read, and whether lines are shipped.

"logs": {"keep_days": 400, "scan_limit_gib": 100, "partitions": "projected",
         "aggregators": {"cluster": "web", "count": 3, "flush_seconds": 300, "allow": ["sg-0123"], "image": "…"}}
"""

from __future__ import annotations

from typing import Annotated, Literal

from infra.settings.checks import REQUIRED, ContainerImage, Days, Sources, Table, needs, text, whole

# fluentd with the S3 and systemd plugins, for x86_64 and arm64 (github.com/fluent/fluentd-kubernetes-daemonset).
FLUENTD = "fluent/fluentd-kubernetes-daemonset:v1.19.3-debian-s3-1.1"


class AggregatorSettings(Table):
    """Where aggregators run, how many, and for how many seconds they collect lines into one object.

    `allow` are security groups and CIDR blocks that may send lines, beside the clusters that the deployment makes.
    """

    cluster: Annotated[str, text(r".+", "the name of the cluster that aggregators run on")] = REQUIRED
    count: Annotated[int, whole(1, 5_000)] = 3
    flush_seconds: Annotated[int, whole(1, 86_400)] = 300
    allow: Sources = ()
    image: ContainerImage = FLUENTD


class LogSettings(Table):
    """Logs in S3: for how long, how much a query may read, and whether partitions are projected or made.

    Without `aggregators`, the deployment ships no lines.
    """

    keep_days: Days = 400
    scan_limit_gib: Annotated[int, whole(1, 1_000_000)] = 100
    partitions: Annotated[Literal["projected", "made"], needs("projected or made")] = "projected"
    aggregators: Annotated[AggregatorSettings | None, needs('a table such as {"cluster": "web"}')] = None

    @property
    def projected(self) -> bool:
        """Return whether Athena computes partitions by itself, so that none are made."""
        return self.partitions == "projected"
