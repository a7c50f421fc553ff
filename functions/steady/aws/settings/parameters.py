"""Read and change thresholds in SSM.

A built-in default gives way to the deployment's value for all clusters, that to the deployment's value for the cluster
(its row in cdk.json), that to the operators' default, and that to the operators' value for the cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from steady.aws.runtime import Runtime
from steady.aws.settings.clusters import list_parameters, read_capacities
from steady.aws.settings.history import NEVER, newest
from steady.aws.settings.pool_parameters import PoolParameters
from steady.names import (
    CAPACITY,
    CLUSTERS_PATH,
    DEFAULTS_PATH,
    DEPLOYED_CLUSTERS_PATH,
    DEPLOYED_DEFAULTS_PATH,
    LAUNCH_QUEUE_PARAMETER,
    LAUNCHES_PARAMETER,
    LEDGER_PARAMETER,
)
from steady.pools import POOL_NAMES
from steady.settings import ClusterSettings, PoolSettings
from steady.thresholds import (
    THRESHOLDS,
    BadThreshold,
    are_ordered,
    contradiction,
    contradictions,
    resolve_contradictions,
)

if TYPE_CHECKING:
    from mypy_boto3_ssm.type_defs import ParameterTypeDef

NO_CLUSTERS = "no cluster of this account and Region has a parameter /steady/clusters/NAME/capacity"

Value = int | str


class NotManaged(BadThreshold):
    """A cluster has no `capacity` parameter; the text names the clusters that have one."""


class NoLaunchQueue(ValueError):
    """The suite has no launch queue in this account and Region."""


class NoLedger(ValueError):
    """The suite is not deployed in this account and Region, or by a version without a parameter for its ledger."""


@dataclass(frozen=True, slots=True)
class Held:
    """The value of a threshold for a cluster, and where it comes from.

    Attributes:
        path: the path of the parameter that sets it; "" if it is built in.
        raw: the text of the parameter, which differs from `value` if it does not parse or contradicts another one.
    """

    name: str
    value: Value
    path: str = ""
    raw: str = ""
    changed_at: datetime = NEVER


@dataclass(frozen=True, slots=True)
class ClusterParameters:
    """The parameters of one cluster: each threshold as it holds, its pools, and what is wrong with them."""

    held: Mapping[str, Held]
    pools: tuple[PoolSettings, ...]
    problems: tuple[str, ...]

    @property
    def values(self) -> dict[str, Value]:
        return {one.name: one.value for one in self.held.values()}


def paths_of(cluster: str) -> tuple[str, ...]:
    """Return the paths of the thresholds of `cluster` ("": of all clusters); each overrides those before it."""
    if not cluster:
        return (DEPLOYED_DEFAULTS_PATH, DEFAULTS_PATH)
    return (
        DEPLOYED_DEFAULTS_PATH,
        f"{DEPLOYED_CLUSTERS_PATH}/{cluster}",
        DEFAULTS_PATH,
        f"{CLUSTERS_PATH}/{cluster}",
    )


def read_parameters(runtime: Runtime, cluster: str) -> ClusterParameters:
    """Return the parameters of `cluster` ("": those for all clusters alone) as they hold now.

    A value that does not parse, or that contradicts another one, is replaced by the newest value of its history that
    does neither. If there is none, it is replaced by the value that it overrides.
    """
    own_path = f"{CLUSTERS_PATH}/{cluster}"
    found = {t.name: Held(t.name, t.default) for t in THRESHOLDS.values()}
    problems: list[str] = []
    of_pools = PoolParameters(own_path)
    for path in paths_of(cluster):
        for name, parameter in list_parameters(runtime, path):
            if of_pools.takes(path, name, parameter["Value"]):
                continue
            if name not in THRESHOLDS:
                problems.append(f"{path}/{name} is no threshold: one of {', '.join(THRESHOLDS)} is needed")
            else:
                found[name] = _parsed(runtime, f"{path}/{name}", parameter, found[name], problems)
    for low, high in contradictions({h.name: h.value for h in found.values()}):
        _reconcile(runtime, found, low, high, own_path, problems)
    pools, wrong = of_pools.read(runtime)
    return ClusterParameters(found, pools, (*problems, *wrong))


def read_settings(runtime: Runtime, cluster: str) -> ClusterSettings:
    """Return the pool and the thresholds of `cluster` as they hold now, with what is wrong in `problems`.

    Raises:
        BadThreshold: if the cluster has no pool with a usable `capacity`: there is nothing that could be scaled.
    """
    return settings_from(read_parameters(runtime, cluster), cluster)


def settings_from(found: ClusterParameters, cluster: str) -> ClusterSettings:
    """Return the settings of `cluster` from its parameters.

    Raises:
        BadThreshold: if there is no pool with a usable `capacity` among them.
    """
    path = f"{CLUSTERS_PATH}/{cluster}"
    if not found.pools:
        said = [problem for problem in found.problems if f"/{CAPACITY} " in problem]
        raise BadThreshold("; ".join(said) or f"{path}/{CAPACITY} is missing: {POOL_NAMES} is needed")
    thresholds, contradicting = resolve_contradictions(found.values, path)
    return ClusterSettings(cluster, found.pools, thresholds, (*found.problems, *contradicting))


def list_managed_clusters(runtime: Runtime, wanted: Sequence[str] = ()) -> list[str]:
    """Return the managed clusters, sorted; or `wanted`, all of which have to be among them.

    Raises:
        NotManaged: if one of `wanted` is not.
    """
    managed = sorted(read_capacities(runtime))
    for cluster in wanted:
        if cluster not in managed:
            there_are = f"one of {', '.join(managed)} is needed" if managed else NO_CLUSTERS
            raise NotManaged(f"cluster {cluster} is not managed: {there_are}")
    return list(wanted) or managed


def read_ledger_table(runtime: Runtime) -> str:
    """Return the name of the ledger's DynamoDB table.

    Raises:
        NoLedger: if the suite is not deployed in this account and Region.
    """
    if table := _value(runtime, LEDGER_PARAMETER):
        return table
    raise NoLedger(f"{LEDGER_PARAMETER} is missing: deploy the suite here (cdk deploy --all)")


def read_launches_table(runtime: Runtime) -> str:
    """Return the name of the launch queue's DynamoDB table; "": there is no launch queue here."""
    return _value(runtime, LAUNCHES_PARAMETER)


def read_launch_queue(runtime: Runtime) -> str:
    """Return the URL of the launch queue.

    Raises:
        NoLaunchQueue: if there is none in this account and Region.
    """
    if url := _value(runtime, LAUNCH_QUEUE_PARAMETER):
        return url
    raise NoLaunchQueue(f"{LAUNCH_QUEUE_PARAMETER} is missing: add task_launcher to cdk.json, and deploy (make deploy)")


def _value(runtime: Runtime, name: str) -> str:
    """Return the value of the parameter `name`; "": there is none (SSM takes no empty value)."""
    try:
        return runtime.ssm.get_parameter(Name=name)["Parameter"]["Value"]
    except runtime.ssm.exceptions.ParameterNotFound:
        return ""


def put_threshold(runtime: Runtime, path: str, name: str, value: Value) -> None:
    """Set the threshold `name` under `path`, with the pattern that SSM checks the next value against."""
    threshold = THRESHOLDS[name]
    put_value(runtime, f"{path}/{name}", value, threshold.allowed_pattern, threshold.meaning)


def put_value(runtime: Runtime, path: str, value: Value, pattern: str, description: str) -> None:
    """Set the parameter `path`, with the `pattern` that SSM checks the next value against."""
    runtime.ssm.put_parameter(
        Name=path, Value=str(value), Type="String", Overwrite=True, AllowedPattern=pattern, Description=description
    )


def reset_threshold(runtime: Runtime, path: str, name: str) -> None:
    """Delete the operators' threshold `name` under `path`, so that the value that it overrides holds again."""
    try:
        runtime.ssm.delete_parameter(Name=f"{path}/{name}")
    except runtime.ssm.exceptions.ParameterNotFound:
        return


def _parsed(runtime: Runtime, path: str, parameter: ParameterTypeDef, under: Held, problems: list[str]) -> Held:
    """Return the threshold that the parameter at `path` sets, or the one `under` it if no version of it parses."""
    raw, changed_at = parameter["Value"], parameter.get("LastModifiedDate", NEVER)
    try:
        return Held(under.name, THRESHOLDS[under.name].parse(raw, path), path, raw, changed_at)
    except BadThreshold as error:
        earlier = newest(runtime, path, _parser(under.name, path))
        found = under if earlier is None else Held(under.name, earlier, path, raw, changed_at)
        problems.append(f"{error}; {found.value} is used until it is corrected")
        return found


def _reconcile(runtime: Runtime, found: dict[str, Held], low: str, high: str, where: str, problems: list[str]) -> None:
    """Replace the one of the two that was changed last by its newest earlier value that contradicts nothing."""
    last, other = sorted((found[low], found[high]), key=lambda one: one.changed_at, reverse=True)
    values = {low: found[low].value, high: found[high].value}
    if not last.path:
        return
    fits = lambda value: are_ordered({**values, last.name: value}, low, high)  # noqa: E731
    earlier = newest(runtime, last.path, _parser(last.name, last.path), fits)
    if earlier is not None:
        found[last.name] = replace(last, value=earlier)
        said = contradiction(values, low, high, where)
        problems.append(f"{said}; {earlier} is used for {last.name}, which was changed after {other.name}")


def _parser(name: str, path: str) -> Callable[[str], Value]:
    return lambda raw: THRESHOLDS[name].parse(raw, path)
