"""Where the launch queue's function keeps and sends what it knows."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Environment:
    """The tables of the requests and of the ledger, and the queues: its own, its dead letters', the autoscaler's."""

    launches_table: str
    ledger_table: str
    queue_url: str
    dead_letter_queue_url: str
    autoscaler_queue_url: str

    @staticmethod
    def read() -> Environment:
        """Read the environment variables."""
        names = ("LAUNCHES_TABLE", "LEDGER_TABLE", "QUEUE_URL", "DEAD_LETTER_QUEUE_URL", "AUTOSCALER_QUEUE_URL")
        return Environment(*(os.environ[name] for name in names))
