"""The values of attributes: which are the same, which is lower, and the sum of two numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

from simulator.errors import AwsError

# An attribute's value, such as {"N": "1"}; an item is its attributes by name.
Value = Mapping[str, Any]
Item = Mapping[str, Value]

SETS = frozenset({"SS", "NS"})
# DynamoDB Developer Guide, "Data types": numbers have up to 38 digits.
_NUMBERS = Context(prec=38)


@dataclass(frozen=True, slots=True)
class Given:
    """What a call gives beside an expression: what its `#names` and its `:values` stand for."""

    names: Mapping[str, str]
    values: Mapping[str, Value]

    def name(self, path: str) -> str:
        """Return the name of the attribute that `path` is, or stands for."""
        return self.names[path] if path.startswith("#") else path


def is_same(left: Value | None, right: Value | None) -> bool:
    """Whether both are there, and are the same value of the same type."""
    if left is None or right is None or left.keys() != right.keys():
        return False
    [kind] = left
    if kind == "N":
        return _number(left) == _number(right)
    return {*left[kind]} == {*right[kind]} if kind in SETS else bool(left[kind] == right[kind])


def compares(compare: Callable[[Any, Any], bool], left: Value | None, right: Value | None) -> bool:
    """Whether both are there, are of the same type, and compare so.

    Raises:
        AwsError: if the type has no order.
    """
    if left is None or right is None or left.keys() != right.keys():
        return False
    if "N" in left:
        return compare(_number(left), _number(right))
    if "S" in left:
        # DynamoDB: strings are ordered by the bytes of their UTF-8.
        return compare(left["S"].encode(), right["S"].encode())
    raise invalid(f"{left} has no order")


def sum_of(left: Value, right: Value, sign: str) -> Value:
    """Return the sum of two numbers, or their difference if the sign is "-".

    Raises:
        AwsError: if one of them is no number.
    """
    if "N" not in left or "N" not in right:
        raise invalid(f"{left} {sign} {right}: two numbers are needed")
    of = _NUMBERS.add if sign == "+" else _NUMBERS.subtract
    return {"N": f"{of(_number(left), _number(right)).normalize(_NUMBERS):f}"}


def invalid(why: str) -> AwsError:
    """Return the error of an expression that DynamoDB does not take."""
    return AwsError("ValidationException", f"Invalid expression: {why}")


def _number(value: Value) -> Decimal:
    return _NUMBERS.create_decimal(value["N"])
