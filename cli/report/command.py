"""`steady report`: show the instance-hours of a day, on-demand and Spot, and what they cost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from cli.account import ProfileOption, RegionOption, aws_errors, runtime
from cli.output import JsonOption, fail, one_line_errors, say, show_table, write_json
from cli.report import price
from steady.aws.runtime import Runtime
from steady.aws.scaling import ledger
from steady.aws.settings import parameters
from steady.pools import Purchase


class NothingCounted(ValueError):
    """There are no instance-hours of the day or the policy. The text says for which days or policies there are some."""


def report(
    clusters: Annotated[list[str] | None, typer.Argument(help="The clusters to report (default: all).")] = None,
    day: Annotated[str | None, typer.Option(help="The day in UTC, such as 2026-01-31 (default: yesterday).")] = None,
    simulation: Annotated[
        Path | None,
        typer.Option(help="Report this file of `steady simulate --json` or `steady demo` instead of the account."),
    ] = None,
    policy: Annotated[str, typer.Option(help="With --simulation: the policy to report.")] = "steady",
    price_: Annotated[
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
    profile: ProfileOption = None,
    region: RegionOption = None,
    json_: JsonOption = None,
) -> None:
    """Show the on-demand and Spot instance-hours of a day. With prices, show their cost and what Spot saved.

    Exit code 1: AWS refused a call. 2: a price is missing, or there are no instance-hours of the day.
    """
    with one_line_errors(price.BadPrice, NothingCounted, parameters.NotManaged, parameters.NoLedger):
        known = price.read_prices(price_ or [], prices)
        if simulation:
            title, hours = f"{simulation}, policy {policy}", {"simulation": _read_simulation(simulation, policy)}
        else:
            aws = runtime(profile, region)
            wanted = _day(day, aws.now())
            with aws_errors():
                title, hours = f"{wanted}, UTC", hours_of(aws, clusters or [], wanted)
        figures = figures_of(hours, known)
    write_json(figures, json_)
    if json_ != "-":
        _print(title, figures)


def hours_of(aws: Runtime, clusters: list[str], day: str) -> dict[str, price.Hours]:
    """Return the instance-hours of `day` (UTC) by cluster, from the ledger.

    Raises:
        NothingCounted: if the ledger has no hours of the day.
        NotManaged: if a cluster is not managed.
        NoLedger: if the suite is not deployed here.
    """
    names = parameters.list_managed_clusters(aws, clusters)
    table = parameters.read_ledger_table(aws)
    usage = {cluster: ledger.load(aws, table, cluster).state.usage.until(aws.now()) for cluster in names}
    days = sorted({known for of_cluster in usage.values() for known in of_cluster.hours})
    if day not in days:
        has = f"it has {days[0]} to {days[-1]}" if days else "it has no day yet"
        raise NothingCounted(f"the ledger has no instance-hours of {day}: {has} (--day)")
    return {cluster: _by_purchase(of_cluster.hours.get(day, {})) for cluster, of_cluster in usage.items()}


def figures_of(hours: Mapping[str, price.Hours], prices: Mapping[str, price.Price]) -> dict[str, Any]:
    """Return the report's figures, for each cluster and for all together. Costs are in the currency of `prices`."""
    return {
        "clusters": {cluster: _figures(of_cluster, prices) for cluster, of_cluster in hours.items()},
        **_figures(price.total(hours.values()), prices),
    }


def _figures(hours: price.Hours, prices: Mapping[str, price.Price]) -> dict[str, Any]:
    bill = price.bill(hours, prices)
    return {
        "on_demand_hours": round(bill.on_demand_hours, 2),
        "spot_hours": round(bill.spot_hours, 2),
        "spot_to_each_on_demand": _rounded(bill.spot_to_each_on_demand),
        "hours": {bought: {type_: round(h, 2) for type_, h in by_type.items()} for bought, by_type in hours.items()},
        "cost": _rounded(bill.cost),
        "on_demand_only_cost": _rounded(bill.on_demand_only_cost),
        "saved_percent": _rounded(bill.saved_percent),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _by_purchase(of_day: Mapping[str, float]) -> price.Hours:
    found: dict[str, dict[str, float]] = {Purchase.ON_DEMAND: {}, Purchase.SPOT: {}}
    for what, hours in of_day.items():
        bought, _, type_ = what.partition(" ")
        found[bought][type_] = hours
    return found


def _read_simulation(file: Path, policy: str) -> price.Hours:
    try:
        runs = json.loads(file.read_text(encoding="utf-8"))
        found = {run["policy"]: run["instance_hours_by"] for run in runs}
    except (OSError, ValueError, TypeError, KeyError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise NothingCounted(f"{file}: {why}: a file of `steady simulate --json {file}` is needed") from error
    if policy not in found:
        raise NothingCounted(f"{file} has no run of policy {policy}: one of {', '.join(found)} is needed (--policy)")
    hours: price.Hours = found[policy]
    return hours


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
    if not priced:
        say("To see the cost, give prices: --price TYPE=ON_DEMAND,SPOT or --prices FILE")


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
