"""Each command's help ends with an example, and each example runs."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
import typer
from typer.testing import CliRunner

from cli.examples import EXAMPLES
from cli.main import app
from simulator import tuning

ROOT = Path(__file__).parents[2]
runner = CliRunner()

# These measure for minutes, or need OR-tools or traces of real workloads: here, they get as far as to begin.
MEASURED = {
    "bench limits": "cli.bench.promises.measure",
    "bench growth": "cli.bench.growth.measure",
    "bench sizes": "cli.bench.lambda_sizes.measure",
    "bench policies": "simulator.comparison.compare",
    "bench clairvoyant": "simulator.bench.clairvoyant.limit.measure_all",
    "bench karpenter": "simulator.bench.karpenter_suite.measure",
    "bench published": "simulator.bench.published.measurements.measure",
    "bench renewal": "simulator.bench.renewal.measure",
    "bench sensitivity": "simulator.bench.sensitivity.measure",
    "bench chaos": "simulator.chaos.matrix.run_all",
    "bench placement": "simulator.bench.placement.placement",
    "bench pools": "simulator.bench.pools.choice",
}
# What needs no account, and ends well.
ALONE = {"simulate", "demo", "tune", "cost", "template", "bench interruption", "bench autoscaler", "bench cold"} | {
    "bench launch"
}


class Begun(Exception):
    """The command has taken its arguments, and begins to measure."""


def commands(of: typer.Typer, path: str = "") -> Iterator[str]:
    for group in of.registered_groups:
        assert group.typer_instance is not None
        yield from commands(group.typer_instance, f"{path}{group.name} ")
    for command in of.registered_commands:
        assert command.callback is not None
        yield f"{path}{command.name or command.callback.__name__}"


def test_every_command_has_an_example() -> None:
    assert set(commands(app)) == set(EXAMPLES)


@pytest.mark.parametrize("command", EXAMPLES)
def test_the_help_of_a_command_ends_with_its_examples_each_on_a_line(command: str) -> None:
    lines = [line.strip() for line in runner.invoke(app, [*command.split(), "--help"]).stdout.splitlines()]

    assert [line for line in lines[-2 * len(EXAMPLES[command]) :] if line] == list(EXAMPLES[command])
    assert all(example.startswith(f"steady {command}") and len(example) < 77 for example in EXAMPLES[command])


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the examples read, as the top level of a checkout has it."""
    settings = json.loads((ROOT / "cdk.json").read_text())
    (tmp_path / "cdk.json").write_text(json.dumps(settings))
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    (tmp_path / "demo").mkdir()
    web = {
        "instance_hours_by": {"on-demand": {"m5.large": 3}, "spot": {"m5.large": 9}},
        "instance_types": {"m5.large": {"vcpu": 2, "gib": 8}},
        "occupied_hours": 11,
        "reserved": [{"service": "api", "family": "api", "tasks": 4, "vcpu_hours": 12, "gib_hours": 48}],
    }
    run = {"policy": "steady", "clusters": {"web": web}}
    (tmp_path / "demo" / "result.json").write_text(json.dumps([run]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("command", "example"), [(command, example) for command, all_ in EXAMPLES.items() for example in all_]
)
def test_an_example_runs(
    project: Path, aws: boto3.Session, monkeypatch: pytest.MonkeyPatch, command: str, example: str
) -> None:
    """On an account without the suite, what needs one is refused in one line; no argument of it ever is."""

    def begin(*_: object, **__: object) -> None:
        raise Begun

    if command in MEASURED:
        monkeypatch.setattr(MEASURED[command], begin)
        monkeypatch.setattr("simulator.comparison.Workload.plan", lambda *_: None)
    few = tuning.settings({"start_at_once_share": (0, 99)})
    monkeypatch.setattr(tuning, "settings", lambda: few)

    done = runner.invoke(app, shlex.split(example)[1:])

    assert "lists what it takes" not in done.stderr
    if command in MEASURED:
        assert isinstance(done.exception, Begun)
    elif command in ALONE or "--simulation" in example:
        assert done.exit_code == 0, done.output
        assert done.stdout
    else:
        assert done.exit_code in (0, 1, 2), done.output
        assert done.exit_code == 0 or len(done.stderr.splitlines()) == 1
