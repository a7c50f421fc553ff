"""`steady tune`: the settings worth having, as a table, a curve, and a command to paste."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from simulator import tuning


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A trace; and few enough candidates for a test."""
    few = tuning.settings({"start_at_once_share": (0, 99)})
    monkeypatch.setattr(tuning, "settings", lambda: few)
    path = tmp_path / "jobs.csv"
    rows = [f"{600 * k},batch,1024,2048,300" for k in range(6) for _ in range(3)]
    path.write_text("\n".join(["submit_s,family,cpu,memory,run_s", *rows]))
    return path


def test_the_settings_and_the_command_that_sets_them_are_printed(jobs: Path, tmp_path: Path) -> None:
    curve = tmp_path / "curve.html"
    done = CliRunner().invoke(
        app,
        [
            "tune",
            "--jobs",
            str(jobs),
            "--hours",
            "1",
            "--instance",
            "m5.large",
            "--cluster",
            "web",
            "--report",
            str(curve),
        ],
    )

    assert done.exit_code == 0, done.output
    assert "steady config set web start_at_once_share=" in done.stdout
    assert "best trade-offs" in curve.read_text()
    assert 'src="http' not in curve.read_text()


def test_all_that_was_tried_is_there_for_programs(jobs: Path) -> None:
    done = CliRunner().invoke(app, ["tune", "--jobs", str(jobs), "--hours", "1", "--wait", "0", "--json", "-"])

    answer = json.loads(done.stdout)
    assert len(answer["tried"]) == 2
    assert answer["chosen"] in answer["front"]
    assert answer["command"].startswith("steady config set CLUSTER ")


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--jobs", "/no/such/file"], "/no/such/file: No such file"),
        (["--instance", "m5.9xlarge"], '"m5.9xlarge" is no EC2 instance type'),
        (["--set", "speed=1"], '--set is "speed=1"'),
    ],
)
def test_bad_input_is_one_line_with_the_way_out(arguments: list[str], what: str) -> None:
    done = CliRunner().invoke(app, ["tune", "--hours", "1", *arguments])

    assert done.exit_code == 2
    assert what in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
