"""How the simulated account refuses a call."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

NOTHING: Mapping[str, Any] = MappingProxyType({})


class AwsError(Exception):
    """An error answer of an AWS API: its code as clients see it, its message, and what `more` it says."""

    def __init__(self, code: str, message: str, status: int = 400, more: Mapping[str, Any] = NOTHING) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.more = more


def throttled(action: str) -> AwsError:
    return AwsError("ThrottlingException", f"Rate exceeded ({action})")
