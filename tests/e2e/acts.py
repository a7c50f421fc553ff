"""What the tests do on the emulators, and how they see what becomes of it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.e2e.emulators import Emulators

WITHIN_S = 60


def put_event(emulators: Emulators, detail_type: str, source: str, detail: dict[str, Any]) -> None:
    answer = emulators.deployed("events").put_events(
        Entries=[{"DetailType": detail_type, "Source": source, "Detail": json.dumps(detail), "Time": datetime.now(UTC)}]
    )
    assert answer["FailedEntryCount"] == 0, answer


def eventually(promise: str, holds: Callable[[], bool], within_s: float = WITHIN_S) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {within_s} s: {promise}"
        time.sleep(0.5)


def steady(emulators: Emulators, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the command on the deployed account."""
    done = subprocess.run(
        [str(Path(sys.executable).parent / "steady"), *arguments],
        env=dict(emulators.env) | emulators.beside,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == code, f"{arguments}: {done.stdout}{done.stderr}"
    return done


def status(emulators: Emulators, arn: str, cluster: str = "batch") -> str:
    answer = emulators.world("ecs").describe_container_instances(cluster=cluster, containerInstances=[arn])
    status: str = answer["containerInstances"][0]["status"]
    return status
