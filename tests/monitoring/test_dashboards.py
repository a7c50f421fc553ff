"""Dashboards: the JSON is what the code makes, every panel says what it shows, and no query names what is not there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitoring.configuration import grafana_files
from monitoring.dashboards import FOLDER, texts
from tests.monitoring.test_rules import rules

PAGES = {name: json.loads(text) for name, text in texts().items()}
FUNCTIONS = Path(__file__).parents[2] / "functions"
# Those of AWS's own load balancers that are shown beside the suite's metrics.
OF_LOAD_BALANCERS = {"HTTPCode_ELB_5XX_Count", "TargetConnectionErrorCount"}


def panels(page: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for panel in page["panels"]:
        yield from panel["panels"] if panel["type"] == "row" else [panel]


ALL = [pytest.param(panel, id=f"{name}: {panel['title']}") for name, page in PAGES.items() for panel in panels(page)]


def test_the_json_is_what_the_code_makes() -> None:
    assert {file.name: file.read_text() for file in FOLDER.glob("*.json")} == texts(), "make docs writes it anew"


@pytest.mark.parametrize("panel", ALL)
def test_every_panel_has_a_title_a_unit_a_legend_and_an_account_of_itself(panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["targets"]
    for target in panel["targets"]:
        assert target.get("legendFormat") or target.get("label")
    if panel["type"] == "timeseries":
        assert panel["options"]["legend"]["showLegend"]


@pytest.mark.parametrize("page", [pytest.param(page, id=name) for name, page in PAGES.items()])
def test_panels_do_not_lie_upon_each_other(page: dict[str, Any]) -> None:
    cells = [
        (x, y)
        for panel in page["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]

    assert len(cells) == len(set(cells))


def test_a_family_s_application_comes_first_and_its_sidecars_are_folded() -> None:
    page = PAGES["steady-family.json"]

    assert "application" in page["panels"][0]["title"]
    row = page["panels"][-1]
    assert (row["type"], row["title"], row["collapsed"]) == ("row", "Sidecars", True)
    assert all('role="sidecar"' in target["expr"] for panel in row["panels"] for target in panel["targets"])


def test_records_that_are_shown_are_recorded() -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    shown = {
        name
        for page in PAGES.values()
        for panel in panels(page)
        for target in panel["targets"]
        for name in re.findall(r"\b\w+:\w+:\w+\b", target.get("expr", ""))
    }

    assert shown
    assert shown <= recorded


def test_metrics_of_the_suite_that_are_shown_are_put_out() -> None:
    code = "\n".join(file.read_text() for file in FUNCTIONS.rglob("*.py"))
    shown = {
        target["metricName"]
        for page in PAGES.values()
        for panel in panels(page)
        for target in panel["targets"]
        if "metricName" in target
    }

    assert {"Target", "TasksKilled", "DeregisteredAfter"} <= shown
    # Reasons are counted under the names of their classes.
    known = (f'"{name}"' in code or f"class {name}(Reason)" in code for name in sorted(shown - OF_LOAD_BALANCERS))
    assert all(known)


def test_grafana_finds_its_data_sources_and_dashboards() -> None:
    files = grafana_files("prometheus.steady.internal")
    sources = yaml.safe_load(files["provisioning/datasources/ecs-steady.yml"])["datasources"]
    by_uid = {source["uid"]: source for source in sources}

    assert by_uid["prometheus"]["url"] == "http://prometheus.steady.internal:9090"
    asked = {panel.values[0]["datasource"]["uid"] for panel in ALL}
    assert asked == set(by_uid)
    [provider] = yaml.safe_load(files["provisioning/dashboards/ecs-steady.yml"])["providers"]
    assert provider["options"]["path"].endswith("/dashboards")
    assert len([place for place in files if place.startswith("dashboards/")]) == len(PAGES)
