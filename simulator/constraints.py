"""What each service checks of every call: the enumerations and the largest sizes in botocore's model of it.

botocore itself checks types, required members and the smallest sizes, before the call is sent. The service answers the
rest with an error ("Value 'x' at 'y' failed to satisfy constraint: Member must satisfy enum value set").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore.model import Shape

from simulator.errors import AwsError

# The code with which each service refuses a parameter (API References, "Common Errors", and the errors of each call).
CODES: Mapping[str, str] = {
    "autoscaling": "ValidationError",
    "dynamodb": "ValidationException",
    "ec2": "InvalidParameterValue",
    "ecs": "InvalidParameterException",
    "elbv2": "ValidationError",
    "events": "ValidationException",
    "servicediscovery": "InvalidInput",
    "sns": "InvalidParameter",
    "sqs": "InvalidParameterValue",
    "ssm": "ValidationException",
    "stepfunctions": "ValidationException",
}
# Enumerations that grow while a model does not. EC2 refuses an instance type that it does not have with another code.
GROWING = frozenset({"InstanceType"})

# Yields what is wrong with a value; the text names where it is.
Check = Callable[[str, Any], Iterator[str]]


class Constraints:
    """The checks of all calls, by their names, such as `ecs:StopTask`."""

    def __init__(self) -> None:
        self._checks: dict[str, Check | None] = {}

    def learn(self, name: str, shape: Shape | None) -> None:
        """Note the model of what the call `name` takes."""
        if name not in self._checks:
            self._checks[name] = _check_of(shape, ()) if shape else None

    def refusal(self, name: str, params: Mapping[str, Any]) -> AwsError | None:
        """Return the error with which the service refuses a call with `params`; None: it does not."""
        check = self._checks.get(name)
        wrong = next(check("", params), None) if check else None
        return AwsError(CODES[name.partition(":")[0]], wrong) if wrong else None


def _check_of(shape: Shape, within: tuple[str, ...]) -> Check | None:
    """Return the check of a shape that is part of the shapes `within`; None: there is nothing to check of it."""
    if shape.name in within:
        return None
    within = (*within, shape.name)
    if shape.type_name == "structure":
        members = {name: _check_of(member, within) for name, member in shape.members.items()}  # type: ignore[attr-defined]
        return _of_members({name: check for name, check in members.items() if check})
    most = shape.metadata.get("max")
    if shape.type_name == "list":
        return _of_list(most, _check_of(shape.member, within))  # type: ignore[attr-defined]
    if shape.type_name == "string":
        allowed = [] if shape.name in GROWING else shape.metadata.get("enum", [])
        return _of_text(frozenset(allowed), most) if allowed or most else None
    return _of_number(most) if shape.type_name in ("integer", "long") and most else None


def _of_members(members: Mapping[str, Check]) -> Check | None:
    def check(where: str, value: Any) -> Iterator[str]:
        for name, of_member in members.items():
            if value.get(name) is not None:
                yield from of_member(f"{where}{'.' if where else ''}{name}", value[name])

    return check if members else None


def _of_list(most: int | None, of_member: Check | None) -> Check | None:
    def check(where: str, value: Any) -> Iterator[str]:
        if most is not None and len(value) > most:
            yield _said(where, f"{len(value)} members", f"at most {most}")
        for one in value if of_member else ():
            yield from of_member(where, one)  # type: ignore[misc]

    return check if of_member or most is not None else None


def _of_text(allowed: frozenset[str], most: int | None) -> Check:
    def check(where: str, value: Any) -> Iterator[str]:
        if allowed and value not in allowed:
            yield _said(where, repr(value), f"one of {', '.join(sorted(allowed))}")
        if most is not None and len(value) > most:
            yield _said(where, f"{len(value)} characters", f"at most {most}")

    return check


def _of_number(most: int) -> Check:
    def check(where: str, value: Any) -> Iterator[str]:
        if value > most:
            yield _said(where, str(value), f"at most {most}")

    return check


def _said(where: str, given: str, needed: str) -> str:
    return f"1 validation error detected: {where} has {given}: {needed} is needed"
