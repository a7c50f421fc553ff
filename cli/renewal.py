"""`steady renew`: replace the instances that are not what their pool launches today, and follow that to its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any

import typer
from rich.table import Table

from cli import config
from cli.account import AWS_FAILED, ProfileOption, RegionOption, aws_errors, runtime
from cli.clusters import pools_there, settings_of
from cli.output import JsonOption, fail, note, one_line_errors, progress_bars, say, show_table, write_json
from simulator.wording import counted
from steady.aws.capacity.drift import read_drift
from steady.aws.capacity.kind import NoSuchPool
from steady.aws.runtime import Runtime
from steady.aws.scaling import deciding, ledger
from steady.aws.settings import parameters
from steady.pools import Pool
from steady.scaling.parts import part_of
from steady.scaling.renewal_progress import RenewalProgress
from steady.scaling.renewal_reasons import RenewalUnread, RenewalWaits, by_cause
from steady.scaling.state import ScalingState
from steady.settings import ClusterSettings
from steady.thresholds import BadThreshold

LOOK_EACH_S = 30.0


def renew(
    cluster: Annotated[str, typer.Argument(help="The cluster whose instances to renew.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show which instances are out of date; change nothing.")
    ] = False,
    profile: ProfileOption = None,
    region: RegionOption = None,
    json_: JsonOption = None,
) -> None:
    """Renew the instances whose image, launch template, type or age is not what their pool launches today.

    It sets the threshold renew to drift, and shows how far the autoscaler is until all are renewed. Ctrl-C ends the
    display alone.

    Exit code 1: the renewal was stopped, because what the pool launches is no good; or AWS refused a call. 2: the
    cluster is not managed, its mode is not active, or the suite is not deployed here.
    """
    aws = runtime(profile, region)
    with aws_errors(cluster), one_line_errors(BadThreshold, NoSuchPool, parameters.NoLedger):
        table = parameters.read_ledger_table(aws)
        settings = settings_of(aws, cluster)
        drifts = drifts_of(aws, settings)
        write_json({"cluster": cluster, **_answer(drifts, ledger.load(aws, table, cluster).state)}, json_)
        if dry_run:
            for pool in drifts.values() if json_ != "-" else ():
                _show(pool)
            return
        drifted = sum(len(pool.drifted) for pool in drifts.values())
        if not drifted:
            instances = sum(len(pool.members) for pool in drifts.values())
            say(f"cluster {cluster}: {counted(instances, 'instance')}, none out of date")
            return
        if settings.thresholds.mode != "active":
            fail(
                f"cluster {cluster}: mode is {settings.thresholds.mode}, in which nothing is renewed: "
                f"steady config set {cluster} mode=active"
            )
        if settings.thresholds.renew == "off":
            config.change(aws, cluster, {"renew": "drift"})
            note(
                f"cluster {cluster}: renew is drift from now on; steady config reset {cluster} renew turns it off again"
            )
        stopped = _followed(aws, settings, table, drifted)
    if stopped:
        fail(f"cluster {cluster}: renewal stopped: {stopped}; steady image {cluster} --back", AWS_FAILED)
    say(f"cluster {cluster}: all instances are renewed")


def drifts_of(aws: Runtime, settings: ClusterSettings) -> dict[str, Pool]:
    """Return the cluster's pools with their drifted instances, whether or not renewal is on, by the pool's name.

    Raises:
        NoSuchPool: if none of its pools exists. Of several, one that is gone is left out.
    """
    there, _ = pools_there(aws, settings)
    return {name: read_drift(aws, pool, settings.thresholds) for name, pool in there.items()}


def _answer(drifts: Mapping[str, Pool], state: ScalingState) -> dict[str, Any]:
    """Return what `renewal_of` does; for a cluster with several pools, for each of them."""
    found = {name: renewal_of(pool, part_of(state, name).renewal) for name, pool in drifts.items()}
    return found.get("", {"pools": found})


def renewal_of(pool: Pool, progress: RenewalProgress) -> dict[str, Any]:
    """Return which instances are out of date, and how far their renewal is, as JSON values."""
    return {
        "launches": pool.launches,
        "drifted": {id_: cause.value for id_, cause in pool.drifted.items()},
        "asked": progress.asked,
        "emptying": len(progress.old),
        "proven": progress.is_proven,
        "stopped": progress.stopped,
        "unread": pool.drift_unread,
    }


def renewal_line(renewal: Mapping[str, Any], instances: int) -> str:
    """Return the line about it, of what `renewal_of` returns; "" if no instance is out of date."""
    if renewal["unread"]:
        return f"to renew: not known, because AWS does not answer: {renewal['unread']}"
    if not renewal["drifted"]:
        return ""
    causes = Counter(sorted(renewal["drifted"].values()))
    parts = [f"to renew: {len(renewal['drifted'])} of {counted(instances, 'instance')} ({by_cause(causes)})"]
    parts += [f"{renewal['emptying']} being emptied"] if renewal["emptying"] else []
    parts += [f"stopped: {renewal['stopped']}"] if renewal["stopped"] else []
    return ", ".join(parts)


def _show(pool: Pool) -> None:
    say(f"{pool.name} launches {pool.launches}")
    table = Table()
    for name in ("instance", "type", "out of date by"):
        table.add_column(name)
    for id_, cause in pool.drifted.items():
        table.add_row(id_, pool.members[id_], cause.value)
    show_table(table)
    say(f"{len(pool.drifted)} of {counted(len(pool.members), 'instance')} out of date")


def _followed(aws: Runtime, settings: ClusterSettings, table: str, drifted: int) -> str:
    """Show the progress until no instance is out of date; return why the renewal was stopped, or ""."""
    with progress_bars() as progress:
        bar = progress.add_task(settings.name, total=drifted)
        for left, stopped, why in _looks(aws, settings, table):
            shown = f"{settings.name}: {left} left{f': {why}' if why else ''}"
            progress.update(bar, completed=max(0, drifted - left), description=shown)
            if stopped:
                return stopped
    return ""


def _looks(aws: Runtime, settings: ClusterSettings, table: str) -> Iterator[tuple[int, str, str]]:
    """Yield how many instances are left, why the renewal was stopped, and what it waits for, until none is left."""
    on = replace(settings, thresholds=replace(settings.thresholds, renew="drift"))
    left = 0
    while True:
        found = deciding.evaluate_dry(aws, on, ledger.load(aws, table, settings.name).state)
        renewals = [(one.snapshot.pool, one.decision.state.renewal) for one in found.parts]
        unread = any(pool.drift_unread for pool, _ in renewals)
        # What cannot be read is no sign that all are renewed.
        left = left if unread else sum(len(pool.drifted) for pool, _ in renewals)
        stopped = next((renewal.stopped for _, renewal in renewals if renewal.stopped), "")
        reasons = [reason for one in found.parts for reason in one.decision.reasons]
        waits = [one.why for one in reasons if isinstance(one, (RenewalWaits, RenewalUnread))]
        yield left, stopped, "".join(waits[:1])
        if not left and not unread:
            return
        aws.sleep(LOOK_EACH_S)
