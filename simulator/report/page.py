"""What the page is put together from: the charts, what was said, and a template that escapes whatever it is given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from simulator.outcome import ClusterRecord, Outcome
from simulator.report.charts import calls_chart, cluster_chart, decisions_chart
from simulator.report.decisions import decisions_of, interruptions_of
from simulator.report.figures import SHOWN

HERE = Path(__file__).parent


def write(outcomes: Sequence[Outcome], path: Path) -> None:
    """Writes the page of `outcomes`, side by side if there are several, to `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(outcomes), encoding="utf-8")


def _made_here(text: str) -> Markup:
    """A text of our own files, or that plotly has made and escaped: it goes into the page as it is."""
    return Markup(text)  # noqa: S704


def page(outcomes: Sequence[Outcome]) -> str:
    """The page as HTML, with its style, its script and all of its figures in it."""
    environment = Environment(loader=FileSystemLoader(HERE), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template("page.html").render(
        hours=f"{outcomes[0].figures['simulated_hours']:g}",
        style=_made_here((HERE / "page.css").read_text(encoding="utf-8")),
        script=_made_here((HERE / "page.js").read_text(encoding="utf-8")),
        plotly=_made_here(get_plotlyjs()),
        figures=[(name, [cell(o.figures) for o in outcomes]) for name, cell in SHOWN],
        runs=[_run(number, outcome) for number, outcome in enumerate(outcomes)],
    )


def left_out_text(record: ClusterRecord) -> str:
    """What of the work fits no instance, in a sentence ("" if everything fits)."""
    left = record.left_out
    if left is None:
        return ""
    what = f"{left.jobs} jobs" + (f" and the services {', '.join(left.services)}" if left.services else "")
    return (
        f"{what} of cluster {record.name} fit no {record.instance_type} and were left out: they need up to "
        f"{left.largest.cpu_units} CPU units and {left.largest.memory_mib} MiB"
    )


def _run(number: int, outcome: Outcome) -> dict[str, Any]:
    decisions = decisions_of(outcome)
    return {
        "number": number,
        "policy": outcome.policy,
        "clusters": [
            {
                "record": record,
                "left_out": left_out_text(record),
                "chart": _made_here(cluster_chart(outcome, record, f"cluster-{number}-{place}")),
            }
            for place, record in enumerate(outcome.clusters)
        ],
        "calls": _made_here(calls_chart(outcome, f"calls-{number}")),
        "interruptions": interruptions_of(outcome),
        "decisions": decisions,
        "timeline": _made_here(decisions_chart(decisions, f"timeline-{number}")) if decisions else "",
    }
