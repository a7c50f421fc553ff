"""`steady doctor`: list the settings of a live cluster that do not fit the suite."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from cli.account import ProfileOption, RegionOption, aws_errors, runtime
from cli.clusters import pools_there, settings_of
from cli.doctor import inspection
from cli.doctor.findings import findings
from cli.doctor.model import Finding
from cli.output import JsonOption, one_line_errors, say, write_json
from simulator.wording import counted
from steady.aws.capacity.kind import NoSuchPool
from steady.aws.runtime import Runtime
from steady.names import CAPACITY, CLUSTERS_PATH, POOLS
from steady.settings import ClusterSettings, PoolSettings
from steady.thresholds import BadThreshold

DOES_NOT_FIT = 1


def doctor(
    cluster: Annotated[str, typer.Argument(help="The cluster to check.")],
    profile: ProfileOption = None,
    region: RegionOption = None,
    json_: JsonOption = None,
) -> None:
    """List the settings of a cluster that do not fit the suite, each with the command that corrects it.

    Notes name the services whose tasks are stopped late, and do not change the exit code. The command only reads the
    account and changes nothing.

    Exit code 0: every setting fits. 1: a setting does not fit, or AWS refused a call. 2: the cluster is not managed.
    """
    aws = runtime(profile, region)
    with aws_errors(cluster), one_line_errors(BadThreshold, NoSuchPool):
        found = examine(aws, cluster)
    write_json([asdict(finding) for finding in found], json_)
    if json_ != "-":
        _print(cluster, found)
    if any(not finding.is_note for finding in found):
        raise typer.Exit(DOES_NOT_FIT)


def examine(aws: Runtime, cluster: str) -> tuple[Finding, ...]:
    """Return the settings of `cluster` that do not fit.

    Raises:
        BadThreshold: if the cluster has no usable `capacity` parameter.
        NoSuchPool: if none of the groups and fleets that the parameters name exists.
    """
    settings = settings_of(aws, cluster)
    there, gone = pools_there(aws, settings)
    inspected = (inspection.inspect(aws, cluster, pool.name, settings.pool_names) for pool in there.values())
    found = (one for of_pool in inspected for one in findings(of_pool))
    # What is wrong with a service is found with each pool.
    return (*(_gone(settings, one) for one in settings.pools if one.name in gone), *dict.fromkeys(found))


def _gone(settings: ClusterSettings, one: PoolSettings) -> Finding:
    return Finding(
        "gone",
        f"pool {one.name} of cluster {settings.name}",
        f"is {one.pool}, which does not exist or no longer runs",
        "a row of cdk.json without it, or with the group or fleet that took its place,",
        f"aws ssm delete-parameter --name {CLUSTERS_PATH}/{settings.name}/{POOLS}/{one.name}/{CAPACITY}",
    )


def _print(cluster: str, found: tuple[Finding, ...]) -> None:
    count = sum(not finding.is_note for finding in found)
    if count:
        say(f"cluster {cluster}: {counted(count, 'setting does', 'settings do')} not fit")
    else:
        say(f"cluster {cluster}: every setting fits")
    for finding in found:
        say(("\n" + finding.check, "bold"), f"  {finding}")
        say(f"    {finding.command}")
