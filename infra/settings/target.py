"""What a deployment says of itself: the context of cdk.json, checked before anything is made of it.

Several accounts and Regions live in one cdk.json, as environments; `--context env=prod` picks one of them. An
environment is one target, or a list of targets; what a target does not say itself, the context says for all.

"env": "staging",
"environments": {
  "staging": {"account": "111111111111", "region": "eu-west-1", "clusters": […]},
  "prod": [{"account": "222222222222", "region": "us-east-1", "clusters": […]},
           {"account": "222222222222", "region": "eu-west-1", "clusters": […]}]
}
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from constructs import Node

from infra.settings.checks import table, whole_numbers
from infra.settings.clusters import AdoptedCluster, MadeCluster, clusters_of
from infra.settings.errors import BadSettings
from infra.settings.images import images_of
from infra.settings.logs import LogSettings, logs_of
from infra.settings.monitoring import MonitoringSettings, monitoring_of
from steady.pools import PoolKind

SHARED_KEYS = (
    "clusters",
    "network",
    "images",
    "logs",
    "monitoring",
    "task_status",
    "runbook",
    "powertools_layer_version",
)
RUNBOOK = "docs/runbook.md"
TARGET_KEYS = ("account", "region", *SHARED_KEYS)


@dataclass(frozen=True, slots=True)
class ExistingNetwork:
    """A VPC that is there, with the id of a subnet for each zone."""

    vpc: str
    subnets: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TaskStatusSettings:
    """Objects that say that tasks started and stopped, and how long they are kept."""

    keep_days: int = 7


@dataclass(frozen=True, slots=True)
class Settings:
    """One target's settings. Without a `network`, one is made for the clusters that are made."""

    clusters: tuple[AdoptedCluster | MadeCluster, ...]
    network: ExistingNetwork | None
    powertools_layer_version: int
    # Where the runbook is: its address, if it is published somewhere.
    runbook: str = RUNBOOK
    logs: LogSettings | None = None
    monitoring: MonitoringSettings | None = None
    task_status: TaskStatusSettings | None = None

    @property
    def adopted(self) -> tuple[AdoptedCluster, ...]:
        return tuple(c for c in self.clusters if isinstance(c, AdoptedCluster))

    @property
    def made(self) -> tuple[MadeCluster, ...]:
        return tuple(c for c in self.clusters if isinstance(c, MadeCluster))

    def adopted_pools(self, kind: PoolKind) -> list[str]:
        """The names of the pools of `kind` that are adopted."""
        return [c.pool.name for c in self.adopted if c.kind is kind]

    def made_on(self, kind: PoolKind) -> list[str]:
        """The names of the clusters that are made on a pool of `kind`."""
        return [c.name for c in self.made if c.kind is kind]


@dataclass(frozen=True, slots=True)
class Target:
    """Where one set of stacks goes: an account and a Region ("": the current one). `name` tells targets apart."""

    name: str
    account: str
    region: str
    settings: Settings


def targets_of(node: Node) -> tuple[Target, ...]:
    """The targets of the environment that the context picks; without environments, the current account and Region.

    Raises:
        BadSettings: naming what is wrong.
        BadThreshold: if a cluster's capacity or threshold is wrong.
    """
    shared = {key: _context(node, key) for key in SHARED_KEYS}
    environments, chosen = _context(node, "environments"), node.try_get_context("env")
    if not environments:
        if chosen:
            raise BadSettings(f'env is {chosen!r}, and the context has no "environments": put it there')
        return (Target("", "", "", _settings(shared)),)
    if not isinstance(environments, dict) or chosen not in environments:
        known = ", ".join(environments) if isinstance(environments, dict) else repr(environments)
        raise BadSettings(f"env is {chosen!r}: one of {known} is needed (--context env=NAME)")
    says = environments[chosen] if isinstance(environments[chosen], list) else [environments[chosen]]
    targets = tuple(_target(f"environments, {chosen}", target, shared) for target in says)
    places = [(t.account, t.region) for t in targets]
    if twice := [place for place in places if places.count(place) > 1]:
        place = " ".join(twice[0]).strip() or "the current account"
        raise BadSettings(f"environments, {chosen} has {place} twice: one target for an account and Region is needed")
    if len(targets) == 1:
        return (replace(targets[0], name=chosen),)
    return tuple(replace(t, name="-".join(filter(None, (chosen, t.account, t.region)))) for t in targets)


def _target(where: str, says: Any, shared: Mapping[str, Any]) -> Target:
    if not isinstance(says, dict):
        raise BadSettings(f'{where} is {says!r}: {{"account": …, "region": …, "clusters": […]}} is needed')
    if unknown := sorted(set(says) - set(TARGET_KEYS)):
        raise BadSettings(f"{where}: {unknown[0]} is not known: one of {', '.join(TARGET_KEYS)} is needed")
    account, region = str(says.get("account", "")), says.get("region", "")
    if account and not re.fullmatch(r"\d{12}", account):
        raise BadSettings(f"{where}: account is {account!r}: twelve digits are needed")
    if region and not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d", str(region)):
        raise BadSettings(f"{where}: region is {region!r}: one such as us-east-1 is needed")
    settings = _settings({**shared, **says})
    for cluster in settings.made:
        for zone in cluster.zones:
            if not zone.startswith(region):
                raise BadSettings(f"{where}: cluster {cluster.name} is to be in {zone}, which is not in {region}")
    return Target("", account, region, settings)


def _settings(says: Mapping[str, Any]) -> Settings:
    clusters = clusters_of(says["clusters"], images_of(says["images"]))
    network = _network(says["network"])
    layer = int(says["powertools_layer_version"] or 0)
    settings = Settings(
        clusters,
        network,
        layer,
        says["runbook"] or RUNBOOK,
        logs_of(says["logs"]),
        monitoring_of(says["monitoring"]),
        _task_status(says["task_status"]),
    )
    _check_shipping(settings)
    _check_monitoring(settings)
    for cluster in settings.made:
        if network and (lacking := [zone for zone in cluster.zones if zone not in network.subnets]):
            raise BadSettings(f'context "network" has no subnet for {lacking[0]}, where {cluster.name} is to be')
    return settings


def _task_status(says: Any) -> TaskStatusSettings | None:
    if says is None:
        return None
    where = 'context "task_status"'
    return TaskStatusSettings(**whole_numbers(table(says, where, {"keep_days"}), where, ("keep_days",)))


def _check_shipping(settings: Settings) -> None:
    """Lines that are to be shipped need a cluster and a network to go to, and a door that lets them in."""
    aggregators = settings.logs and settings.logs.aggregators
    if not aggregators:
        return
    where = 'context "logs", aggregators'
    _check_place(settings, aggregators.cluster, where)
    if settings.adopted and not aggregators.allow:
        name = settings.adopted[0].name
        raise BadSettings(f"{where}: {name} is adopted: allow is needed, with the security groups of its instances")


def _check_monitoring(settings: Settings) -> None:
    """Prometheus and Grafana need a cluster to run on; all of it needs a network that is known."""
    if settings.monitoring and settings.monitoring.cluster:
        _check_place(settings, settings.monitoring.cluster, 'context "monitoring"')
    if settings.monitoring and not (settings.network or settings.made):
        raise BadSettings('context "monitoring": all clusters are adopted: the context "network" is needed')


def _check_place(settings: Settings, cluster: str, where: str) -> None:
    """A service of the suite's own needs a cluster to run on, in a network that is known."""
    names = [c.name for c in settings.clusters]
    if cluster not in names:
        raise BadSettings(f"{where}: cluster is {cluster!r}: one of {', '.join(names)} is needed")
    if not settings.network and cluster not in {c.name for c in settings.made}:
        raise BadSettings(f'{where}: {cluster} is adopted: the context "network" is needed, which it is in')


def _network(says: Any) -> ExistingNetwork | None:
    if not says:
        return None
    is_table = isinstance(says, dict) and set(says) == {"vpc", "subnets"} and isinstance(says["subnets"], dict)
    if not is_table or not says["subnets"]:
        raise BadSettings(
            f'context "network" is {says!r}: {{"vpc": "vpc-…", "subnets": {{"us-east-1a": "subnet-…"}}}} is needed'
        )
    return ExistingNetwork(str(says["vpc"]), {str(zone): str(id_) for zone, id_ in says["subnets"].items()})


def _context(node: Node, key: str) -> Any:
    """What the context says of `key`; a table may be given on the command line, too, as JSON."""
    value = node.try_get_context(key)
    if not isinstance(value, str) or key in ("runbook", "powertools_layer_version"):
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError as error:
        raise BadSettings(f'context "{key}" is no JSON ({error}): what cdk.json would hold is needed') from error
