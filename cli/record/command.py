"""`steady record`: make traces of a live cluster, in the formats that `steady simulate` and `steady tune` read."""

from __future__ import annotations

import csv
import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.account import ProfileOption, RegionOption, aws_errors, runtime
from cli.clusters import settings_of
from cli.output import JsonOption, note, one_line_errors, say, write_json
from cli.record import events
from cli.record.events import NoRecords, Ran
from simulator.wording import counted
from steady.aws.capacity.kind import NoSuchPool
from steady.aws.capacity.origins import origins_of
from steady.aws.capacity.pools import read_pool
from steady.aws.runtime import Runtime
from steady.pools import Purchase
from steady.thresholds import BadThreshold

# The number of a service's tasks is counted every STEP_S. A task that is replaced in between is not seen.
STEP_S = 60
# The step of the Spot market's trace, in seconds.
GAP_S = 300


@dataclass(frozen=True, slots=True)
class Traces:
    """Traces as `simulator/workload/traces.py` reads them.

    Attributes:
        jobs: rows of submit_s, family, CPU units, MiB, run_s.
        services: rows of at_s, service, desired count, CPU units, MiB.
        market: the Spot market; None without interruptions.
    """

    jobs: tuple[tuple[float, str, int, int, float], ...]
    services: tuple[tuple[float, str, int, int, int], ...]
    market: dict[str, Any] | None


def record(
    cluster: Annotated[str, typer.Argument(help="The cluster to make traces of.")],
    hours: Annotated[
        float, typer.Option(min=0.1, max=24 * 14, help="Record this many of the last hours; two weeks at most.")
    ] = 24,
    out: Annotated[Path, typer.Option(help="The folder to write the traces to.")] = Path("traces"),
    profile: ProfileOption = None,
    region: RegionOption = None,
    json_: JsonOption = None,
) -> None:
    """Make traces of what ran on a cluster, from the events that the suite keeps and from the running tasks.

    Exit code 1: AWS refused a call. 2: the cluster is not managed, or the suite is not deployed here.
    """
    aws = runtime(profile, region)
    with aws_errors(cluster), one_line_errors(BadThreshold, NoRecords, NoSuchPool):
        found = record_cluster(aws, cluster, hours)
        known = recorded_hours(aws, hours)
        if known < hours:
            asked = f"{hours:g} h were asked for, and no more are known"
            note(f"note: the suite has kept events here for {known:.1f} h: {asked}")
            hours, found = known, record_cluster(aws, cluster, known)
    files = write(found, out)
    answer = {
        "cluster": cluster,
        "hours": hours,
        "jobs": len(found.jobs),
        "service_changes": len(found.services),
        "interruptions": bool(found.market),
        "files": [str(file) for file in files.values()],
    }
    write_json(answer, json_)
    if json_ != "-":
        options = " ".join(f"--{name} {file}" for name, file in files.items())
        say(
            f"cluster {cluster}, last {hours:g} h: {counted(len(found.jobs), 'job')}, "
            f"{counted(len(found.services), 'change')} of the number of a service's tasks",
        )
        if found.jobs or found.services:
            say(f"steady tune {options} --hours {hours:g} --cluster {cluster}")
        else:
            note(
                f"note: nothing ran on cluster {cluster} in the last {hours:g} h that could be simulated: record it "
                "again once it has had work, or record more hours (--hours)"
            )


def recorded_hours(aws: Runtime, hours: float) -> float:
    """Return how many of the last `hours` the suite has kept events, rounded down to tenths: a tenth at least.

    Of the time before, a trace would say that nothing ran.
    """
    since = events.kept_since(aws)
    return hours if since is None else min(hours, max(0.1, math.floor((aws.now() - since) / 360) / 10))


def record_cluster(aws: Runtime, cluster: str, hours: float) -> Traces:
    """Return the traces of the last `hours` of `cluster`.

    Raises:
        BadThreshold: if the cluster is not managed.
        NoRecords: if the suite keeps no events in this account and Region.
    """
    of_cluster = settings_of(aws, cluster).pool_names
    until = aws.now()
    since = until - hours * 3600
    tasks = events.tasks_of(aws, cluster, of_cluster, since, until)
    market = None
    spot = [pool for pool in (read_pool(aws, name) for name in of_cluster) if pool.traits.purchase is Purchase.SPOT]
    if spot:
        warned = events.interruptions(aws, since, until)
        origins = origins_of(aws, (id_ for _, id_ in warned))
        # EC2 describes a terminated instance for an hour at most. One that is no longer described may have been ours.
        ours = [at for at, id_ in warned if id_ not in origins or origins[id_].pool in of_cluster]
        market = _market(ours, since, until, sum(pool.target for pool in spot))
    return Traces(_jobs(tasks, since, until), _services(tasks, since, until), market)


def write(found: Traces, folder: Path) -> dict[str, Path]:
    """Write the traces that are not empty to `folder`; return the files by the option that reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for name, heads, rows in (
        ("jobs", ("submit_s", "family", "cpu", "memory", "run_s"), found.jobs),
        ("services", ("at_s", "service", "desired_count", "cpu", "memory"), found.services),
    ):
        if rows:
            files[name] = folder / f"{name}.csv"
            with files[name].open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([heads, *rows])
    if found.market:
        files["spot"] = folder / "spot.json"
        files["spot"].write_text(json.dumps(found.market) + "\n", encoding="utf-8")
    return files


def _jobs(tasks: Iterable[Ran], since: float, until: float) -> tuple[tuple[float, str, int, int, float], ...]:
    rows = []
    for task in tasks:
        if task.service:
            continue
        # A task that began before `since` is a job from the start of the trace, for the rest of its run.
        submitted, began = max(since, task.created_at), max(since, task.started_at or task.created_at)
        run_s = (task.stopped_at or until) - began
        if run_s > 0:
            size = task.size
            rows.append((round(submitted - since, 1), task.family, size.cpu_units, size.memory_mib, round(run_s, 1)))
    return tuple(rows)


def _services(tasks: Sequence[Ran], since: float, until: float) -> tuple[tuple[float, str, int, int, int], ...]:
    of_services = [task for task in tasks if task.service]
    sizes = {task.service: task.size for task in of_services}
    rows, before = [], Counter[str]()
    for step in range(int((until - since) // STEP_S) + 1):
        at = since + step * STEP_S
        counts = Counter(
            t.service for t in of_services if t.created_at <= at and (t.stopped_at is None or t.stopped_at > at)
        )
        for service in sorted({*counts, *before}):
            if counts[service] != before[service]:
                size = sizes[service]
                rows.append((float(step * STEP_S), service, counts[service], size.cpu_units, size.memory_mib))
        before = counts
    return tuple(rows)


def _market(warned: Iterable[float], since: float, until: float, target: int) -> dict[str, Any] | None:
    """Return the Spot market's trace: in each step, the most instances less those that were interrupted in it."""
    taken = Counter(int((at - since) // GAP_S) for at in warned)
    if not taken:
        return None
    most = max(target, *taken.values())
    steps = int((until - since) // GAP_S) + 1
    return {"metadata": {"gap_seconds": GAP_S}, "data": [most - taken[step] for step in range(steps)]}
