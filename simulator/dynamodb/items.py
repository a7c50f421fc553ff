"""What DynamoDB checks of an item, of a key, and of the values that a call gives."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from simulator.dynamodb.values import SETS, Item, Value
from simulator.errors import AwsError

# DynamoDB Developer Guide, "Quotas": bytes of a partition key.
LARGEST_KEY = 2048
# DynamoDB Developer Guide, "Data types": digits of a number, and the powers of ten that it lies between.
MOST_DIGITS, LEAST_POWER, MOST_POWER = 38, -130, 125


def key_of(attributes: Item, key: str) -> str:
    """Return the partition key `key` among `attributes`: a string of 1 to 2,048 bytes."""
    value = attributes.get(key, {})
    text = value.get("S")
    if not text:
        raise _refused(f"{key} is {value}: a string is needed, not an empty one")
    if len(text.encode()) > LARGEST_KEY:
        raise _refused(f"{key} has more than {LARGEST_KEY} bytes: the size of a key has exceeded the limit")
    return str(text)


def check_values(values: Mapping[str, Value]) -> None:
    """Refuse a number that is none or has too many digits, and a set that is empty or names a value twice."""
    for name, value in values.items():
        [(kind, of)] = value.items()
        if kind == "N":
            _check_number(name, of)
        elif kind in SETS:
            _check_set(name, of)
        elif kind == "M":
            check_values(of)
        elif kind == "L":
            for one in of:
                check_values({name: one})


def check_indexed(item: Item, keys: Collection[str]) -> None:
    """Refuse an item whose key of an index is there and is no string, or is empty (Developer Guide, "Using GSIs")."""
    for key in keys:
        if key in item and not item[key].get("S"):
            raise _refused(f"{key} is {item[key]}: the key of an index is a string, not an empty one")


def _check_number(name: str, text: str) -> None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise _refused(f"{name}: the parameter cannot be converted to a numeric value: {text}") from None
    if not number.is_finite():
        raise _refused(f"{name}: the parameter cannot be converted to a numeric value: {text}")
    # `normalize` would round it.
    if len("".join(map(str, number.as_tuple().digits)).strip("0")) > MOST_DIGITS:
        raise _refused(f"{name}: attempting to store more than {MOST_DIGITS} significant digits in a number")
    if number and not LEAST_POWER <= number.adjusted() <= MOST_POWER:
        raise _refused(f"{name}: number overflow, or underflow: {text}")


def _check_set(name: str, of: Collection[Any]) -> None:
    if not of:
        raise _refused(f"{name}: a set may not be empty")
    if len(set(of)) < len(of):
        raise _refused(f"{name}: input collection contains duplicates")


def _refused(why: str) -> AwsError:
    return AwsError("ValidationException", f"One or more parameter values were invalid: {why}")
