"""`steady doctor`: what of a live cluster does not fit the suite, each with the command that mends it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from cli.account import ProfileOption, RegionOption, aws_errors, runtime
from cli.doctor import inspection
from cli.doctor.findings import Finding, findings
from cli.output import JsonOption, answers, one_line_errors, write_json
from steady.aws.capacity.kind import NoSuchPool
from steady.aws.runtime import Runtime
from steady.aws.settings import parameters
from steady.thresholds import BadThreshold

DOES_NOT_FIT = 1


def doctor(
    cluster: Annotated[str, typer.Argument(help="The cluster to look at.")],
    profile: ProfileOption = None,
    region: RegionOption = None,
    json_: JsonOption = None,
) -> None:
    """Looks at a cluster in the account, and says what does not fit; it changes nothing.

    Exit code 0: all fits; 1: something does not, or AWS refused; 2: the cluster is not managed.
    """
    aws = runtime(profile, region)
    with aws_errors(), one_line_errors(BadThreshold, NoSuchPool):
        found = examined(aws, cluster)
    write_json([asdict(finding) for finding in found], json_)
    if json_ != "-":
        _print(cluster, found)
    if found:
        raise typer.Exit(DOES_NOT_FIT)


def examined(aws: Runtime, cluster: str) -> tuple[Finding, ...]:
    """What does not fit of `cluster`.

    Raises:
        BadThreshold: if the cluster has no usable `capacity` parameter.
        NoSuchPool: if that names a group or fleet that is not there.
    """
    pool = parameters.read_settings(aws, cluster).pool
    return findings(inspection.inspect(aws, cluster, pool))


def _print(cluster: str, found: tuple[Finding, ...]) -> None:
    if not found:
        answers.print(f"cluster {cluster}: all fits", highlight=False)
        return
    answers.print(f"cluster {cluster}: {len(found)} {'thing does' if len(found) == 1 else 'things do'} not fit")
    for finding in found:
        answers.print(f"\n[bold]{finding.check}[/]  {finding}", highlight=False, soft_wrap=True)
        # As it is to be pasted: no wrapping, no markup.
        answers.print(f"    {finding.command}", highlight=False, markup=False, soft_wrap=True)
