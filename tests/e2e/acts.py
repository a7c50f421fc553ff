"""What the tests do on the emulators, and how they see what becomes of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
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


def status(emulators: Emulators, arn: str) -> str:
    answer = emulators.world("ecs").describe_container_instances(cluster="batch", containerInstances=[arn])
    status: str = answer["containerInstances"][0]["status"]
    return status
