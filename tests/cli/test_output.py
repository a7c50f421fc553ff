"""What a command prints: one-line errors whatever their text, tables that cut nothing, no colours in a pipe."""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table
from typer.testing import CliRunner

from cli import output, watch
from cli.main import app
from simulator.suite import LEDGER_TABLE
from simulator.world import World

runner = CliRunner()
ROOT = Path(__file__).parents[2]
# As operators, files and AWS have them: with what rich takes for markup, and with what no terminal shows.
TEXTS = st.one_of(
    st.text(),
    st.from_regex(r"\[/?[a-z]*\]:[a-z_]+:\[[0-9, ]*\]", fullmatch=True),
    st.sampled_from(["[numbers]", "[/x]"]),
)
# What an argument of a process may be.
ARGUMENTS = TEXTS.map(lambda text: text.encode("utf-8", "ignore").decode().replace("\0", ""))
each = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def console(*, terminal: bool, width: int = 80) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=width, markup=False, emoji=False, highlight=False)


def printed(of: Console) -> str:
    assert isinstance(of.file, io.StringIO)
    return of.file.getvalue()


@each
@given(text=TEXTS)
def test_an_error_is_one_line_that_holds_its_whole_text(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(output, "notes", console(terminal=False))

    with pytest.raises(typer.Exit):
        output.fail(f"it is {text} here")

    line = printed(output.notes)
    assert line.startswith("error: it is ")
    assert line.endswith("here\n")
    assert len(line.splitlines()) == 1
    assert all(character.isprintable() for character in line[:-1])
    shown = "".join(character for character in text if character.isprintable() and character != " ")
    rest = iter(line)
    assert all(character in rest for character in shown), "every character that can be printed, in its order"


@each
@given(text=TEXTS)
def test_a_line_of_an_answer_is_no_markup(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(output, "answers", console(terminal=False))
    plain = output.one_line(text)

    output.say(("value", "bold"), f": {plain}")

    assert printed(output.answers) == f"value: {plain}\n"


@each
@given(text=ARGUMENTS)
@pytest.mark.parametrize(
    "arguments",
    [
        ["simulate", "--policy"],
        ["simulate", "--instance"],
        ["simulate", "--set"],
        ["simulate", "--jobs"],
        ["simulate", "--hours"],
        ["bench", "interruption", "--services"],
        ["bench", "interruption", "--pool"],
        ["report", "--price"],
        ["report", "--day"],
        ["logs", "family", "container", "--since"],
    ],
    ids=" ".join,
)
def test_a_wrong_value_is_refused_in_one_line_whatever_it_is(arguments: list[str], text: str) -> None:
    done = runner.invoke(app, [*arguments[:-1], f"{arguments[-1]}={text}[/x]"], env={"AWS_REGION": "us-east-1"})

    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "[/x]" in done.stderr


def table() -> Table:
    made = Table(title="instances of cluster [web]")
    for name in ("instance", "arn", "zone"):
        made.add_column(name)
    made.add_column("what it does", overflow="fold")
    made.add_row("i-0123456789abcdef0", f"arn:aws:ecs:{'x' * 90}", "us-east-1a", "many words " * 20)
    return made


def test_off_a_terminal_a_row_is_one_line_without_a_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "answers", console(terminal=False))

    output.show_table(table())

    title, heads, row = printed(output.answers).splitlines()
    assert title == "instances of cluster [web]"
    assert heads.split() == ["instance", "arn", "zone", "what", "it", "does"]
    assert row.split()[:3] == ["i-0123456789abcdef0", f"arn:aws:ecs:{'x' * 90}", "us-east-1a"]
    assert row.count("many words") == 20


def test_on_a_terminal_no_name_or_id_is_cut_and_prose_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "answers", console(terminal=True))

    output.show_table(table())

    lines = re.sub(r"\x1b\[[0-9;]*m", "", printed(output.answers)).splitlines()
    [row] = [line for line in lines if "i-0123456789abcdef0" in line]
    assert f"arn:aws:ecs:{'x' * 90}" in row
    assert "us-east-1a" in row
    assert "many words many" not in row, "what may fold gives way"


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_name_is_not_cut_where_the_cells_beside_it_have_spaces(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setattr(output, "answers", console(terminal=True, width=width))
    table = Table(show_footer=True)
    cells = ("run_task_failures", "us-east-1c", "CPU reservation 49 % of all that is", "places for 2 tasks at once")
    for head, footer in zip(
        ("rule", "zone", "what it sees", "what it wants"), ("2 and 0 booting", "", "", ""), strict=True
    ):
        table.add_column(head, footer=footer)
    table.add_row(*cells)

    output.show_table(table)

    assert "…" not in printed(output.answers)
    for text in (*cells, "what it sees", "what it wants", "2 and 0 booting"):
        assert text in printed(output.answers)


@pytest.mark.parametrize("command", ["clusters", "explain", "watch"])
def test_a_table_of_an_account_cuts_nothing_at_80_columns(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    name = "a-name-of-a-cluster-as-long-as-some-are"
    world = World(seed=1)
    world.spot_cluster(name, 2).service("api", 2, cpu=1000, memory=1000)
    world.run(60)
    world.account.parameters.put("/steady/ledger", LEDGER_TABLE)
    monkeypatch.setattr(f"cli.{command}.runtime", lambda profile, region: world.suite.runtime("operator"))
    monkeypatch.setattr("cli.watch.log_groups", lambda aws: ["group"])
    monkeypatch.setattr("cli.watch.read_log", lambda *_: [])
    screen = console(terminal=True)
    for module in (output, watch):
        monkeypatch.setattr(module, "answers", screen)

    done = runner.invoke(
        app, [command, *([] if command == "clusters" else [name]), *(["--once"] if command == "watch" else [])]
    )

    assert done.exit_code == 0, done.output
    text = re.sub(r"\x1b\[[0-9;]*m", "", printed(screen))
    assert "…" not in text
    assert f"spot-fleet:sfr-{name}" in text
    if command != "clusters":
        assert max(map(len, text.splitlines())) < 100, "its sentences fold"


def test_in_a_pipe_there_is_no_colour_and_no_progress(tmp_path: Path) -> None:
    done = runner.invoke(app, ["demo", "--hours", "0.5", "--out", str(tmp_path)])

    assert done.stderr == ""
    assert done.stdout.isascii()
    assert "\x1b" not in done.stdout


def test_a_file_in_a_folder_that_is_not_there_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("nothing may be simulated")

    monkeypatch.setattr("cli.simulate.run_policies", never)
    where = tmp_path / "new" / "x.json"

    for option in ("--json", "--report"):
        done = runner.invoke(app, ["simulate", option, str(where)])

        assert done.exit_code == 2
        assert done.stderr == (
            f"error: {option} is {where}: the folder {where.parent} does not exist; make it (mkdir -p), "
            "or name another file\n"
        )
    assert not where.parent.exists()


def test_a_reader_that_closes_the_pipe_ends_the_command_quietly() -> None:
    command = "import sys; sys.argv[0] = 'steady'; from cli.main import run; run()"
    done = subprocess.run(
        f"{shlex.quote(sys.executable)} -c {shlex.quote(command)} simulate --hours 0.1 --json - | true",
        shell=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "functions"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert (done.stdout, done.stderr) == ("", "")
