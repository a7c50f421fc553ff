"""What the suite promises of its own speed, size and calls, and what is so: each with the command that measures it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cli.bench import cold_start, figures_page
from simulator import comparison
from simulator.bench import interruption, placement
from simulator.bench.tick import tick

LARGE = (5000, 2000, 50_000)
MEDIUM = (500, 200, 5_000)
RECLAIMED = (500, 9)
JOBS = "lcg-a"
MADE_BY = "steady bench limits"


@dataclass(frozen=True, slots=True)
class Limit:
    """One promise: `figure` is at most `most`, both in `unit` ("": a ratio)."""

    what: str
    figure: float
    most: float
    unit: str
    command: str

    @property
    def kept(self) -> bool:
        return self.figure <= self.most


# How many there are, for a progress bar: the steps of `measure`.
STEPS = 6


def measure(
    traces: Path, starts: int = 15, cases: int = 200, search_s: float = 10.0, done: Callable[[], None] = lambda: None
) -> Sequence[Limit]:
    """Takes every figure, some minutes long.

    Args:
        traces: the folder of the traces.
        starts: fresh processes for each start that is measured.
        cases: random cases of placement, each searched for `search_s` seconds.

    Raises:
        BadTrace: if a trace is missing or cannot be read.
        NoSearch: if OR-tools is not installed.
    """
    [jobs] = [workload for workload in comparison.WORKLOADS if workload.name == JOBS]
    jobs.plan(traces)
    placement.cp_model()
    found: list[Limit] = []
    for limits in (_start(starts), _asset(), _reclaim(), _tick(), _placement(cases, search_s), _day(jobs, traces)):
        found += limits
        done()
    return found


def _start(runs: int) -> Iterator[Limit]:
    seconds = cold_start.measure(runs)
    ours, command = seconds["interruption handler"], "make bench-cold"
    yield Limit("a start, over boto3 with one client", ours / seconds["boto3"], 1.15, "", command)
    yield Limit("a start, over the usual handler", ours / seconds["the usual handler"], 0.6, "", command)


def _asset() -> Iterator[Limit]:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(cold_start.FUNCTIONS.rglob("*")):
            if file.is_file() and file.suffix != ".pyc" and not file.parent.name.endswith(".egg-info"):
                archive.write(file, file.relative_to(cold_start.FUNCTIONS))
    yield Limit("the deployed asset", len(packed.getvalue()) / 1024, 150, "KB", "steady bench limits")


def _reclaim() -> Iterator[Limit]:
    instances, tasks = RECLAIMED
    figures = interruption.interruption(instances, tasks)
    command = f"steady bench interruption --instances {instances} --tasks {tasks}"
    what = f"{instances} instances of {tasks} tasks reclaimed"
    yield Limit(f"{what}: targets deregistered after", figures["deregistered_s"], 30, "s", command)
    yield Limit(f"{what}: tasks stopped after", figures["stopped_s"], 115, "s", command)
    yield Limit(f"{what}: tasks killed", figures["tasks_killed_in_service"], 0, "", command)
    yield Limit(f"{what}: failed requests", figures["failed_requests"], 0, "", command)
    mib = cold_start.loaded("interruption_handler").mib + interruption.memory_mib(instances, tasks)
    yield Limit(f"{what}: peak memory", mib, 128, "MiB", "steady bench limits")


def _tick() -> Iterator[Limit]:
    large, medium = tick(*LARGE), tick(*MEDIUM)
    command = "steady bench autoscaler --instances {} --services {} --tasks {}".format(*LARGE)
    what = "a tick at {:,} instances, {:,} services, {:,} tasks".format(*LARGE)
    yield Limit(f"{what}: CPU", large["seconds"], 1.0, "s", command)
    yield Limit(f"{what}: calls", large["api_calls_total"], 120, "", command)
    mib = cold_start.loaded("autoscaler").mib + large["peak_mib"]
    yield Limit(f"{what}: peak memory", mib, 256, "MiB", "steady bench limits")
    yield Limit(f"{what}: CPU, over a tenth of it all", large["seconds"] / medium["seconds"], 12, "", command)


def _placement(cases: int, search_s: float) -> Iterator[Limit]:
    figures = placement.placement(cases, search_s)
    command = "steady bench placement"
    yield Limit("10,000 tasks placed on 1,000 instances", figures["seconds"], 0.5, "s", command)
    yield Limit("the same, no two tasks alike", figures["seconds_all_different"], 0.5, "s", command)
    what = f"instances asked for in {cases} random cases, over the best of a long search"
    yield Limit(what, figures["over_best"], 1.02, "", command)


def _day(workload: comparison.Workload, traces: Path) -> Iterator[Limit]:
    figures = comparison.figures(traces, comparison.Run(workload, comparison.OURS, seed=0))
    command = f"steady bench policies --workload {JOBS} --traces DIR"
    yield Limit(f"the day of {JOBS}, simulated with the real handlers", figures["wall_seconds"], 60, "s", command)


def table(limits: Sequence[Limit]) -> str:
    """The table in Markdown."""
    rows = []
    for limit in limits:
        kept = "kept" if limit.kept else "**not kept**"
        is_, most = _shown(limit.figure, limit.unit), _shown(limit.most, limit.unit)
        rows.append((limit.what, is_, most, kept, f"`{limit.command}`"))
    return figures_page.table(("what", "is", "at most", "", "command"), ("---", "---:", "---:", "---", "---"), rows)


def _shown(figure: float, unit: str) -> str:
    return f"{figure:,.3g} {unit}".strip() if figure < 1000 else f"{figure:,.0f} {unit}".strip()
