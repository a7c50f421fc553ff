"""Errors with which the simulated account answers a call."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

NOTHING: Mapping[str, Any] = MappingProxyType({})


class AwsError(Exception):
    """An error answer of an AWS API.

    Args:
        code: the error's code, such as `ThrottlingException`.
        status: the HTTP status.
        more: further members of the answer.
    """

    def __init__(self, code: str, message: str, status: int = 400, more: Mapping[str, Any] = NOTHING) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.more = more


class NotSimulated(BaseException):
    """The account does not do what it is asked for. `except Exception` misses it, so that nothing hides it."""


def throttled(action: str) -> AwsError:
    """Return the error of a throttled call of `action`."""
    return AwsError("ThrottlingException", f"Rate exceeded ({action})")
