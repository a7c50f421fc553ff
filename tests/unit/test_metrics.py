"""Each metric's name is written once, and put out by a function."""

from __future__ import annotations

import re
from pathlib import Path

from steady.metrics import MetricName

FUNCTIONS = Path(__file__).parents[2] / "functions"
CODE = {file: file.read_text() for file in FUNCTIONS.rglob("*.py") if file.name != "metrics.py"}


def test_every_metric_is_put_out_by_a_function() -> None:
    named = {name for text in CODE.values() for name in re.findall(r"\bMetricName\.([A-Z_]+)", text)}

    assert [metric.name for metric in MetricName if metric.name not in named] == []


def test_no_function_writes_the_name_of_a_metric_itself() -> None:
    written = {
        f"{file.relative_to(FUNCTIONS)}: {metric}"
        for file, text in CODE.items()
        for metric in MetricName
        if re.search(rf'telemetry\.\w+\(\s*"{metric}"', text)
    }

    assert written == set()
