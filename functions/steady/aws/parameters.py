"""Thresholds from SSM: the deployment's defaults, under the operator's own values for a cluster."""

from __future__ import annotations

from collections.abc import Iterator

from steady.aws.capacity import Origin
from steady.aws.runtime import Runtime
from steady.thresholds import THRESHOLDS, BadThreshold, ClusterSettings, parse_pool, without_contradictions

DEFAULTS_PATH = "/steady/defaults"
CLUSTERS_PATH = "/steady/clusters"
LEDGER_PARAMETER = "/steady/ledger"
# How long the list of clusters is kept by a process: a cluster that is added is served within this.
POOLS_KEPT_S = 60


class NoLedger(ValueError):
    """The suite is not deployed in this account and Region, or by a version that did not say where its ledger is."""


def settings_of(runtime: Runtime, cluster: str) -> ClusterSettings:
    """The pool and the thresholds of `cluster` as they hold now.

    A value that does not parse is replaced by the newest one of its history that does, then by the deployment's, then
    by the built-in default, and is named in `problems`.

    Raises:
        BadThreshold: if the cluster has no usable `capacity` parameter: there is nothing that could be scaled.
    """
    path = f"{CLUSTERS_PATH}/{cluster}"
    own = dict(_values(runtime, path))
    capacity = own.pop("capacity", "")
    if not capacity:
        raise BadThreshold(f"{path}/capacity is missing: auto-scaling-group:NAME or spot-fleet:sfr-… is needed")
    values: dict[str, int | str] = {}
    problems: list[str] = []
    for where, raw in ((DEFAULTS_PATH, dict(_values(runtime, DEFAULTS_PATH))), (path, own)):
        for name, value in raw.items():
            if name not in THRESHOLDS:
                problems.append(f"{where}/{name} is no threshold: one of {', '.join(THRESHOLDS)} is needed")
                continue
            try:
                values[name] = THRESHOLDS[name].parse(value, f"{where}/{name}")
            except BadThreshold as error:
                earlier = _newest_that_parses(runtime, where, name)
                values |= {} if earlier is None else {name: earlier}
                used = values.get(name, THRESHOLDS[name].default)
                problems.append(f"{error}; {used} is used for it")
    thresholds, contradictions = without_contradictions(values, path)
    return ClusterSettings(cluster, parse_pool(capacity, f"{path}/capacity"), thresholds, (*problems, *contradictions))


def clusters_by_pool(runtime: Runtime) -> dict[str, str]:
    """Every cluster that the suite manages, by the text of its `capacity` parameter; kept for a minute."""
    kept = runtime.known.get(CLUSTERS_PATH)
    if kept is None or runtime.now() - kept[0] > POOLS_KEPT_S:
        pools = {}
        for name, value in _values(runtime, CLUSTERS_PATH):
            cluster, _, parameter = name.partition("/")
            if parameter == "capacity":
                pools[value] = cluster
        kept = runtime.known[CLUSTERS_PATH] = (runtime.now(), pools)
    found: dict[str, str] = kept[1]
    return found


def cluster_of(runtime: Runtime, origin: Origin) -> str | None:
    """The cluster that an instance belongs to, by its pool or else by its own tag; None if it is none of ours."""
    clusters = clusters_by_pool(runtime)
    if origin.pool and str(origin.pool) in clusters:
        return clusters[str(origin.pool)]
    # A fleet that CloudFormation has replaced is nobody's pool any more, and still has instances.
    return origin.cluster if origin.cluster in clusters.values() else None


def ledger_table(runtime: Runtime) -> str:
    """The table of the suite's ledger.

    Raises:
        NoLedger: if the suite is not deployed in this account and Region.
    """
    try:
        return runtime.ssm.get_parameter(Name=LEDGER_PARAMETER)["Parameter"]["Value"]
    except runtime.ssm.exceptions.ParameterNotFound as error:
        raise NoLedger(f"{LEDGER_PARAMETER} is missing: deploy the suite here (cdk deploy --all)") from error


def _values(runtime: Runtime, path: str) -> Iterator[tuple[str, str]]:
    # SSM: 10 parameters a page (GetParametersByPath)
    pages = runtime.ssm.get_paginator("get_parameters_by_path").paginate(Path=path, Recursive=True)
    for page in pages:
        for parameter in page["Parameters"]:
            yield parameter["Name"].removeprefix(f"{path}/"), parameter["Value"]


def _newest_that_parses(runtime: Runtime, path: str, name: str) -> int | str | None:
    pages = runtime.ssm.get_paginator("get_parameter_history").paginate(Name=f"{path}/{name}")
    versions = [version for page in pages for version in page["Parameters"]]
    for version in sorted(versions, key=lambda v: v["Version"], reverse=True):
        try:
            return THRESHOLDS[name].parse(version["Value"], f"{path}/{name}")
        except BadThreshold:
            continue
    return None
