"""`steady report`: show the instance-hours of a day, on-demand and Spot, what they cost, and who used them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from cli.account import ProfileOption, RegionOption, aws_errors, runtime
from cli.clusters import ADD_ONE, settings_of
from cli.output import JsonOption, fail, one_line_errors, say, show_table, write_json
from cli.record.events import NoRecords, tasks_of
from cli.report.price import BadPrice, read_prices
from cli.report.simulation import BadResult, read_clusters
from cli.report.split import MIB_OF_A_GIB, By, Capacity, Usage, split, usage_of
from simulator.bill import Hours, NoPrice, Price, bill, total
from steady.aws.capacity.instance_types import weights_in
from steady.aws.capacity.kind import NoSuchPool
from steady.aws.runtime import Runtime
from steady.aws.scaling import ledger
from steady.aws.settings.parameters import NoLedger, list_managed_clusters, read_ledger_table
from steady.pools import Purchase
from steady.scaling.parts import instance_hours
from steady.thresholds import BadThreshold

# How long the suite keeps the events of tasks (infra/events_stack.py), in seconds.
EVENTS_KEPT_S = 14 * 86_400


class NothingCounted(ValueError):
    """There are no instance-hours of the day or the policy. The text says for which days or policies there are some."""


@dataclass(frozen=True, slots=True)
class Counted:
    """The instance-hours of clusters.

    Attributes:
        title: of which day, or of which simulation they are.
        hours: by cluster.
        usage_of: how the tasks of a cluster used its hours. It may read the account.
    """

    title: str
    hours: Mapping[str, Hours]
    usage_of: Callable[[str], Usage]


def report(
    clusters: Annotated[list[str] | None, typer.Argument(help="The clusters to report (default: all).")] = None,
    day: Annotated[str | None, typer.Option(help="The day in UTC, such as 2026-01-31 (default: yesterday).")] = None,
    simulation: Annotated[
        Path | None,
        typer.Option(help="Report this file of `steady simulate --json` or `steady demo` instead of the account."),
    ] = None,
    policy: Annotated[str, typer.Option(help="With --simulation: the policy to report.")] = "steady",
    price: Annotated[
        list[str] | None,
        typer.Option(
            "--price",
            help="The price of an hour: TYPE=ON_DEMAND,SPOT, for example m5.large=0.096,0.035; repeatable.",
        ),
    ] = None,
    prices: Annotated[
        Path | None,
        typer.Option(help='A JSON file of prices: {"m5.large": {"on_demand": 0.096, "spot": 0.035}}.'),
    ] = None,
    by: Annotated[
        By | None, typer.Option(help="Divide the hours among services and batch families, or among families.")
    ] = None,
    profile: ProfileOption = None,
    region: RegionOption = None,
    json_: JsonOption = None,
) -> None:
    """Show the on-demand and Spot instance-hours of a day. With prices, show their cost and what Spot saved.

    With --by, also show who used them: what no task reserves is spare, and what an instance without tasks is, idle.

    Exit code 1: AWS refused a call. 2: a price is missing, or there are no instance-hours of the day.
    """
    if simulation and day:
        fail(f'--day is "{day}": a --simulation has no days; leave it out')
    refused = (BadPrice, NoPrice, NothingCounted, BadThreshold, NoSuchPool, NoRecords, NoLedger, BadResult)
    with one_line_errors(*refused), aws_errors():
        known = read_prices(price or [], prices)
        counted = (
            _simulated(simulation, policy, clusters or [])
            if simulation
            else _ran(runtime(profile, region), day, clusters or [])
        )
        figures = figures_of(counted.hours, known)
        if by:
            for cluster, of_cluster in figures["clusters"].items():
                usage = counted.usage_of(cluster)
                of_cluster["parts"] = parts_of(counted.hours[cluster], usage, of_cluster["cost"], by)
    write_json(figures, json_)
    if json_ != "-":
        _print(counted.title, figures)


def _simulated(file: Path, policy: str, clusters: list[str]) -> Counted:
    runs = read_clusters(file, policy, clusters)
    hours = {cluster: run.hours for cluster, run in runs.items()}
    return Counted(f"{file}, policy {policy}", hours, lambda cluster: runs[cluster].usage)


def _ran(aws: Runtime, day: str | None, clusters: list[str]) -> Counted:
    wanted = _day(day, aws.now())
    hours = hours_of(aws, clusters, wanted)
    return Counted(f"{wanted}, UTC", hours, lambda cluster: usage_of_day(aws, cluster, wanted, hours[cluster]))


def hours_of(aws: Runtime, clusters: list[str], day: str) -> dict[str, Hours]:
    """Return the instance-hours of `day` (UTC) by cluster, from the ledger.

    Raises:
        NothingCounted: if the ledger has no hours of the day, or no cluster is managed.
        NotManaged: if a cluster is not managed.
        NoLedger: if the suite is not deployed here.
    """
    names = list_managed_clusters(aws, clusters)
    if not names:
        raise NothingCounted(ADD_ONE)
    table = read_ledger_table(aws)
    usage = {cluster: instance_hours(ledger.load(aws, table, cluster).state, aws.now()) for cluster in names}
    days = sorted({known for of_cluster in usage.values() for known in of_cluster})
    if day not in days:
        has = f"it has {days[0]} to {days[-1]}" if days else "it has no day yet"
        raise NothingCounted(f"the ledger has no instance-hours of {day}: {has} (--day)")
    return {cluster: _by_purchase(of_cluster.get(day, {})) for cluster, of_cluster in usage.items()}


def usage_of_day(aws: Runtime, cluster: str, day: str, hours: Hours) -> Usage:
    """Return how a cluster's `hours` of `day` were used.

    Raises:
        BadThreshold, NoSuchPool: if the cluster's pool cannot be read.
        NoRecords: if the suite keeps no events in this account and Region.
        NothingCounted: if the events of the day are no longer kept, or a type of its instances is not known.
    """
    since = datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()
    if aws.now() - since > EVENTS_KEPT_S:
        raise NothingCounted(f"the events of {day} are gone: they are kept for two weeks (--day)")
    until = min(since + 86_400, aws.now())
    # A task that ran on the day may have stopped after it: its event is from then.
    ran = tasks_of(aws, cluster, settings_of(aws, cluster).pool_names, since, aws.now())
    types = sorted({type_ for by_type in hours.values() for type_ in by_type})
    vcpus, mib = (weights_in(aws, unit, types) for unit in ("vcpu", "memory-mib"))
    for type_ in types:
        if type_ not in vcpus:
            raise NothingCounted(f"EC2 does not describe {type_}, which cluster {cluster} ran on {day}: --by needs it")
    offered = {type_: Capacity(vcpus[type_], mib[type_] / MIB_OF_A_GIB) for type_ in types}
    return usage_of(ran, since, until, offered)


def parts_of(hours: Hours, usage: Usage, cost: float | None, by: By) -> list[dict[str, Any]]:
    """Return the parts of a cluster's `hours`, each with its part of `cost`; see `split`."""
    return [
        {
            "kind": part.kind.value,
            "name": part.name,
            "tasks": part.tasks,
            "vcpu_hours": round(part.vcpu_hours, 3),
            "gib_hours": round(part.gib_hours, 3),
            "instance_hours": round(part.instance_hours, 4),
            "percent": round(100 * part.share, 2),
            "cost": None if cost is None else round(cost * part.share, 4),
        }
        for part in split(hours, usage, by)
    ]


def figures_of(hours: Mapping[str, Hours], prices: Mapping[str, Price]) -> dict[str, Any]:
    """Return the report's figures, for each cluster and for all together. Costs are in the currency of `prices`."""
    return {
        "clusters": {cluster: _figures(of_cluster, prices) for cluster, of_cluster in hours.items()},
        **_figures(total(hours.values()), prices),
    }


def _figures(hours: Hours, prices: Mapping[str, Price]) -> dict[str, Any]:
    due = bill(hours, prices)
    return {
        "on_demand_hours": round(due.on_demand_hours, 2),
        "spot_hours": round(due.spot_hours, 2),
        "spot_to_each_on_demand": _rounded(due.spot_to_each_on_demand),
        "hours": {bought: {type_: round(h, 2) for type_, h in by_type.items()} for bought, by_type in hours.items()},
        "cost": _rounded(due.cost),
        "on_demand_only_cost": _rounded(due.on_demand_only_cost),
        "saved_percent": _rounded(due.saved_percent),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _by_purchase(of_day: Mapping[str, float]) -> Hours:
    found: dict[str, dict[str, float]] = {Purchase.ON_DEMAND: {}, Purchase.SPOT: {}}
    for what, hours in of_day.items():
        bought, _, type_ = what.partition(" ")
        found[bought][type_] = hours
    return found


def _day(text: str | None, now: float) -> str:
    if text is None:
        return (datetime.fromtimestamp(now, UTC) - timedelta(days=1)).date().isoformat()
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        fail(f'--day is "{text}": a day such as 2026-01-31 is needed')


def _print(title: str, figures: Mapping[str, Any]) -> None:
    table = Table(title=f"Instance-hours of {title}")
    table.add_column("")
    for name in ("on-demand", "Spot", "on-demand : Spot"):
        table.add_column(name, justify="right")
    priced = figures["cost"] is not None
    for name in ("cost", "cost if all on-demand", "saved") if priced else ():
        table.add_column(name, justify="right")
    rows = [*figures["clusters"].items()]
    if len(rows) > 1:
        rows.append(("all", figures))
    for name, of_row in rows:
        table.add_row(name, *_cells(of_row, priced=priced), end_section=name == rows[-2][0] if len(rows) > 2 else False)
    show_table(table)
    for name, of_row in figures["clusters"].items():
        if "parts" in of_row:
            show_table(_parts_table(name, of_row, priced=priced))
    if not priced:
        say("To see the cost, give prices: --price TYPE=ON_DEMAND,SPOT or --prices FILE")


def _parts_table(cluster: str, figures: Mapping[str, Any], *, priced: bool) -> Table:
    parts = figures["parts"]
    table = Table(title=f"Who used the instance-hours of cluster {cluster}")
    for name in ("", "name"):
        table.add_column(name)
    for name in ("tasks", "vCPU hours", "GiB hours", "instance-hours", "%", *(["cost"] if priced else [])):
        table.add_column(name, justify="right")
    for part in parts:
        counts = (
            (f"{part['tasks']:,}", f"{part['vcpu_hours']:,.1f}", f"{part['gib_hours']:,.1f}")
            if part["name"]
            else ("",) * 3
        )
        cells = (*counts, f"{part['instance_hours']:,.1f}", f"{part['percent']:.1f}")
        table.add_row(
            part["kind"],
            part["name"],
            *cells,
            *([f"{part['cost']:,.2f}"] if priced else []),
            end_section=part is parts[-1],
        )
    if parts:
        hours = figures["on_demand_hours"] + figures["spot_hours"]
        cost = [f"{figures['cost']:,.2f}"] if priced else []
        table.add_row("all", "", *("",) * 3, f"{hours:,.1f}", "100.0", *cost)
    return table


def _cells(figures: Mapping[str, Any], *, priced: bool) -> list[str]:
    ratio = figures["spot_to_each_on_demand"]
    cells = [
        f"{figures['on_demand_hours']:,.1f}",
        f"{figures['spot_hours']:,.1f}",
        "-" if ratio is None else f"1 : {ratio:.1f}",
    ]
    if priced:
        saved = figures["saved_percent"]
        cells += [
            f"{figures['cost']:,.2f}",
            f"{figures['on_demand_only_cost']:,.2f}",
            "-" if saved is None else f"{saved:.0f} %",
        ]
    return cells
