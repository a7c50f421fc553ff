"""Prometheus' own checks of its configuration and rules: each rule says what it should of a cluster made by hand."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitoring.configuration import FOLDER, prometheus, prometheus_files
from tests.monitoring.live import binary

TESTS = Path(__file__).parent / "rules.yml"


def promtool(*arguments: str) -> str:
    done = subprocess.run([binary("promtool"), *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rules() -> list[dict[str, Any]]:
    files = [yaml.safe_load(file.read_text()) for file in sorted((FOLDER / "rules").glob("*.yml"))]
    return [rule for file in files for group in file["groups"] for rule in group["rules"]]


@pytest.mark.parametrize(
    "settings", [{}, {"remote_write": "https://example.com/write", "alertmanager": "alerts.example.com:9093"}]
)
def test_the_configuration_is_one_that_prometheus_takes(tmp_path: Path, settings: dict[str, str]) -> None:
    for place, text in prometheus_files(**settings).items():
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_text(text)

    assert "SUCCESS: 2 rule files found" in promtool("check", "config", str(tmp_path / "prometheus.yml"))


def test_the_rules_are_ones_that_prometheus_takes() -> None:
    promtool("check", "rules", *(str(file) for file in (FOLDER / "rules").glob("*.yml")))


def test_each_rule_says_what_it_should() -> None:
    promtool("test", "rules", str(TESTS))


def test_no_rule_is_without_a_test() -> None:
    tested = TESTS.read_text()
    names = [rule.get("record") or rule["alert"] for rule in rules()]

    assert [name for name in names if name not in tested] == []


def test_every_alert_has_an_entry_in_the_docs() -> None:
    page = (FOLDER.parent / "docs" / "monitoring.md").read_text()

    assert [rule["alert"] for rule in rules() if "alert" in rule and f"`{rule['alert']}`" not in page] == []


def test_which_containers_are_sidecars_can_be_changed() -> None:
    [job] = yaml.safe_load(prometheus(sidecars="mesh-.*"))["scrape_configs"]

    assert any("mesh-.*" in rule.get("regex", "") for rule in job["metric_relabel_configs"])
