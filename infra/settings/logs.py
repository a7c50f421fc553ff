"""What cdk.json says of logs: how long they are kept, what a query may read, and whether lines are shipped.

"logs": {"keep_days": 400, "scan_limit_gib": 100, "partitions": "projected",
         "aggregators": {"cluster": "web", "count": 3, "flush_seconds": 300, "allow": ["sg-0123"], "image": "…"}}
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from infra.settings.checks import sources, table, whole_numbers
from infra.settings.errors import BadSettings

# fluentd with the S3 and systemd plugins, for x86_64 and arm64 (github.com/fluent/fluentd-kubernetes-daemonset).
FLUENTD = "fluent/fluentd-kubernetes-daemonset:v1.19.3-debian-s3-1.1"


@dataclass(frozen=True, slots=True)
class AggregatorSettings:
    """Where aggregators run, how many, and how long lines may wait there for others that they share an object with.

    `allow` are security groups and CIDR blocks that may send lines, beside the clusters that are made.
    """

    cluster: str
    count: int = 3
    flush_seconds: int = 300
    allow: tuple[str, ...] = ()
    image: str = FLUENTD


@dataclass(frozen=True, slots=True)
class LogSettings:
    """Logs in S3: for how long, how much a query may read, and whether partitions are projected or made.

    Without `aggregators`, something else ships lines.
    """

    keep_days: int = 400
    scan_limit_gib: int = 100
    projected: bool = True
    aggregators: AggregatorSettings | None = None


def logs_of(says: Any) -> LogSettings | None:
    """The settings that the context `logs` names.

    Raises:
        BadSettings: naming the key, what it says, and what is needed.
    """
    if says is None:
        return None
    says = table(says, 'context "logs"', {"keep_days", "scan_limit_gib", "partitions", "aggregators"})
    numbers = whole_numbers(says, 'context "logs"', ("keep_days", "scan_limit_gib"))
    partitions = says.get("partitions", "projected")
    if partitions not in ("projected", "made"):
        raise BadSettings(f'context "logs", partitions is {partitions!r}: projected or made is needed')
    aggregators = _aggregators(says["aggregators"]) if "aggregators" in says else None
    return LogSettings(**numbers, projected=partitions == "projected", aggregators=aggregators)


def _aggregators(says: Any) -> AggregatorSettings:
    where = 'context "logs", aggregators'
    says = table(says, where, {"cluster", "count", "flush_seconds", "allow", "image"})
    cluster = says.get("cluster")
    if not isinstance(cluster, str):
        raise BadSettings(f"{where}: cluster is {cluster!r}: the name of the cluster that they run on is needed")
    image = says.get("image", FLUENTD)
    if not isinstance(image, str) or not re.fullmatch(r"[\w./:@-]+", image):
        raise BadSettings(f"{where}: image is {image!r}: a container image's name is needed")
    return AggregatorSettings(
        cluster, **whole_numbers(says, where, ("count", "flush_seconds")), allow=sources(says, where), image=image
    )
