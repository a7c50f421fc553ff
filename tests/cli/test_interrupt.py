"""Ctrl-C ends a command that has begun other processes: at once, quietly, and with all of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STEADY = "import sys; sys.argv[0] = 'steady'; from cli.main import run; run()"
LONG = [
    ["tune", "--hours", "200"],
    ["bench", "interruption", "--matrix", "--instances", "300"],
    ["bench", "interruption", "--services", "all", "--reason", "all"],
    ["bench", "chaos", "--every", "1", "--days", "0"],
]


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def begun(arguments: list[str], at_least: int) -> tuple[subprocess.Popen[str], list[int]]:
    """Return the command in a session of its own, as a shell begins it, once it has as many processes."""
    command = subprocess.Popen(
        [sys.executable, "-c", STEADY, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'functions'}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell's background jobs ignore SIGINT; a command in the foreground does not.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    for _ in range(600):
        if len(found := children(command.pid)) >= at_least or command.poll() is not None:
            return command, found
        time.sleep(0.1)
    raise AssertionError("no process was begun")


def ended(pids: list[int]) -> bool:
    for _ in range(100):
        if not any(is_alive(pid) for pid in pids):
            return True
        time.sleep(0.1)
    return False


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes as Linux shows them")
@pytest.mark.parametrize("arguments", LONG, ids=lambda arguments: " ".join(arguments[:3]))
def test_ctrl_c_ends_all_processes_without_a_traceback(arguments: list[str]) -> None:
    command, workers = begun([*arguments, "--at-once", "2"] if arguments[0] == "bench" else arguments, 2)
    time.sleep(1)

    os.killpg(command.pid, signal.SIGINT)
    out, err = command.communicate(timeout=60)

    assert (command.returncode, out, err) == (130, "", "")
    assert workers
    assert ended(workers)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes as Linux shows them")
def test_processes_end_with_a_command_that_is_killed() -> None:
    command, workers = begun(LONG[0], 2)

    command.kill()
    command.wait(timeout=60)

    assert workers
    assert ended(workers)


def test_ctrl_c_ends_a_simulation() -> None:
    command, _ = begun(["simulate", "--hours", "2000"], 0)
    time.sleep(6)

    os.killpg(command.pid, signal.SIGINT)
    out, err = command.communicate(timeout=60)

    assert (command.returncode, out, err) == (130, "", "")
