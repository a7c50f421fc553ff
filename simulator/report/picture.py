"""A picture of a run for pages that show no scripts: one cluster's day as SVG, on a light and on a dark ground."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from simulator.outcome import Outcome
from simulator.report import day, marks, palette, vega, waits
from simulator.report.marks import Spec

WIDTH_PX, PANEL_PX = 800, 120
# A sample every two pixels is as fine as the picture shows.
SAMPLES = WIDTH_PX // 2
NAMES = {"demo-light.svg": palette.LIGHT, "demo-dark.svg": palette.DARK}


def draw(outcomes: Sequence[Outcome], folder: Path) -> None:
    """Write the picture into `folder`, once for each ground. It has no background of its own."""

    text = json.dumps(picture(outcomes))
    for name, colours in NAMES.items():
        drawn = vega.svg(json.loads(palette.filled(text, colours)))
        # Tenths of a pixel are enough, and keep the file small.
        (folder / name).write_text(re.sub(r"(\.\d)\d+", r"\1", drawn) + "\n", encoding="utf-8")


def picture(outcomes: Sequence[Outcome]) -> Spec:
    """Return capacity against demand of the cluster with the most waiting tasks, and how long tasks waited."""
    places = range(len(outcomes[0].clusters))
    place = max(places, key=lambda n: day.most_waiting(outcomes, n))
    most = day.highest(outcomes, place)
    panels: list[Spec] = [
        {
            "title": f"Instances of the cluster {outcome.clusters[place].name}, {day.called(outcome.policy)}",
            "data": {**day.samples_of(outcome.clusters[place], SAMPLES), "name": f"samples{number}"},
            "layer": day.capacity_layers(outcome, outcome.clusters[place], most, last=False),
        }
        for number, outcome in enumerate(outcomes)
    ]
    waited = waits.waits_chart(outcomes)
    panels.append({"title": "Tasks that waited for an instance, of both clusters", "layer": waited["layer"]})
    return {
        "$schema": marks.SCHEMA,
        "vconcat": [{**panel, "width": WIDTH_PX, "height": PANEL_PX} for panel in panels],
        "config": marks.CONFIG,
        "padding": 8,
    }
