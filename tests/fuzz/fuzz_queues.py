"""`make fuzz`: atheris sends whatever it finds to each queue, guided by what the code does with it.

A finding is a file `crash-…` in build/fuzz; `python tests/fuzz/fuzz_queues.py FILE` sends it again.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["autoscaler", "interruption_handler", "runtask_failure", "steady"]):
    from tests.fuzz.hostile import GOOD, Target

QUEUES = sorted(GOOD)
# What the account has seen is forgotten now and then, so that the fuzzer may run for ever.
FORGET_AFTER = 50_000
state = {"target": Target(), "sent": 0}


def send(data: bytes) -> None:
    """The first byte chooses the queue, the others are the body."""
    if not data:
        return
    if state["sent"] == FORGET_AFTER:
        state.update(target=Target(), sent=0)
    state["sent"] += 1  # type: ignore[operator]
    body = data[1:].decode("utf-8", errors="surrogateescape")
    state["target"].send(QUEUES[data[0] % len(QUEUES)], body)  # type: ignore[attr-defined]


def seeds(folder: Path) -> None:
    """A good message of each kind, to begin with."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, queue in enumerate(QUEUES):
        for index, message in enumerate(GOOD[queue]):
            (folder / f"{queue}-{index}").write_bytes(bytes([number]) + json.dumps(message).encode())


if __name__ == "__main__":
    logging.disable()
    seeds(Path("build/fuzz/corpus"))
    atheris.Setup(sys.argv, send)
    atheris.Fuzz()
