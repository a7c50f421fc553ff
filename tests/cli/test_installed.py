"""The command as `pipx install` installs it: without what only a checkout, the simulated account or the tests need."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from cli.output import CHECKOUT

ROOT = Path(__file__).parents[2]
# The packages of the extras that another name imports, and what they bring.
IMPORTED_AS = {"aws-cdk-lib": "aws_cdk", "moto": "moto", "vl-convert-python": "vl_convert", "pyyaml": "yaml"}
RUN = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
sys.argv = {arguments}
import ecs_steady
ecs_steady.run()
"""


def settings() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_the_wheel_takes_folders_of_the_top_level_alone() -> None:
    """A pattern without a slash matches at any depth, as in .gitignore: `cli` took tests/cli, too."""
    included = settings()["tool"]["hatch"]["build"]["include"]

    assert included
    assert all(pattern.startswith("/") and (ROOT / pattern[1:]).is_dir() for pattern in included)


def extras() -> set[str]:
    project = settings()["project"]
    named = [need.partition("[")[0] for extra in project["optional-dependencies"].values() for need in extra]
    return {IMPORTED_AS.get(name, name.replace("-", "_")) for name in named} | {"jsii"}


def steady(*arguments: str) -> subprocess.CompletedProcess[str]:
    code = RUN.format(missing=extras(), arguments=["steady", *arguments])
    path = f"{ROOT}:{ROOT / 'functions'}"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env={"PYTHONPATH": path, "PATH": ""}
    )


@pytest.mark.parametrize("command", ["explain", "watch", "doctor", "report", "drain", "config", "simulate", "tune"])
def test_without_the_extras_each_command_says_what_it_takes(command: str) -> None:
    done = steady(command, "--help")

    assert done.returncode == 0, done.stderr
    assert f"steady {command}" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        (["simulate", "--hours", "1"], "install the extra simulate"),
        (["cost", "--cdk-json", str(ROOT / "cdk.json")], "this command needs a checkout"),
    ],
)
def test_what_needs_an_extra_says_so_in_one_line(arguments: list[str], needed: str) -> None:
    done = steady(*arguments)

    assert done.returncode == 2
    assert needed in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_what_needs_an_extra_says_so_before_it_makes_a_folder_or_simulates(tmp_path: Path) -> None:
    made = tmp_path / "new"
    for arguments in (["demo", "--out", str(made)], ["demo", "--picture", str(made)]):
        done = steady(*arguments)

        assert done.returncode == 2
        assert "install the extra simulate" in done.stderr
        assert not made.exists()


def test_a_report_that_cannot_be_drawn_is_refused_before_the_simulation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("cli.simulate.run_policies", lambda *_: pytest.fail("nothing may be simulated"))

    done = CliRunner().invoke(app, ["simulate", "--hours", "1", "--report", "report.html"])

    assert done.exit_code == 2
    assert "vl_convert is not installed: " in done.stderr


@pytest.mark.parametrize("arguments", [["bench", "sizes"], ["bench", "cold"], ["bench", "limits", "--traces", "."]])
def test_what_measures_the_functions_folder_says_first_that_it_needs_a_checkout(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An installed command has the functions' packages, but not as the folder that is deployed."""
    monkeypatch.setattr("cli.bench.options.FUNCTIONS", tmp_path / "functions")

    done = CliRunner().invoke(app, arguments)

    assert done.exit_code == 2
    assert done.stderr == f"error: {CHECKOUT}\n"
