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
from cli.clusters import settings_of
from cli.output import JsonOption, fail, note, one_line_errors, progress_bars, say, show_table, write_json
from simulator.wording import counted
from steady.aws.capacity import pools
from steady.aws.capacity.drift import read_drift
from steady.aws.capacity.kind import NoSuchPool
from steady.aws.runtime import Runtime
from steady.aws.scaling import evaluation, ledger
from steady.aws.settings import parameters
from steady.pools import Pool
from steady.scaling.renewal_progress import RenewalProgress
from steady.scaling.renewal_reasons import RenewalUnread, RenewalWaits, by_cause
from steady.thresholds import BadThreshold, ClusterSettings

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
    with aws_errors(), one_line_errors(BadThreshold, NoSuchPool, parameters.NoLedger):
        table = parameters.read_ledger_table(aws)
        settings = settings_of(aws, cluster)
        pool = drift_of(aws, settings)
        write_json({"cluster": cluster, **renewal_of(pool, ledger.load(aws, table, cluster).state.renewal)}, json_)
        if dry_run:
            if json_ != "-":
                _show(pool)
            return
        if not pool.drifted:
            say(f"cluster {cluster}: {counted(len(pool.members), 'instance')}, none out of date")
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
        stopped = _followed(aws, settings, table, len(pool.drifted))
    if stopped:
        fail(f"cluster {cluster}: renewal stopped: {stopped}; steady image {cluster} --back", AWS_FAILED)
    say(f"cluster {cluster}: all instances are renewed")


def drift_of(aws: Runtime, settings: ClusterSettings) -> Pool:
    """Return the cluster's pool with its drifted instances, whether or not renewal is on.

    Raises:
        NoSuchPool: if its pool does not exist.
    """
    return read_drift(aws, pools.read_pool(aws, settings.pool), settings.thresholds)


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
        state = ledger.load(aws, table, settings.name).state
        found = evaluation.evaluate_dry(aws, on, state)
        pool, renewal = found.snapshot.pool, found.decision.state.renewal
        # What cannot be read is no sign that all are renewed.
        left = left if pool.drift_unread else len(pool.drifted)
        waits = [one.why for one in found.decision.reasons if isinstance(one, (RenewalWaits, RenewalUnread))]
        yield left, renewal.stopped, "".join(waits[:1])
        if not left and not pool.drift_unread:
            return
        aws.sleep(LOOK_EACH_S)
