"""`steady` alone, its version, its help and its completion; and clusters, files and pools that there are not."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from typer.testing import CliRunner

from cli.main import app

runner = CliRunner()
ROOT = Path(__file__).parents[2]


def test_steady_alone_is_a_short_guide_whose_commands_there_are() -> None:
    done = runner.invoke(app, [])

    assert done.exit_code == 0
    assert len(done.stdout.splitlines()) < 24, "one screen"
    named = re.findall(r"^  steady ([a-z]+(?: (?:show|interruption))?) ", done.stdout, re.MULTILINE)
    assert len(named) >= 7
    for command in named:
        assert runner.invoke(app, [*command.split(), "--help"]).exit_code == 0


def test_the_version_is_that_of_the_project() -> None:
    [version] = re.findall(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)

    assert runner.invoke(app, ["--version"]).stdout == f"steady {version}\n"


@pytest.mark.parametrize("command", [[], ["drain"], ["config"], ["config", "set"], ["bench", "interruption"]])
def test_h_is_help(command: list[str]) -> None:
    short, long = (runner.invoke(app, [*command, option]) for option in ("-h", "--help"))

    assert short.exit_code == 0
    assert short.stdout == long.stdout
    assert "Usage: " in short.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_can_complete_commands(shell: str) -> None:
    starts = "import sys; sys.argv[0] = 'steady'; from cli.main import run; run()"
    asked = {"_STEADY_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_ARGS": "steady ex", "COMP_WORDS": "steady ex"}
    done = subprocess.run(
        [sys.executable, "-c", starts],
        cwd=ROOT,
        env={
            **os.environ,
            **asked,
            "COMP_CWORD": "1",
            "PYTHONPATH": "functions",
            "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert "explain" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["nope"], "error: No such command 'nope': steady --help lists what it takes\n"),
        (["confg"], "Did you mean 'config'? steady --help lists what it takes\n"),
        (["explain"], "error: Missing argument 'cluster': steady explain --help lists what it takes\n"),
        (["demo", "--hours", "x"], 'as a number (it is "x"): steady demo --help lists what it takes\n'),
        (["demo", "--hours", "0"], "steady demo --help lists what it takes\n"),
        (["demo", "--hours"], "requires an argument: steady --help lists what it takes\n"),
        (["simulate", "--polcy", "x"], "steady simulate --help lists what it takes\n"),
        (["bench", "interruption", "--pool", "foo"], "'foo' is not one of 'auto-scaling-group', 'spot-fleet': "),
    ],
)
def test_a_wrong_argument_is_one_line(arguments: list[str], line: str) -> None:
    done = runner.invoke(app, arguments)

    assert (done.exit_code, done.stdout) == (2, "")
    assert line in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("group", ["config", "bench"])
def test_a_group_without_a_command_shows_its_help(group: str) -> None:
    done = runner.invoke(app, [group])

    assert done.exit_code == 2
    assert f"Usage: steady {group}" in done.output.replace("root ", "steady ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["explain"],
        ["doctor"],
        ["record"],
        ["report"],
        ["config", "show"],
        ["config", "check"],
        ["config", "history"],
        ["config", "set"],
        ["config", "reset"],
    ],
    ids=" ".join,
)
def test_an_unknown_cluster_is_refused_with_those_that_there_are(aws: boto3.Session, arguments: list[str]) -> None:
    ssm = aws.client("ssm")
    for name in ("web", "batch"):
        ssm.put_parameter(Name=f"/steady/clusters/{name}/capacity", Value=f"auto-scaling-group:{name}", Type="String")
    ssm.put_parameter(Name="/steady/ledger", Value="ledger", Type="String")
    more = {"history": ["mode"], "set": ["mode=active"], "reset": ["mode"]}.get(arguments[-1], [])

    done = runner.invoke(app, [*arguments, "wbe", *more])

    assert done.exit_code == 2
    assert done.stderr == "error: cluster wbe is not managed: one of batch, web is needed\n"


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["interruption", "--page", "{page}"], "one column is no table: add --peers, --services, --reason or --matrix"),
        (
            ["interruption", "--services", "rolling", "--page", "{page}"],
            "lacks <!-- figures: made by `steady bench inter",
        ),
        (
            ["interruption", "--matrix", "--page", "{page}"],
            "lacks <!-- figures: made by `steady bench interruption --m",
        ),
        (["growth", "--page", "{page}"], "lacks <!-- figures: made by `steady bench growth"),
        (["growth", "--page", "/no/such/page"], "--page is /no/such/page: No such file or directory: a Markdown file"),
        (["sizes", "--page", "{page}"], "lacks <!-- figures: made by `steady bench sizes"),
        (["chaos", "--page", "{page}"], "lacks <!-- figures: made by `make chaos`"),
        (["limits", "--traces", ".", "--page", "{page}"], "lacks <!-- figures: made by `steady bench limits"),
        (["policies", "--traces", ".", "--page", "{page}"], "lacks <!-- figures: made by `steady bench policies"),
        (["interruption", "--matrix", "--pool", "auto-scaling-group"], "the command chooses the pool: leave it out"),
        (["interruption", "--reason", "spot", "--pool", "auto-scaling-group"], "the command chooses the pool"),
    ],
)
def test_a_page_or_a_pool_that_is_of_no_use_is_refused_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], what: str
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("nothing may be measured")

    for measured in (
        "interruption.reclaim.interruption",
        "interruption.taken_away.measure_all",
        "interruption.reclaim_matrix.measure_all",
        "growth.measure",
        "lambda_sizes.measure",
        "promises.measure",
        "policies.comparison.compare",
        "command.matrix.run_all",
    ):
        monkeypatch.setattr(f"cli.bench.{measured}", never)
    page = tmp_path / "page.md"
    page.write_text("no marks\n")

    done = runner.invoke(app, ["bench", *(argument.format(page=page) for argument in arguments)])

    assert done.exit_code == 2, done.output
    assert what in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_command_that_starts_node_says_nothing_of_its_age() -> None:
    starts = "import sys; sys.argv[0] = 'steady'; from cli.main import run; run()"
    told = {name: value for name, value in os.environ.items() if not name.startswith("JSII_")}
    done = subprocess.run(
        [sys.executable, "-c", starts, "cost"],
        cwd=ROOT,
        env={**told, "PYTHONPATH": "functions"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stderr == ""
    assert done.stdout.startswith("an idle month\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["watch", "web", "--since", "inf"],
        ["watch", "web", "--every", "inf"],
        ["drain", "i-0123456789abcdef0", "--deadline", "inf"],
        ["logs", "api", "app", "--price", "inf"],
        ["logs", "api", "app", "--since", "9999999d"],
        ["logs", "api", "app", "--since", "99999999999999999999d"],
    ],
    ids=" ".join,
)
def test_a_span_without_an_end_is_refused_before_aws_is_asked(arguments: list[str]) -> None:
    done = runner.invoke(app, arguments)

    assert done.exit_code == 2
    assert done.stderr.startswith("error: ")
    assert f'"{arguments[-1]}"' in done.stderr
    assert len(done.stderr.splitlines()) == 1
