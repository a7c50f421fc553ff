"""Measure what the suite promises of its speed, its size and its calls, and name the command that measures each."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cli.bench import cold_start, figures_page
from simulator import comparison
from simulator.bench import interruption, placement
from simulator.bench.reclaim_matrix import most_killed
from simulator.bench.tick import tick
from simulator.timing import Timing

LARGE = (5000, 2000, 50_000)
MEDIUM = (500, 200, 5_000)
RECLAIMED = (500, 9)
JOBS = "lcg-a"
MADE_BY = "steady bench limits"


@dataclass(frozen=True, slots=True)
class Limit:
    """One promise: the measured `figure` is at most `most`. Both are in `unit` ("": a count or a ratio)."""

    what: str
    figure: float
    most: float
    unit: str
    command: str

    @property
    def kept(self) -> bool:
        return self.figure <= self.most


# How many times `measure` calls `done`.
STEPS = 6


def measure(
    traces: Path, starts: int = 15, cases: int = 200, search_s: float = 10.0, done: Callable[[], None] = lambda: None
) -> Sequence[Limit]:
    """Measure every figure. The search for placements alone can take `cases` x `search_s` seconds.

    Args:
        traces: the folder of the trace files.
        starts: how many fresh processes each start is measured in.
        cases: how many random cases of placement are packed.
        search_s: seconds of the search in each case.
        done: called after each group of figures.

    Raises:
        BadTrace: if a trace is missing or cannot be read.
        NoSearch: if OR-tools is not installed.
    """
    [jobs] = [workload for workload in comparison.WORKLOADS if workload.name == JOBS]
    jobs.plan(traces)
    placement.cp_model()
    found: list[Limit] = []
    groups = (
        _measure_start(starts),
        _measure_asset(),
        _measure_reclaim(),
        _measure_tick(),
        _measure_placement(cases, search_s),
        _measure_day(jobs, traces),
    )
    for limits in groups:
        found += limits
        done()
    return found


def _measure_start(runs: int) -> Iterator[Limit]:
    seconds = cold_start.measure(runs)
    ours, command = seconds["interruption handler"], "make bench-cold"
    yield Limit("start time, divided by that of boto3 with one client", ours / seconds["boto3"], 1.15, "", command)
    usual = seconds["the usual handler"]
    yield Limit("start time, divided by that of a usual handler", ours / usual, 0.6, "", command)


def _measure_asset() -> Iterator[Limit]:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(cold_start.FUNCTIONS.rglob("*")):
            if file.is_file() and file.suffix != ".pyc" and not file.parent.name.endswith(".egg-info"):
                archive.write(file, file.relative_to(cold_start.FUNCTIONS))
    yield Limit("size of the deployed asset", len(packed.getvalue()) / 1024, 150, "KB", "steady bench limits")


def _measure_reclaim() -> Iterator[Limit]:
    instances, tasks = RECLAIMED
    figures = interruption.interruption(instances, tasks, timing=Timing.as_aws())
    command = f"steady bench interruption --instances {instances} --tasks {tasks}"
    what = f"reclaim of {instances} instances with {tasks} tasks each"
    most = most_killed(figures)
    yield Limit(f"{what}: time until all targets are deregistered", figures["deregistered_s"], 30, "s", command)
    yield Limit(f"{what}: tasks killed in service", figures["tasks_killed_in_service"], most, "", command)
    yield Limit(f"{what}: failed requests", figures["failed_requests"], 0, "", command)
    mib = cold_start.loaded("interruption_handler").mib + interruption.memory_mib(instances, tasks)
    yield Limit(f"{what}: peak memory", mib, 128, "MiB", "steady bench limits")


def _measure_tick() -> Iterator[Limit]:
    large, medium = tick(*LARGE), tick(*MEDIUM)
    command = "steady bench autoscaler --instances {} --services {} --tasks {}".format(*LARGE)
    what = "tick with {:,} instances, {:,} services, {:,} tasks".format(*LARGE)
    yield Limit(f"{what}: CPU time", large["seconds"], 1.0, "s", command)
    yield Limit(f"{what}: calls", large["api_calls_total"], 120, "", command)
    mib = cold_start.loaded("autoscaler").mib + large["peak_mib"]
    yield Limit(f"{what}: peak memory", mib, 256, "MiB", "steady bench limits")
    ratio = large["seconds"] / medium["seconds"]
    yield Limit(f"{what}: CPU time, divided by that of a cluster of a tenth of this size", ratio, 12, "", command)


def _measure_placement(cases: int, search_s: float) -> Iterator[Limit]:
    figures = placement.placement(cases, search_s)
    command = "steady bench placement"
    what = "CPU time to place 10,000 tasks on 1,000 instances"
    yield Limit(f"{what}: tasks of 40 sizes", figures["seconds"], 0.5, "s", command)
    yield Limit(f"{what}: every task of another size", figures["seconds_all_different"], 0.5, "s", command)
    what = f"instances asked for in {cases} random cases, divided by the best that a long search finds"
    yield Limit(what, figures["over_best"], 1.02, "", command)


def _measure_day(workload: comparison.Workload, traces: Path) -> Iterator[Limit]:
    figures = comparison.figures(traces, comparison.Run(workload, comparison.OURS, seed=0))
    command = f"steady bench policies --workload {JOBS} --traces DIR"
    yield Limit(f"time to simulate the day of {JOBS} with the real handlers", figures["wall_seconds"], 60, "s", command)


def table(limits: Sequence[Limit]) -> str:
    """Return the promises as a Markdown table."""
    rows = []
    for limit in limits:
        kept = "kept" if limit.kept else "**not kept**"
        is_, most = _shown(limit.figure, limit.unit), _shown(limit.most, limit.unit)
        rows.append((limit.what, is_, most, kept, f"`{limit.command}`"))
    return figures_page.table(
        ("promise", "measured", "at most", "", "command"), ("---", "---:", "---:", "---", "---"), rows
    )


def _shown(figure: float, unit: str) -> str:
    return f"{figure:,.3g} {unit}".strip() if figure < 1000 else f"{figure:,.0f} {unit}".strip()
