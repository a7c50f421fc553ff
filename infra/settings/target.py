"""The settings of a deployment: the context of cdk.json, checked before anything is synthesized.

Several accounts and Regions live in one cdk.json, as environments; `--context env=prod` picks one of them. An
environment is one target, or a list of targets. A key that a target lacks is taken from the context, for all targets.

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
from typing import Annotated, Any, Literal, NamedTuple, Self

from constructs import Node
from pydantic import AfterValidator, Field, PlainValidator, model_validator

from infra.network_slots import LETTERS
from infra.settings.checks import Days, Flag, Table, needs, refusal, shown, text
from infra.settings.cluster_table import ClusterTable
from infra.settings.errors import BadSettings
from infra.settings.images import Distribution
from infra.settings.logs import LogSettings
from infra.settings.made import region_of
from infra.settings.monitoring import MonitoringSettings
from infra.settings.networks import ExistingNetwork, MadeNetwork, parse_network
from steady.thresholds import DEFAULTS, THRESHOLDS, contradictions

RUNBOOK = "docs/runbook.md"
MOST_VERSIONS = 1_000_000


def _is_number(given: Any) -> bool:
    return isinstance(given, int | str) and not isinstance(given, bool)


class TaskStatusSettings(Table):
    """How many days the objects are kept that tell a batch launcher that its tasks started and stopped."""

    keep_days: Days = 7


class TaskLauncherSettings(Table):
    """The launch queue. `roles` are the ARNs of the task and execution roles of what it runs, `*` as IAM has it."""

    roles: Annotated[
        tuple[Annotated[str, text(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/*-]+", "the ARN of an IAM role")], ...],
        needs("a list of the ARNs of IAM roles", lambda value: isinstance(value, list | tuple)),
    ] = ()


class Settings(ClusterTable):
    """One target's settings: an account and a Region ("": the current one), and all that is deployed there.

    `cloudtrail_failures` says whether a trail reports calls of RunTask that fail.

    `network` is one that exists, or how the one for the pools that are made is made. `dashboards` are also the suite's
    own, the clusters' alone, or none. `runbook` is its address, where it is published.
    """

    network: Annotated[ExistingNetwork | MadeNetwork, PlainValidator(parse_network)] = MadeNetwork()
    logs: LogSettings | None = None
    monitoring: MonitoringSettings | None = None
    task_status: TaskStatusSettings | None = None
    task_launcher: TaskLauncherSettings | None = None
    cloudtrail_failures: Flag = False
    docker_hub_mirror: Annotated[
        str,
        text(
            r"(\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com/[a-z0-9._/-]*[a-z0-9])?",
            "an ECR pull-through cache such as 111111111111.dkr.ecr.us-east-1.amazonaws.com/docker-hub",
        ),
    ] = ""
    dashboards: Annotated[Literal["all", "clusters", "none"], needs("all, clusters or none")] = "all"
    runbook: Annotated[str, needs("the address of the runbook"), AfterValidator(lambda given: given or RUNBOOK)] = (
        RUNBOOK
    )
    # On the command line the value is a text. 0: the functions get no layer.
    powertools_layer_version: Annotated[int, Field(ge=0, le=MOST_VERSIONS), needs("a version number", _is_number)] = 0

    @property
    def made_zones(self) -> list[str]:
        """List the zones of the network that is made, sorted; none where no pool is made, or a network exists."""
        if isinstance(self.network, ExistingNetwork) or not self.made_pools:
            return []
        return sorted({*self.network.zones, *(zone for pool in self.made_pools for zone in pool.made.zones)})

    @model_validator(mode="after")
    def _has_a_place_for_each_service(self) -> Self:
        """Check that the suite's own services run on a cluster and in a network that are known."""
        aggregators, monitoring = self.logs and self.logs.aggregators, self.monitoring
        if aggregators:
            self._check_place(aggregators.cluster, "logs", "aggregators", "cluster")
            adopted = next((c.name for c in self.clusters if c.adopted_pools), None)
            if adopted and not aggregators.allow:
                needed = f"{adopted} is adopted, so the security groups of its instances are needed"
                raise refusal(needed, "logs", "aggregators", "allow")
        if monitoring and monitoring.cluster:
            self._check_place(monitoring.cluster, "monitoring", "cluster")
            systems = {pool.made.ami.distribution for pool in self.made_pools if pool.cluster == monitoring.cluster}
            if systems == {Distribution.UBUNTU} and self.zones_of(monitoring.cluster):
                # Prometheus keeps its samples on EFS, by an access point.
                needed = (
                    f"{monitoring.cluster} starts from Ubuntu, which cannot mount EFS with its access points: another "
                    "cluster"
                )
                raise refusal(f"{needed} is needed", "monitoring", "cluster")
        if monitoring and not (self._network_exists or self.made_pools):
            raise refusal("all clusters are adopted, so the key network is needed for monitoring", "network")
        if monitoring and monitoring.cluster and isinstance(self.network, MadeNetwork) and not self.network.has_nat:
            # A task with a network interface of its own has no public address, even in a public subnet.
            raise refusal(
                "Prometheus needs a way out, so each-zone, or monitoring with scrape_only, is needed", "network", "nat"
            )
        return self

    def _check_place(self, cluster: str, *at: str) -> None:
        names = [c.name for c in self.clusters]
        if cluster not in names:
            raise refusal(f"one of {', '.join(names)} is needed", *at)
        if not self._network_exists and not self.zones_of(cluster):
            raise refusal(f"{cluster} is adopted, so the key network is needed, with the network that it is in", *at)

    @model_validator(mode="after")
    def _has_a_subnet_in_each_zone(self) -> Self:
        region = self.region
        for zone, cluster, *at in self.zones_in_rows():
            region = region or region_of(zone)
            if region_of(zone) != region:
                raise refusal(f"zones of {region} are needed", *at)
            if isinstance(self.network, ExistingNetwork) and zone not in self.network.subnets:
                raise refusal(f"a subnet for the cluster {cluster} is needed", "network", "subnets", zone)
        return self

    @model_validator(mode="after")
    def _has_a_slot_for_each_zone(self) -> Self:
        network = self.network
        if isinstance(network, ExistingNetwork):
            return self
        place = region_of(next((zone for zone, *_ in self.zones_in_rows()), ""))
        for key, zones in (("zones", network.zones), ("made_for", network.made_for)):
            if any(region_of(zone) != place for zone in zones):
                raise refusal(f"zones of {place or 'the Region of a cluster that is made'} are needed", "network", key)
        for zone, cluster, *at in self.zones_in_rows():
            if network.zones and zone not in network.zones:
                raise refusal(f"a list that has {zone}, a zone of the cluster {cluster}, is needed", "network", "zones")
            if zone not in network.made_for and zone not in {f"{place}{letter}" for letter in LETTERS}:
                needed = f"the network that is made has room for zones a to f: for {zone}, the key network with "
                raise refusal(f"{needed}vpc and subnets is needed", *at)
        return self

    @property
    def _network_exists(self) -> bool:
        return isinstance(self.network, ExistingNetwork)

    @model_validator(mode="after")
    def _has_thresholds_that_fit_together(self) -> Self:
        for number, row in enumerate(self.clusters):
            given = {**self.thresholds, **row.thresholds}
            values = {**DEFAULTS, **{name: THRESHOLDS[name].parse(value, name) for name, value in given.items()}}
            for low, high in contradictions(values):
                needed = f"{low} is {values[low]} and {high} is {values[high]}: a lower {low} is needed"
                raise refusal(needed, "clusters", number, "thresholds")
        return self

    @model_validator(mode="after")
    def _has_room_for_its_aggregators(self) -> Self:
        aggregators = self.logs and self.logs.aggregators
        if aggregators and self.zones_of(aggregators.cluster):
            pools = [pool.made for pool in self.made_pools if pool.cluster == aggregators.cluster]
            most = sum(pool.maximum for pool in pools)
            if aggregators.count > most:
                # Each has an instance of its own.
                needed = f"{aggregators.cluster} has at most {most} instances: a number that is not over it is needed"
                raise refusal(needed, "logs", "aggregators", "count")
        return self


class Target(NamedTuple):
    """Where one set of stacks goes. `name` tells targets apart; it is "" where cdk.json has no environments."""

    name: str
    settings: Settings


def targets_of(node: Node) -> tuple[Target, ...]:
    """List the targets that the context of `node` names. See `targets_in`."""
    return targets_in(node.get_all_context())


def targets_in(context: Mapping[str, Any]) -> tuple[Target, ...]:
    """List the targets of the environment that `context` picks; without environments, the current account and Region.

    Raises:
        BadSettings: one line for each value that is wrong.
    """
    # Keys of the CDK itself have other characters: @aws-cdk/core:target-partitions, aws:cdk:version-reporting.
    shared = {key: _read(value) for key, value in context.items() if re.fullmatch("[a-z_]+", key)}
    environments, env = shared.pop("environments", None), context.get("env")
    shared.pop("env", None)
    if not environments:
        if env:
            raise BadSettings(f'env is {shown(env)}: the key "environments", which has it, is needed')
        return (Target("", _settings({}, shared, "")),)
    if not isinstance(environments, dict):
        raise BadSettings(f"environments is {shown(environments)}: a table of environments is needed")
    if not isinstance(env, str) or env not in environments:
        raise BadSettings(f"env is {shown(env)}: one of {', '.join(map(shown, environments))} is needed")
    return _targets(env, environments[env], shared)


def _targets(env: str, given: Any, shared: Mapping[str, Any]) -> tuple[Target, ...]:
    where = f"environment {shown(env)}"
    if not isinstance(given, list):
        return (Target(env, _settings(given, shared, where)),)
    targets = [_settings(target, shared, f"{where}[{number}]") for number, target in enumerate(given)]
    places = [" ".join((t.account, t.region)).strip() or "the current account" for t in targets]
    for place in places:
        if places.count(place) > 1:
            raise BadSettings(f"{where} has {place} twice: one target for an account and Region is needed")
    if not targets:
        raise BadSettings(f"{where} is []: a target, or a list of targets, is needed")
    if len(targets) == 1:
        return (Target(env, targets[0]),)
    return tuple(Target("-".join(filter(None, (env, t.account, t.region))), t) for t in targets)


def _settings(given: Any, shared: Mapping[str, Any], where: str) -> Settings:
    if not isinstance(given, dict):
        raise BadSettings(f'{where} is {shown(given)}: {{"account": …, "region": …, "clusters": […]}} is needed')
    # null takes away what the context says for all.
    return Settings.checked({k: value for k, value in {**shared, **given}.items() if value is not None}, where)


def _read(value: Any) -> Any:
    """Read a table that was given on the command line as JSON. A text that is no table is checked as it is."""
    try:
        return json.loads(value) if isinstance(value, str) and value.startswith(("{", "[")) else value
    except (ValueError, RecursionError):
        return value
