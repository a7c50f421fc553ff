"""`steady adopt`: the row of cdk.json that adopts a live cluster as it is."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import chain, count
from typing import Annotated, Any

import typer

from cli.account import ProfileOption, RegionOption, aws_errors, runtime
from cli.doctor import inspection
from cli.doctor.capacity.auto_scaling_group import hooks_to_answer
from cli.doctor.findings import findings
from cli.doctor.model import Finding
from cli.output import JsonOption, one_line_errors, say, write_json
from simulator.wording import counted
from steady.arns import group_of
from steady.aws.capacity import pools
from steady.aws.capacity.auto_scaling_group import PROVIDERS_A_PAGE
from steady.aws.capacity.kind import NoSuchPool
from steady.aws.capacity.origins import origins_of
from steady.aws.capacity.spot_fleet import FLEET_MAXIMUM
from steady.aws.ecs.container_instances import describe_all_instances
from steady.aws.runtime import Runtime, batches
from steady.launch import FARGATE_PROVIDERS
from steady.names import TERMINATING
from steady.pools import Pool, PoolKind, PoolName
from steady.settings import MOST_POOLS, MOST_UNITS
from steady.thresholds import THRESHOLDS

# What names may be in cdk.json (infra/settings/adopted.py), which takes some tenths of a second to read.
CLUSTER_NAME, LONGEST_NAME = r"[A-Za-z][A-Za-z0-9_-]{0,99}", 50
DEFAULT_MAXIMUM = int(THRESHOLDS["max_capacity"].default)
# A deployment adds the lifecycle hook itself.
DEPLOYED = "hook"


class CannotAdopt(ValueError):
    """There is no such cluster, or it has no group and no fleet that the suite could scale."""


def adopt(
    cluster: Annotated[str, typer.Argument(help="The ECS cluster to adopt.")],
    profile: ProfileOption = None,
    region: RegionOption = None,
    json_: JsonOption = None,
) -> None:
    """Print the row of cdk.json that adopts a live cluster as it is, in dry-run, and what does not fit yet.

    Its pools are the groups and fleets that launched its instances, and the groups of its capacity providers. Fargate,
    ECS Managed Instances and ECS Anywhere are left alone. The command only reads the account and changes nothing.

    Exit code 1: AWS refused a call. 2: there is no such cluster, or none of its capacity is a group or a fleet.
    """
    aws = runtime(profile, region)
    with aws_errors(), one_line_errors(CannotAdopt):
        found = proposal(aws, cluster)
    write_json({**found, "findings": [asdict(one) for one in found["findings"]]}, json_)
    if json_ != "-":
        _print(cluster, found)


def proposal(aws: Runtime, cluster: str) -> dict[str, Any]:
    """Return the `row` for `cluster`; as `left_alone`, what is not the suite's; the `findings` on its pools.

    Raises:
        CannotAdopt: if there is no such cluster, or it has no pool, or a name that the suite does not take.
    """
    described = [c for c in aws.ecs.describe_clusters(clusters=[cluster])["clusters"] if c["status"] == "ACTIVE"]
    if not described:
        raise CannotAdopt(f'there is no ECS cluster "{cluster}" in this account and Region: the name of one is needed')
    name = described[0]["clusterName"]
    if not re.fullmatch(CLUSTER_NAME, name):
        needed = "a name of up to 100 characters that begins with a letter is needed"
        raise CannotAdopt(f'the cluster is named "{name}": {needed}')
    instances = [i for i in describe_all_instances(aws, name) if not i.is_external]
    of_cluster = described[0].get("capacityProviders", [])
    named, others = _of_providers(aws, [*of_cluster, *sorted({i.provider for i in instances} - {"", *of_cluster})])
    origins = origins_of(aws, (i.instance_id for i in instances if i.provider not in others))
    launched = Counter(origin.pool for origin in origins.values() if origin.pool)
    left_alone = [f"capacity provider {one}" for one in others]
    if strangers := len(origins) - launched.total():
        left_alone.append(f"{counted(strangers, 'instance')} of no group and no fleet")
    read = _within_bounds(_read(aws, sorted({*named, *launched}, key=str), left_alone), left_alone)
    if not read:
        raise CannotAdopt(
            f"cluster {name} has no Auto Scaling group and no Spot Fleet: instances that one of them launches are "
            "needed"
        )
    pool_names = [pool.name for pool in read]
    found = (one for pool in pool_names for one in findings(inspection.inspect(aws, name, pool, pool_names)))
    return {
        "row": row_of(name, read, [_has_hook(aws, pool.name) for pool in read]),
        "left_alone": left_alone,
        "findings": tuple(dict.fromkeys(one for one in found if one.check != DEPLOYED)),
    }


def _of_providers(aws: Runtime, names: Sequence[str]) -> tuple[set[PoolName], list[str]]:
    """Return the groups of the capacity providers `names`, and the names of those that have no group."""
    groups, others = set(), [name for name in names if name in FARGATE_PROVIDERS]
    for batch in batches([name for name in names if name not in FARGATE_PROVIDERS], PROVIDERS_A_PAGE):
        for one in aws.ecs.describe_capacity_providers(capacityProviders=batch)["capacityProviders"]:
            arn = one.get("autoScalingGroupProvider", {}).get("autoScalingGroupArn", "")
            if arn:
                groups.add(PoolName(PoolKind.AUTO_SCALING_GROUP, group_of(arn)))
            else:
                others.append(one["name"])
    return groups, others


def _read(aws: Runtime, named: Iterable[PoolName], left_alone: list[str]) -> list[Pool]:
    """Return the pools that are there; those that are gone, or cannot be named, are added to `left_alone`."""
    found = []
    for name in named:
        if not name.is_exact:
            left_alone.append(f"{name}, whose name IAM would take for others, too")
            continue
        try:
            found.append(pools.read_pool(aws, name))
        except NoSuchPool:
            left_alone.append(f"{name}, which is gone or no longer runs")
    return found


def _within_bounds(read: Sequence[Pool], left_alone: list[str]) -> list[Pool]:
    """Return as many pools as a cluster may have, those that hold most; the others are added to `left_alone`."""
    most = sorted(read, key=lambda pool: (-len(pool.members), str(pool.name)))[:MOST_POOLS]
    left_alone += [f"{pool.name}, since a cluster has {MOST_POOLS} pools at most" for pool in read if pool not in most]
    return [pool for pool in read if pool in most]


def _has_hook(aws: Runtime, name: PoolName) -> bool:
    hooks = hooks_to_answer(aws, name) if name.kind.traits.waits_under_hook else []
    return any(hook["LifecycleTransition"] == TERMINATING for hook in hooks)


def row_of(cluster: str, read: Sequence[Pool], hooks: Sequence[bool]) -> dict[str, Any]:
    """Return the row: with one pool, the key `capacity`; with several, `pools`."""
    own = [{"hook": False} if has_hook else {} for has_hook in hooks]
    if len(read) == 1:
        [pool] = read
        low, high = _bounds(pool)
        bounds = {"min_capacity": low, "max_capacity": high}
        return {"name": cluster, "capacity": str(pool.name), **own[0], "thresholds": {"mode": "dry-run", **bounds}}
    rows = [
        {"name": name, "capacity": str(pool.name), "min": low, "max": high, **more}
        for name, pool, more in zip(_names(read), read, own, strict=True)
        for low, high in (_bounds(pool),)
    ]
    return {"name": cluster, "pools": rows, "thresholds": {"mode": "dry-run"}}


def _bounds(pool: Pool) -> tuple[int, int]:
    """Return the bounds of a pool: its own; a fleet has no maximum, and gets that of a cluster by default.

    A fleet that counts vCPUs or MiB gets the largest bound: the default is meant for instances. A group may count in
    MiB, too, and have more of them than a bound may be.
    """
    if pool.name.kind is PoolKind.AUTO_SCALING_GROUP or pool.maximum > FLEET_MAXIMUM:
        own = pool.maximum
    else:
        own = max(DEFAULT_MAXIMUM, pool.target)
    most = min(MOST_UNITS, max(1, own))
    return min(most, pool.minimum), most


def _names(read: Sequence[Pool]) -> list[str]:
    """Return a name for each pool, as cdk.json takes it: that of its group, as far as it goes; none twice."""
    found: list[str] = []
    for pool in read:
        name = re.sub(r"[^A-Za-z0-9_-]", "-", pool.name.name)[:LONGEST_NAME]
        is_plain = pool.name.kind is PoolKind.AUTO_SCALING_GROUP and re.match(r"[A-Za-z]", name)
        taken = {one.lower() for one in found}
        numbered = (f"pool-{number}" for number in count(len(found) + 1))
        found.append(next(one for one in chain([name] if is_plain else [], numbered) if one.lower() not in taken))
    return found


def _print(cluster: str, found: Mapping[str, Any]) -> None:
    say(json.dumps(found["row"], indent=2))
    if found["left_alone"]:
        say(f"\nleft alone: {', '.join(found['left_alone'])}")
    not_yet: Sequence[Finding] = found["findings"]
    if not_yet:
        say(f"\ncluster {cluster}: {counted(len(not_yet), 'finding')} (steady doctor {cluster}, once it is deployed)")
    for one in not_yet:
        say(("\n" + one.check, "bold"), f"  {one}")
        say(f"    {one.command}")
