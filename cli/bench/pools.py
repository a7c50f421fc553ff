"""`steady bench pools`: which pools grow, against the cheapest choice that there is."""

from __future__ import annotations

from cli.bench.options import CasesOption, SearchOption, end_if_broken, show_cases
from cli.output import JsonOption, one_line_errors, progress_bars
from simulator.bench import placement
from simulator.bench import pools as choice

# The promises: how much dearer than the best choice in any case, and how many seconds for 10,000 tasks.
MOST_OVER_BEST = 1.03
MOST_SECONDS = 0.5


def pools(
    cases: CasesOption = 200,
    search: SearchOption = 5,
    json_: JsonOption = None,
) -> None:
    """Choose which of five pools grow for random tasks, and compare the dollars with an integer program's.

    Each case has 20 instance types in 3 zones. The program begins with the suite's choice and searches for a cheaper
    one. Needs OR-tools.

    Exit code 1: a choice is more than 3 % dearer than the best one found, or 10,000 tasks take more than 0.5 s.
    2: OR-tools is not installed.
    """
    with one_line_errors(placement.NoSearch), progress_bars() as progress:
        bar = progress.add_task("cases", total=cases)
        figures = choice.choice(cases, search, lambda: progress.advance(bar))
    show_cases(figures, cases, json_)
    over, seconds = figures["worst_over_best"], figures["seconds"]
    broken = (
        [f"in the worst case, the choice is {100 * (over - 1):.1f} % over the best one, at most 3 %"]
        if over > MOST_OVER_BEST
        else []
    )
    broken += [f"10,000 tasks take {seconds:.2f} s, at most {MOST_SECONDS} s"] if seconds > MOST_SECONDS else []
    end_if_broken(broken)
