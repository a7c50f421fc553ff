"""Build the report: the message, the day, the three moments, and all else folded away, in one file of HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from simulator.outcome import Outcome
from simulator.policies import ecs_alone, steady
from simulator.report import day, details, difference, moments, palette, pools, vega
from simulator.report.decisions import clock, decisions_of
from simulator.report.figures import SHOWN
from simulator.report.marks import Spec
from simulator.report.pools import offers_of
from simulator.report.reclaims import events, reclaims_of
from simulator.wording import counted
from simulator.workload.plan import LeftOut

HERE = Path(__file__).parent
# Decisions on the page for each policy: those of weeks would make it too large.
MOST_DECISIONS = 1000


def write(outcomes: Sequence[Outcome], path: Path) -> None:
    """Write the report of `outcomes` to `path`. Several outcomes are shown on the same axes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(outcomes), encoding="utf-8")


def prepare() -> None:
    """Load what a report takes longest to load, the script that draws its charts."""
    vega.library()


def page(outcomes: Sequence[Outcome]) -> str:
    """Return the report as HTML. Style, script and figures are in it."""
    hours = outcomes[0].figures["simulated_hours"]
    *others, last = (day.called(o.policy) for o in outcomes)
    runs = f"{', '.join(others)} and {last}" if others else last
    title = f"{counted(hours, 'simulated hour')} {runs}"
    return _rendered(
        "page.html",
        title=title,
        hours=hours,
        introduction=difference.introduction(outcomes),
        message=_message(outcomes),
        cut_short=difference.cut_short(outcomes) if any(r.taken for o in outcomes for r in o.clusters) else "",
        settings=ecs_alone.SETTINGS if any(o.policy == ecs_alone.NAME for o in outcomes) else "",
        policies=[o.policy for o in outcomes],
        called=day.called,
        clusters=[_cluster(outcomes, place) for place in range(len(outcomes[0].clusters))],
        stories=moments.stories(outcomes),
        figures=[(name, [cell(o.figures) for o in outcomes]) for name, cell in SHOWN],
        runs=[_run(number, outcome) for number, outcome in enumerate(outcomes)],
    )


def chart_page(title: str, chart: Spec) -> str:
    """Return a page with one chart."""
    return _rendered("chart.html", title=title, chart=chart)


def left_out_text(cluster: str, instance_type: str, left: LeftOut, *, several: bool = False) -> str:
    """Return a sentence about the work of a cluster that fits no instance of its type, or of its `several` pools."""
    of_services = f"{'the service' if len(left.services) == 1 else 'the services'} {', '.join(left.services)}"
    what = ([counted(left.jobs, "job")] if left.jobs else []) + ([of_services] if left.services else [])
    one = left.jobs + len(left.services) == 1
    return (
        f"{' and '.join(what)} of cluster {cluster} {'fits' if one else 'fit'} no "
        f"{'instance of its pools' if several else instance_type} and "
        f"{'does' if one else 'do'} not run: a task needs up to {left.largest.cpu_units} CPU units and "
        f"{left.largest.memory_mib} MiB"
    )


def _rendered(template: str, **values: Any) -> str:
    environment = Environment(loader=FileSystemLoader(HERE), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {
        "clock": clock,
        "compiled": vega.compiled,
        "sentence": lambda text: text[:1].upper() + text[1:],
        "after": lambda second: f"{round(second):+d} s",
    }
    return environment.get_template(template).render(
        style=_made_here((HERE / "page.css").read_text(encoding="utf-8")),
        light=_made_here(palette.css(palette.LIGHT)),
        dark=_made_here(palette.css(palette.DARK)),
        script=_made_here((HERE / "page.js").read_text(encoding="utf-8")),
        library=_made_here(vega.library()),
        **values,
    )


def _made_here(text: str) -> Markup:
    """Mark a text as safe HTML: it is from a file or a module of this folder, or it is the charts' library."""
    return Markup(text)  # noqa: S704


def _message(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    """Return what the suite changed, if the other run is that of ECS alone, and how many tasks started at once."""
    figures: Mapping[str, Any] = {o.policy: o.figures for o in outcomes}
    at_once = tuple(difference.at_once(o) for o in outcomes if o.policy == steady.NAME)
    if set(figures) != {steady.NAME, ecs_alone.NAME}:
        return at_once
    return (*difference.sentences(figures[steady.NAME], figures[ecs_alone.NAME]), *at_once)


def _cluster(outcomes: Sequence[Outcome], place: int) -> dict[str, Any]:
    record = outcomes[0].clusters[place]
    most, waiting = day.highest(outcomes, place), day.most_waiting(outcomes, place)
    drawn = [
        (o.policy, day.capacity_chart(o, o.clusters[place], most, last=waiting <= 1 and o is outcomes[-1]))
        for o in outcomes
    ]
    return {
        "record": record,
        "left_out": left_out_text(record.name, record.instance_type, record.left_out, several=bool(record.pools))
        if record.left_out
        else "",
        "offers": offers_of(record),
        "pools": pools.rows(outcomes, record),
        "columns": pools.COLUMNS,
        "charts": drawn,
        "waiting": day.waiting_chart(outcomes, place, waiting) if waiting > 1 else None,
    }


def _run(number: int, outcome: Outcome) -> dict[str, Any]:
    decided = decisions_of(outcome)
    changed = [d for d in decided if d.changed]
    shown = changed[:MOST_DECISIONS]
    return {
        "number": number,
        "title": day.called(outcome.policy),
        "reservation": [(record, details.reservation_chart(outcome, record)) for record in outcome.clusters],
        "calls": details.calls_chart(outcome),
        "most_of_a_limit": details.most_of_a_limit(outcome),
        "calls_by_action": sorted(outcome.figures["api_calls"].items(), key=lambda item: -item[1]),
        "reclaims": [(reclaim, events(reclaim)) for reclaim in reclaims_of(outcome)],
        "decisions": shown,
        "left_out": len(changed) - len(shown),
        "logged": len(decided),
        "timeline": details.decisions_chart(outcome, shown) if shown else None,
    }
