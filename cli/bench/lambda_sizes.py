"""What each function costs and how long it takes, by the memory that it is given: what `infra/wiring.py` chooses from.

Lambda gives CPU in proportion to memory, one vCPU at 1,769 MB (AWS Lambda, "Configure Lambda function memory"): less
memory makes the same CPU time last longer, while waiting for answers takes as long as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from cli.bench import figures_page
from cli.bench.cold_start import CLIENTS, Loaded, loaded
from infra import wiring
from simulator.simulation import FunctionUse, Scenario, simulate
from simulator.workload import synthetic

SIZES_MB = (128, 256, 512, 1024, 1769)
ONE_VCPU_MB = 1769
# List prices of us-east-1 for a GB-second; a request is 0.0000002 on both.
ARM_USD, X86_USD, REQUEST_USD = 0.0000133334, 0.0000166667, 0.0000002
# What a function needs beside what it has loaded: its answers, and a margin.
SPARE_MIB = 30.0
MADE_BY = "steady bench sizes"


@dataclass(frozen=True, slots=True)
class Size:
    """A function at one size: the time of a start and of an invocation, and a million invocations' price on arm64."""

    memory_mb: int
    start_s: float
    invocation_s: float
    usd_a_million: float
    is_enough: bool


@dataclass(frozen=True, slots=True)
class Measured:
    """A function's fresh process, and, where the simulated account calls it, its invocations."""

    function: str
    loaded: Loaded
    use: FunctionUse | None
    chosen_mb: int

    def sizes(self) -> Iterator[Size]:
        for memory_mb in SIZES_MB:
            slower = ONE_VCPU_MB / memory_mb
            took_s = self.use.waits_s + self.use.cpu_s * slower if self.use else 0.0
            price = 1e6 * (took_s * memory_mb / 1024 * ARM_USD + REQUEST_USD)
            enough = self.loaded.mib + SPARE_MIB <= memory_mb
            yield Size(memory_mb, self.loaded.cpu_s * slower, took_s, price, enough)


def measure(hours: float = 6.0, done: Callable[[], None] = lambda: None) -> Sequence[Measured]:
    """Every function: starts of fresh processes, and the invocations of a synthetic day's first `hours`."""
    outcome = simulate("steady", Scenario(synthetic.day(hours, seed=0), hours, timed=True))
    found = []
    for function in CLIENTS:
        name = function.replace("_", "-")
        chosen = wiring.MEMORY_MB[name]
        found.append(Measured(name, loaded(function), outcome.functions.get(name), chosen))
        done()
    return found


def table(measured: Sequence[Measured]) -> str:
    """The table in Markdown, a row for each function and size; the sizes that are chosen are in bold."""
    rows = []
    for one in measured:
        for size in one.sizes():
            marks = "**" if size.memory_mb == one.chosen_mb else ""
            took = f"{size.invocation_s:.2f}" if one.use else ""
            price = f"{size.usd_a_million:.2f}" if one.use else ""
            start = f"{size.start_s:.2f}" if size.is_enough else "too small"
            rows.append((one.function, f"{marks}{size.memory_mb:,}{marks}", start, took, price))
    columns = ("function", "memory (MB)", "start (s)", "invocation (s)", "USD a million")
    return figures_page.table(columns, ("---", *["---:"] * 4), rows)
