"""The `steady` command: answers for people and for programs, and errors in one line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app, run

runner = CliRunner()


@pytest.fixture
def jobs(tmp_path: Path) -> Path:
    path = tmp_path / "jobs.csv"
    path.write_text("submit_s,family,cpu,memory,run_s\n60,a,1024,2048,600\n90,b,512,999999,60\n")
    return path


def test_simulate_prints_an_object_a_policy(jobs: Path) -> None:
    done = runner.invoke(
        app,
        [
            "simulate",
            "--jobs",
            str(jobs),
            "--hours",
            "1",
            "--policy",
            "steady",
            "--policy",
            "cookpad-2018",
            "--json",
            "-",
        ],
    )

    figures = json.loads(done.stdout)
    assert [f["policy"] for f in figures] == ["steady", "cookpad-2018"]
    assert (figures[0]["tasks"], figures[0]["unplaced_tasks"]) == (2, 1)


def test_simulate_says_what_fits_no_instance(jobs: Path) -> None:
    done = runner.invoke(app, ["simulate", "--jobs", str(jobs), "--hours", "1", "--json", "-"])

    assert "1 job of cluster spot fits no m5.2xlarge" in done.stderr
    assert "999999 MiB" in done.stderr


def test_simulate_writes_its_files(jobs: Path, tmp_path: Path) -> None:
    out = tmp_path
    done = runner.invoke(
        app,
        [
            *("simulate", "--jobs", str(jobs), "--hours", "0.5", "--set", "max_capacity=5"),
            *("--json", str(out / "result.json"), "--report", str(out / "report.html")),
        ],
    )

    assert done.exit_code == 0, done.output
    assert json.loads((out / "result.json").read_text())[0]["policy"] == "steady"
    assert (out / "report.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--policy", "guess"], '"guess" is no policy: one of steady, cookpad-2018, managed-scaling'),
        (["--instance", "m5.9xlarge"], '"m5.9xlarge" is no EC2 instance type'),
        (["--set", "max_capacity=lots"], '--set max_capacity is "lots": a capacity in units'),
        (["--set", "speed=1"], '--set is "speed=1": name=value is needed'),
        (
            ["--set", "min_capacity=9", "--set", "max_capacity=5"],
            "--set min_capacity is 9 and --set max_capacity is 5: the first must not be over the second",
        ),
        (["--jobs", "/no/such/file"], "/no/such/file: No such file or directory"),
    ],
)
def test_bad_input_is_one_line_with_the_way_out(arguments: list[str], what: str) -> None:
    done = runner.invoke(app, ["simulate", "--hours", "1", *arguments])

    assert done.exit_code == 2
    assert what in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_bench_interruption_prints_the_contracts_figures() -> None:
    done = runner.invoke(app, ["bench", "interruption", "--instances", "3", "--tasks", "9", "--json", "-"])

    assert json.loads(done.stdout)["tasks"] == 27


def test_demo_writes_its_page_and_its_figures(tmp_path: Path) -> None:
    done = runner.invoke(app, ["demo", "--hours", "1", "--out", str(tmp_path)])

    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "result.json").read_text())[0]["simulated_hours"] == 1
    assert (tmp_path / "report.html").exists()


def test_demo_draws_the_picture_and_writes_the_figures_of_a_page(tmp_path: Path) -> None:
    page, pictures = tmp_path / "README.md", tmp_path / "pictures"
    page.write_text("above\n<!-- figures: made by `make picture` -->\nold\n<!-- end of figures -->\nbelow\n")

    done = runner.invoke(
        app,
        ["demo", "--hours", "0.5", "--out", str(tmp_path / "out"), "--picture", str(pictures), "--page", str(page)],
    )

    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in pictures.iterdir()) == ["demo-dark.svg", "demo-light.svg"]
    assert "with ECS alone" in (pictures / "demo-light.svg").read_text()
    text = page.read_text()
    ours, theirs = json.loads((tmp_path / "out" / "result.json").read_text())
    assert "old" not in text
    assert text.startswith("above")
    assert text.endswith("below\n")
    waits = [f"{f['wait_seconds']['total'] / 60:,.0f} min" for f in (ours, theirs)]
    assert f"| tasks waited for an instance, in all | {waits[0]} | {waits[1]} |" in text


def test_demo_refuses_a_page_without_marks_before_it_simulates(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text("no marks")

    done = runner.invoke(app, ["demo", "--out", str(tmp_path / "out"), "--page", str(page)])

    assert done.exit_code == 2
    assert "lacks <!-- figures: made by `make picture` -->" in " ".join(done.output.split())
    assert not (tmp_path / "out").exists()


def test_demo_answers_programs_too(tmp_path: Path) -> None:
    done = runner.invoke(app, ["demo", "--hours", "0.5", "--out", str(tmp_path), "--json", "-"])

    assert json.loads(done.stdout) == json.loads((tmp_path / "result.json").read_text())


def test_a_file_that_cannot_be_written_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["steady", "simulate", "--hours", "0.5", "--report", "/dev/null/report.html"])

    with pytest.raises(SystemExit) as ended:
        run()

    assert ended.value.code == 2
    assert "--report is /dev/null/report.html: the folder /dev/null does not exist" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_one_line_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("nothing may be simulated")

    monkeypatch.setattr("cli.simulate.run_policies", never)

    done = runner.invoke(app, ["demo", "--out", "/dev/null/folder"])

    assert done.exit_code == 2
    assert done.stderr == "error: /dev/null/folder: Not a directory\n"


@pytest.mark.parametrize("command", ["simulate", "tune"])
@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("jobs", "", "is empty: a first line submit_s,family,cpu,memory,run_s is needed"),
        ("services", "at_s,service,desired_count,cpu,memory\n", "has no row below its first line"),
        (
            "jobs",
            "submit_s,family,cpu,memory,run_s\n90000,a,1,1,1\n",
            "no task in the first 24 h that fits an m5.2xlarge",
        ),
        ("services", "at_s,service,desired_count,cpu,memory\n0,a,0,1,1\n", "no task in the first 24 h"),
        ("spot", '{"metadata": {"gap_seconds": 300}, "data": [1]}', "no task in the first 24 h"),
    ],
)
def test_traces_without_work_are_refused_before_anything_is_simulated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, name: str, content: str, what: str
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("nothing may be simulated")

    monkeypatch.setattr("cli.simulate.run_policies", never)
    monkeypatch.setattr("cli.tune.tuning.search", never)
    (tmp_path / "trace").write_text(content)

    done = runner.invoke(app, [command, f"--{name}", str(tmp_path / "trace")])

    assert done.exit_code == 2
    assert what in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_benchmark_without_its_traces_is_refused_in_one_line(tmp_path: Path) -> None:
    done = runner.invoke(app, ["bench", "policies", "--traces", str(tmp_path)])

    assert done.exit_code == 2
    assert "jobs-openb-a.csv: No such file or directory" in done.stderr


def test_no_command_waits_for_the_import_of_the_cdk() -> None:
    """It takes two seconds, starts Node, and writes a warning of its own: the commands that need it import it then."""
    loaded = "import sys, cli.main; print('aws_cdk' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["False"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--policy", "nope"], "--policy is nope: one of steady,"),
        (["--policy", "steady", "--page", "docs/benchmarks.md"], "--page is given with --policy"),
    ],
)
def test_some_policies_alone_are_known_and_fill_no_page(tmp_path: Path, options: list[str], said: str) -> None:
    done = runner.invoke(app, ["bench", "policies", "--traces", str(tmp_path), *options])

    assert done.exit_code == 2
    assert said in done.stderr
