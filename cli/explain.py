"""`steady explain`: show the state of a cluster, what each rule wants, and what would be decided now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table

from cli import launches
from cli.account import ProfileOption, RegionOption, aws_errors, runtime
from cli.clusters import bounds_of, settings_of
from cli.output import JsonOption, one_line_errors, say, show_table, write_json
from cli.renewal import renewal_line, renewal_of
from simulator.wording import counted
from steady.aws.capacity.drift import with_drift
from steady.aws.capacity.kind import NoSuchPool
from steady.aws.runtime import Runtime
from steady.aws.scaling import deciding, ledger
from steady.aws.scaling.deciding import PoolDecision
from steady.aws.settings import parameters
from steady.cluster import ContainerInstance, Size, Snapshot
from steady.scaling.reservation import is_low, reservation
from steady.scaling.rules import RULES, Want
from steady.thresholds import BadThreshold, Thresholds

RESOURCES = ("CPU", "memory")
# A line of the answer, as `say` takes it: texts, and texts with their style.
Line = tuple[str | tuple[str, str], ...]


def explain(
    cluster: Annotated[str, typer.Argument(help="The cluster to explain.")],
    profile: ProfileOption = None,
    region: RegionOption = None,
    json_: JsonOption = None,
) -> None:
    """Show the state of a cluster, what each rule wants, and what the autoscaler would decide now.

    The command only reads the account and changes nothing.

    Exit code 1: AWS refused a call. 2: the cluster is not managed, or the suite is not deployed here.
    """
    aws = runtime(profile, region)
    with aws_errors(cluster), one_line_errors(BadThreshold, NoSuchPool, parameters.NoLedger):
        tables = parameters.read_ledger_table(aws), parameters.read_launches_table(aws)
        answer = explained(aws, cluster, *tables)
    write_json(answer, json_)
    if json_ != "-":
        _print(answer)


def explained(aws: Runtime, cluster: str, ledger_table: str, launches_table: str = "") -> dict[str, Any]:
    """Return the state of `cluster`, the observations and wants of each rule, and the decision, as JSON values.

    Args:
        launches_table: that of the launch queue; "": there is none.

    Raises:
        BadThreshold: if the cluster is not managed.
        NoSuchPool: if its pool does not exist.
    """
    settings = settings_of(aws, cluster)
    remembered = ledger.load(aws, ledger_table, cluster).state
    found = deciding.evaluate_dry(aws, settings, remembered)
    mode = settings.thresholds.mode
    head = {
        "cluster": cluster,
        "at": datetime.fromtimestamp(found.snapshot.at, UTC).isoformat(timespec="seconds"),
        "mode": mode,
    }
    waiting = launches.waiting_launches(aws, launches_table, cluster)
    tail = {"launches": waiting, "problems": list(settings.problems)}
    parts = [_part(aws, one, mode) for one in found.parts]
    if not found.snapshot.pools:
        return {**head, **parts[0], **tail}
    return {**head, "pools": [{"name": one.name, **part} for one, part in zip(found.parts, parts, strict=True)], **tail}


def parts_of(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return what `explained` says of each pool, with what it says of the cluster; of one pool, that is all it says."""
    return [{**answer, **part} for part in answer["pools"]] if "pools" in answer else [answer]


def _part(aws: Runtime, one: PoolDecision, mode: str) -> dict[str, Any]:
    """Return the state of a pool, the observations and wants of each rule, and the decision, as JSON values."""
    snapshot, state, thresholds = one.snapshot, one.state, one.thresholds
    return {
        "pool": _pool(snapshot, thresholds),
        "reservation": dict(zip(RESOURCES, _percents(snapshot.active), strict=True)),
        "instances": [_instance(i, snapshot) for i in snapshot.instances],
        "at_once_percent": {"asked": thresholds.start_at_once_share, "got": _got(one)},
        "booting": sorted(state.booting_since),
        "lacking": {s.name: s.missing for s in snapshot.services if s.missing},
        "rules": [
            {"rule": rule.__name__, "wants": [_want(w) for w in rule(snapshot, state, thresholds)]} for rule in RULES
        ],
        "renewal": _renewal(aws, one),
        "scale_in": _scale_in(one),
        "decision": _decision(one, mode),
    }


def _renewal(aws: Runtime, found: PoolDecision) -> dict[str, Any]:
    """Return what `renewal_of` does; where renewal is off, what is out of date is read for this answer alone."""
    pool = found.snapshot.pool
    if not pool.launches:
        pool = with_drift(aws, pool, replace(found.thresholds, renew="drift"))
    return renewal_of(pool, found.state.renewal)


def _got(found: PoolDecision) -> float | None:
    percent = found.state.lately.at_once_percent
    return None if percent is None else round(percent, 1)


def _pool(snapshot: Snapshot, thresholds: Thresholds) -> dict[str, Any]:
    pool = snapshot.pool
    return {
        "name": str(pool.name),
        "target": pool.target,
        "held": pool.held,
        "on_demand": pool.on_demand,
        **bounds_of(pool, thresholds),
    }


def _instance(instance: ContainerInstance, snapshot: Snapshot) -> dict[str, Any]:
    cpu, memory = _percents([instance])
    return {
        "instance": instance.instance_id,
        "type": instance.instance_type,
        "zone": instance.zone,
        "status": instance.status.value if instance.agent_connected else f"{instance.status.value}, agent lost",
        "drained_for": instance.drain_mark.reason.value if instance.drain_mark else "",
        "in_pool": instance.instance_id in snapshot.pool.members,
        "tasks": instance.task_count,
        "cpu_percent": cpu,
        "memory_percent": memory,
        "free": _size(instance.remaining),
    }


def _percents(instances: Iterable[ContainerInstance]) -> tuple[float, float]:
    cpu, memory = reservation(instances)
    return round(cpu, 1), round(memory, 1)


def _size(size: Size) -> dict[str, int]:
    return {"cpu_units": size.cpu_units, "memory_mib": size.memory_mib}


def _want(want: Want) -> dict[str, Any]:
    return {"saw": str(want.observation), "tasks": len(want.tasks), "capacity": _size(want.capacity)}


def _scale_in(found: PoolDecision) -> dict[str, Any]:
    since, thresholds = found.state.low_since, found.thresholds
    return {
        "low": is_low(found.snapshot, thresholds),
        "low_for_s": None if since is None else round(found.snapshot.at - since),
        "after_s": thresholds.scale_in_after_seconds,
        "emptying": sorted(found.state.draining.values()),
    }


def _decision(found: PoolDecision, mode: str) -> dict[str, Any]:
    decision = found.decision
    return {
        "acts": found.acts and mode == "active",
        "target": decision.target,
        "on_demand": decision.on_demand,
        "to_drain": list(decision.to_drain),
        "to_undrain": list(decision.to_undrain),
        "to_terminate": list(decision.to_terminate),
        "to_forget": list(decision.to_forget),
        "order": list(decision.order),
        "reasons": [{"rule": r.name, "text": str(r)} for r in decision.reasons],
    }


def _print(answer: Mapping[str, Any]) -> None:
    parts = parts_of(answer)
    for part in parts:
        say(*heading(part))
        show_table(instances_table(part))
        if answer["launches"] and part is parts[0]:
            show_table(launches.launches_table(answer["launches"]))
        show_table(rules_table(part))
        for line in decision_lines(part):
            say(*line)
    for line in problem_lines(answer):
        say(*line)


def heading(part: Mapping[str, Any]) -> Line:
    """Return the lines about the cluster, its pool, and how many tasks start at once, of a part (`parts_of`)."""
    pool, share = part["pool"], part["at_once_percent"]
    return (
        (f"cluster {part['cluster']}", "bold"),
        f" at {part['at']}, mode {part['mode']}\n",
        f"pool {part['name']}, " if "name" in part else "",
        f"{pool['name']}: target {pool['target']} ({pool['minimum']} to {pool['maximum']}), holds {pool['held']}"
        + (f", {pool['on_demand']} of the target on-demand" if pool["on_demand"] else "")
        + ("" if share["got"] is None else f"\nstarted at once: {share['got']:g} % of the latest tasks")
        + ("" if share["got"] is None else f" ({share['asked']} % asked)")
        + (f"\n{renewal}" if (renewal := renewal_line(part["renewal"], len(part["instances"]))) else ""),
    )


def instances_table(answer: Mapping[str, Any]) -> Table:
    """Return the table of the instances, of a part (`parts_of`)."""
    total = answer["reservation"]
    table = Table(show_footer=True)
    table.add_column("instance", footer=f"{len(answer['instances'])} and {len(answer['booting'])} booting")
    for name in ("type", "zone", "status"):
        table.add_column(name)
    table.add_column("tasks", justify="right", footer=str(sum(i["tasks"] for i in answer["instances"])))
    table.add_column("CPU %", justify="right", footer=f"{total['CPU']:g}")
    table.add_column("memory %", justify="right", footer=f"{total['memory']:g}")
    for i in answer["instances"]:
        parts = [i["status"]]
        parts += [f"for {i['drained_for']}"] if i["drained_for"] and i["status"].startswith("DRAINING") else []
        status = ", ".join(parts if i["in_pool"] else [*parts, "not in the pool"])
        cells = (i["instance"], i["type"], i["zone"], status, i["tasks"], f"{i['cpu_percent']:g}")
        table.add_row(*map(str, cells), f"{i['memory_percent']:g}")
    return table


def rules_table(answer: Mapping[str, Any]) -> Table:
    """Return the table of what each rule sees and wants, of a part (`parts_of`)."""
    table = Table()
    table.add_column("rule")
    for name in ("observation", "wants"):
        table.add_column(name, overflow="fold")
    for rule in answer["rules"]:
        for number, want in enumerate(rule["wants"]):
            table.add_row(rule["rule"] if not number else "", want["saw"], _wanted(want))
        if not rule["wants"]:
            table.add_row(rule["rule"], "nothing", "nothing")
    low = answer["scale_in"]
    is_low = low["low_for_s"] is not None
    observation = f"reservation low for {low['low_for_s']} s" if is_low else "reservation not low"
    emptying = f", {counted(len(low['emptying']), 'instance')} being emptied" if low["emptying"] else ""
    table.add_row(
        "scale_in", f"{observation}{emptying}", f"fewer instances after {low['after_s']} s of low reservation"
    )
    return table


def _wanted(want: Mapping[str, Any]) -> str:
    if want["tasks"]:
        return f"places for {counted(want['tasks'], 'task')}"
    capacity = want["capacity"]
    parts = [f"{capacity['cpu_units']:,} CPU units"] if capacity["cpu_units"] else []
    parts += [f"{capacity['memory_mib']:,} MiB"] if capacity["memory_mib"] else []
    return f"{' and '.join(parts)} of capacity in total" if parts else "nothing"


def decision_lines(answer: Mapping[str, Any]) -> Iterator[Line]:
    """Yield the lines about what would be decided now, of a part (`parts_of`)."""
    decision = answer["decision"]
    unchanged = "" if decision["acts"] else " (nothing would be changed)"
    yield ("decision", "bold"), f": target {decision['target']}{unchanged}"
    for reason in decision["reasons"]:
        yield (f"  {reason['rule']}: {reason['text']}",)
    for what in ("to_drain", "to_undrain", "to_terminate", "to_forget", "order"):
        if decision[what]:
            yield (f"  {what.replace('_', ' ')}: {', '.join(decision[what])}",)


def problem_lines(answer: Mapping[str, Any]) -> Iterator[Line]:
    """Yield the lines about what is wrong with the cluster's parameters, of what `explained` returns."""
    for problem in answer["problems"]:
        yield ((f"  {problem}", "yellow"),)
