"""`steady config`: show, set, check and reset thresholds, and show their history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from cli import config_pools
from cli.account import ProfileOption, RegionOption, aws_errors, runtime
from cli.clusters import ADD_ONE
from cli.examples import epilog
from cli.output import JsonOption, one_line_errors, say, show_table, write_json
from simulator.wording import counted
from steady.aws.runtime import Runtime
from steady.aws.settings import parameters
from steady.aws.settings.history import read_history
from steady.aws.settings.parameters import Value
from steady.names import CLUSTERS_PATH, DEFAULTS_PATH, DEPLOYED_CLUSTERS_PATH, DEPLOYED_DEFAULTS_PATH
from steady.thresholds import THRESHOLDS, BadThreshold, Threshold, contradiction, contradictions

app = typer.Typer(help="Thresholds: show, set, check, history, reset.", no_args_is_help=True)

PROBLEMS = 1
ClusterArgument = Annotated[str, typer.Argument(help="The cluster.")]
DefaultsOption = Annotated[bool, typer.Option("--defaults", help="The values for all clusters, not a cluster's own.")]
# Whose value it is, by the path of its parameter.
SOURCES = {
    DEPLOYED_DEFAULTS_PATH: "deployment",
    DEPLOYED_CLUSTERS_PATH: "deployment, for the cluster",
    DEFAULTS_PATH: "default",
    CLUSTERS_PATH: "cluster",
}


@app.command(epilog=epilog("config show"))
def show(
    cluster: ClusterArgument,
    profile: ProfileOption = None,
    region: RegionOption = None,
    json_: JsonOption = None,
) -> None:
    """Show every threshold as it holds for a cluster, and where it comes from. Exit code 2: not managed."""
    aws = runtime(profile, region)
    with aws_errors(), one_line_errors(BadThreshold):
        rows, of_pools, problems = shown(aws, cluster)
    several = {"pools": of_pools} if of_pools else {}
    write_json({"cluster": cluster, "thresholds": rows, **several, "problems": problems}, json_)
    if json_ == "-":
        return
    table = Table(title=f"cluster {cluster}")
    for column in ("threshold", "value", "from", "values", "what it does"):
        table.add_column(column, overflow="fold")
    for row in rows:
        value = Text(str(row["value"]), style="" if row["from"] == "built in" else "bold")
        table.add_row(row["name"], value, row["from"], row["values"], row["meaning"])
    show_table(table)
    if of_pools:
        show_table(config_pools.pools_table(of_pools))
    _print_problems(problems)


@app.command("set", epilog=epilog("config set"))
def set_(
    settings: Annotated[
        list[str],
        typer.Argument(metavar="[CLUSTER] NAME=VALUE...", help="The cluster, and what to set; of a pool: POOL/NAME."),
    ],
    defaults: DefaultsOption = False,
    profile: ProfileOption = None,
    region: RegionOption = None,
    json_: JsonOption = None,
) -> None:
    """Set thresholds of a cluster, or the defaults of all clusters. They take effect at the next tick.

    Nothing is written, and the exit code is 2, if any value is wrong or contradicts another one.
    """
    cluster, given = ("", settings) if defaults else (settings[0], settings[1:])
    with one_line_errors(BadThreshold):
        of_cluster, of_pools = config_pools.split(given, cluster)
        wanted = {} if of_pools and not of_cluster else _wanted(of_cluster, cluster)
        aws = runtime(profile, region)
        with aws_errors():
            changes = change(aws, cluster, wanted, of_pools)
    write_json({"cluster": cluster or None, "changed": changes}, json_)
    if json_ != "-":
        for one in changes:
            say(f"{one['path']}: {one['before']} -> {one['after']}")


@app.command(epilog=epilog("config check"))
def check(
    clusters: Annotated[list[str] | None, typer.Argument(help="The clusters to check (default: all).")] = None,
    profile: ProfileOption = None,
    region: RegionOption = None,
    json_: JsonOption = None,
) -> None:
    """List wrong parameters: values that do not parse, that contradict each other, or that name no threshold.

    Exit code 0: none; 1: at least one, or AWS refused; 2: a cluster is not managed.
    """
    aws = runtime(profile, region)
    with aws_errors(), one_line_errors(BadThreshold):
        names = parameters.list_managed_clusters(aws, clusters or [])
        found = {name: list(parameters.read_settings(aws, name).problems) for name in names}
    write_json(found, json_)
    if json_ != "-" and not found:
        say(ADD_ONE)
    elif json_ != "-":
        for name, problems in found.items():
            say(f"cluster {name}: {counted(len(problems), 'problem') if problems else 'no problems'}")
            _print_problems(problems)
    if any(found.values()):
        raise typer.Exit(PROBLEMS)


@app.command(epilog=epilog("config history"))
def history(
    cluster: ClusterArgument,
    name: Annotated[str, typer.Argument(help="The threshold.")],
    profile: ProfileOption = None,
    region: RegionOption = None,
    json_: JsonOption = None,
) -> None:
    """Show the values of a cluster's threshold, the newest first, under the path whose value holds."""
    with one_line_errors(BadThreshold):
        threshold = _threshold(name)
        aws = runtime(profile, region)
        with aws_errors():
            parameters.list_managed_clusters(aws, [cluster])
            for under in reversed(parameters.paths_of(cluster)):
                path = f"{under}/{name}"
                if versions := read_history(aws, path):
                    break
            else:
                path = f"{CLUSTERS_PATH}/{cluster}/{name}"
    rows = [{**asdict(v), "at": v.at.isoformat(), "problem": _problem(threshold, v.value, path)} for v in versions]
    write_json({"parameter": path, "versions": rows}, json_)
    if json_ == "-":
        return
    table = Table(title=path)
    for column in ("version", "value", "since", "by", "problem"):
        table.add_column(column)
    for row in rows:
        table.add_row(*(str(row[key]) for key in ("number", "value", "at", "by", "problem")))
    show_table(table)


@app.command(epilog=epilog("config reset"))
def reset(
    names: Annotated[
        list[str], typer.Argument(metavar="[CLUSTER] NAME...", help="The cluster, and the thresholds to reset.")
    ],
    defaults: DefaultsOption = False,
    profile: ProfileOption = None,
    region: RegionOption = None,
    json_: JsonOption = None,
) -> None:
    """Remove the operators' values of a cluster, or of all clusters: what they override holds again."""
    cluster, given = ("", names) if defaults else (names[0], names[1:])
    with one_line_errors(BadThreshold):
        wanted = [_threshold(name) for name in given]
        if not wanted:
            raise BadThreshold(f"no threshold is named: one of {', '.join(THRESHOLDS)} is needed")
        aws = runtime(profile, region)
        with aws_errors():
            path = _path_of(aws, cluster)
            for threshold in wanted:
                parameters.reset_threshold(aws, path, threshold.name)
            holding = parameters.read_parameters(aws, cluster).held
    write_json({"cluster": cluster or None, "reset": [t.name for t in wanted]}, json_)
    if json_ != "-":
        for threshold in wanted:
            held = holding[threshold.name]
            line = f"{path}/{threshold.name}: reset, {held.value} holds ({_source(held.path)})"
            say(line)


def shown(aws: Runtime, cluster: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[str]]:
    """Return a row for each threshold of `cluster`, one for each of several pools, and what is wrong with these.

    Raises:
        BadThreshold: if the cluster is not managed.
    """
    parameters.list_managed_clusters(aws, [cluster])
    found = parameters.read_parameters(aws, cluster)
    settings = parameters.settings_from(found, cluster)
    rows = [
        {
            "name": t.name,
            # As it holds: a value that contradicts another one is replaced.
            "value": getattr(settings.thresholds, t.name),
            "from": _source(found.held[t.name].path),
            "raw": found.held[t.name].raw,
            "default": t.default,
            "unit": t.unit,
            "values": t.values,
            "meaning": t.meaning,
        }
        for t in THRESHOLDS.values()
    ]
    return rows, config_pools.pool_rows(settings), list(settings.problems)


def change(
    aws: Runtime, cluster: str, wanted: Mapping[str, Value], of_pools: config_pools.Wanted = MappingProxyType({})
) -> list[dict[str, Any]]:
    """Set thresholds under the cluster's path ("": that of all clusters); return each with its value before.

    Args:
        of_pools: what is set of pools, too.

    Raises:
        BadThreshold: if a value contradicts another one, or the cluster is not managed. Nothing is written then.
    """
    path = _path_of(aws, cluster)
    before = parameters.read_parameters(aws, cluster).values
    after = {**before, **wanted}
    for low, high in contradictions(after, given=wanted):
        if {low, high} & set(wanted):
            raise BadThreshold(f"{contradiction(after, low, high, path)}; set both, in one command")
    changed = config_pools.change(aws, cluster, of_pools) if of_pools else []
    for name, value in wanted.items():
        parameters.put_threshold(aws, path, name, value)
    return changed + [
        {"path": f"{path}/{name}", "before": before[name], "after": value} for name, value in wanted.items()
    ]


def _wanted(given: Iterable[str], cluster: str) -> dict[str, Value]:
    path = f"{CLUSTERS_PATH}/{cluster}" if cluster else DEFAULTS_PATH
    wanted = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise BadThreshold(f'"{text}" is no setting: NAME=VALUE is needed, such as drift_seconds=10')
        wanted[name] = _threshold(name).parse(value, f"{path}/{name}")
    if not wanted:
        raise BadThreshold("no setting is given: NAME=VALUE is needed, such as drift_seconds=10")
    return wanted


def _threshold(name: str) -> Threshold:
    if name not in THRESHOLDS:
        raise BadThreshold(f'"{name}" is no threshold: one of {", ".join(THRESHOLDS)} is needed')
    return THRESHOLDS[name]


def _path_of(aws: Runtime, cluster: str) -> str:
    if not cluster:
        return DEFAULTS_PATH
    [managed] = parameters.list_managed_clusters(aws, [cluster])
    return f"{CLUSTERS_PATH}/{managed}"


def _source(path: str) -> str:
    if not path:
        return "built in"
    return next(whose for under, whose in SOURCES.items() if path.startswith(f"{under}/"))


def _problem(threshold: Threshold, value: str, path: str) -> str:
    try:
        threshold.parse(value, path)
    except BadThreshold as error:
        return str(error)
    return ""


def _print_problems(problems: Iterable[str]) -> None:
    for problem in problems:
        say((f"  {problem}", "yellow"))
