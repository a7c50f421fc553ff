"""Measure the time and the price of each function for several memory sizes, from which `infra/wiring.py` chooses.

Lambda gives CPU in proportion to memory: one vCPU at 1,769 MB (AWS Lambda, "Configure Lambda function memory"). With
less memory, the same computation takes longer. Waiting for answers takes as long as before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from cli.bench import figures_page
from cli.bench.cold_start import CLIENTS, Loaded, loaded
from infra import wiring
from simulator.bench.launch import launcher_use
from simulator.outcome import FunctionUse
from simulator.simulation import Scenario, simulate
from simulator.workload import synthetic

SIZES_MB = (128, 256, 512, 1024, 1769)
ONE_VCPU_MB = 1769
# List prices of us-east-1: a GB-second on arm64 and on x86_64, and a request on both.
ARM_USD, X86_USD, REQUEST_USD = 0.0000133334, 0.0000166667, 0.0000002
# What a function needs beside what it has loaded: the answers of its calls, and a margin.
SPARE_MIB = 30.0
MADE_BY = "steady bench sizes"


@dataclass(frozen=True, slots=True)
class Size:
    """A function with one memory size.

    Attributes:
        start_s: seconds of a start.
        invocation_s: mean seconds of an invocation.
        usd_a_million: the price of a million invocations on arm64, in USD.
        is_enough: whether the memory is enough for the function.
    """

    memory_mb: int
    start_s: float
    invocation_s: float
    usd_a_million: float
    is_enough: bool


@dataclass(frozen=True, slots=True)
class Measured:
    """Measurements of one function.

    Attributes:
        loaded: a fresh process with the function and its clients.
        use: its invocations; None if the simulated account does not call the function.
        chosen_mb: the memory that `infra/wiring.py` gives it, in MB.
    """

    function: str
    loaded: Loaded
    use: FunctionUse | None
    chosen_mb: int

    def sizes(self) -> Iterator[Size]:
        """Compute the function's times and price for each of `SIZES_MB`."""
        for memory_mb in SIZES_MB:
            slower = ONE_VCPU_MB / memory_mb
            took_s = self.use.waits_s + self.use.cpu_s * slower if self.use else 0.0
            price = 1e6 * (took_s * memory_mb / 1024 * ARM_USD + REQUEST_USD)
            enough = self.loaded.mib + SPARE_MIB <= memory_mb
            yield Size(memory_mb, self.loaded.cpu_s * slower, took_s, price, enough)


def measure(hours: float = 6.0, done: Callable[[], None] = lambda: None) -> Sequence[Measured]:
    """Measure every function: starts of fresh processes, and the invocations in the first `hours` of a synthetic day.

    Those of the launch queue's function are of a burst of requests. `done` is called after each function.
    """
    outcome = simulate("steady", Scenario(synthetic.day(hours, seed=0), hours, timed=True))
    uses = {**outcome.functions, "task-launcher": launcher_use()}
    found = []
    for function in CLIENTS:
        name = function.replace("_", "-")
        chosen = wiring.MEMORY_MB[name]
        found.append(Measured(name, loaded(function), uses.get(name), chosen))
        done()
    return found


def figures(measured: Sequence[Measured]) -> list[dict[str, Any]]:
    """Return the figures of each function and memory size. Without invocations, their time and price are None."""
    return [
        {
            "function": one.function,
            **asdict(size),
            **({} if one.use else {"invocation_s": None, "usd_a_million": None}),
            "is_chosen": size.memory_mb == one.chosen_mb,
        }
        for one in measured
        for size in one.sizes()
    ]


def table(measured: Sequence[Measured]) -> str:
    """Return a Markdown table with a row for each function and memory size. The chosen sizes are in bold."""
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
