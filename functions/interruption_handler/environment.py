"""What the function's environment variables name."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Environment:
    """The queues and the table that the function writes to, from its environment variables."""

    queue_url: str
    dead_letter_queue_url: str
    autoscaler_queue_url: str
    ledger_table: str

    @staticmethod
    def read() -> Environment:
        """Read the environment variables."""
        names = ("QUEUE_URL", "DEAD_LETTER_QUEUE_URL", "AUTOSCALER_QUEUE_URL", "LEDGER_TABLE")
        return Environment(*(os.environ[name] for name in names))
