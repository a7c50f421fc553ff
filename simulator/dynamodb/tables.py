"""The tables, and the calls of DynamoDB that the suite makes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from simulator.dynamodb.conditions import read_condition
from simulator.dynamodb.tokens import check_given
from simulator.dynamodb.updates import read_update
from simulator.dynamodb.values import Given, Item, invalid
from simulator.endpoint import Params
from simulator.errors import AwsError

# DynamoDB Developer Guide, "Quotas": 400 KB an item, with the names of its attributes.
LARGEST_ITEM = 400 * 1024
_EMPTY: Item = {}


class Tables:
    """DynamoDB tables whose partition key is a string, without a sort key."""

    def __init__(self) -> None:
        self._keys: dict[str, str] = {}
        self._items: dict[str, dict[str, Item]] = {}

    def create(self, name: str, key: str) -> None:
        """Create a table whose partition key is the string attribute `key`."""
        self._keys[name], self._items[name] = key, {}

    def get_item(self, params: Params) -> dict[str, Any]:
        """Answer GetItem."""
        items, key = self._table(params, params["Key"])
        return {"Item": _copy(items[key])} if key in items else {}

    def put_item(self, params: Params) -> dict[str, Any]:
        """Answer PutItem."""
        items, key = self._table(params, params["Item"])
        given = _given(params)
        check_given(given, params.get("ConditionExpression", ""))
        _check_condition(params, items.get(key), given)
        items[key] = _bounded(_copy(params["Item"]))
        return {}

    def update_item(self, params: Params) -> dict[str, Any]:
        """Answer UpdateItem. What it returns: all of the new item, or what was written, or nothing."""
        items, key = self._table(params, params["Key"])
        given = _given(params)
        check_given(given, params.get("ConditionExpression", ""), params["UpdateExpression"])
        before = items.get(key)
        _check_condition(params, before, given)
        update = read_update(params["UpdateExpression"])
        after = update.updated(params["Key"] if before is None else before, given)
        written = {given.name(path) for path in update.writes}
        if written & params["Key"].keys():
            raise invalid(f"{params['UpdateExpression']} writes the item's key")
        items[key] = _bounded(_copy(after))
        returned = {"ALL_NEW": after.keys(), "UPDATED_NEW": written}.get(params.get("ReturnValues", ""), ())
        shown = _copy({name: value for name, value in after.items() if name in returned})
        return {"Attributes": shown} if shown else {}

    def _table(self, params: Params, attributes: Item) -> tuple[dict[str, Item], str]:
        """Return the items of the call's table, and the key of the item that it is for."""
        name = params["TableName"]
        if name not in self._items:
            raise AwsError("ResourceNotFoundException", f"no table {name}")
        value = attributes.get(self._keys[name], _EMPTY)
        if not value.get("S"):
            raise AwsError(
                "ValidationException", f"{self._keys[name]} is {value}: a string is needed, not an empty one"
            )
        return self._items[name], value["S"]


def _given(params: Params) -> Given:
    return Given(params.get("ExpressionAttributeNames", {}), params.get("ExpressionAttributeValues", {}))


def _check_condition(params: Params, item: Item | None, given: Given) -> None:
    text = params.get("ConditionExpression", "")
    if not text or read_condition(text)(item or _EMPTY, given):
        return
    shows_old = item is not None and params.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
    more = {"Item": _copy(item)} if item is not None and shows_old else {}
    raise AwsError("ConditionalCheckFailedException", "The conditional request failed", more=more)


def _copy(item: Item) -> dict[str, Any]:
    """Return a copy that shares nothing that can be changed."""
    return {name: {kind: _copied(of) for kind, of in value.items()} for name, value in item.items()}


def _copied(of: Any) -> Any:
    if isinstance(of, dict):
        return {name: _copied(one) for name, one in of.items()}
    return [_copied(one) for one in of] if isinstance(of, list | tuple | set) else of


def _bounded(item: dict[str, Any]) -> dict[str, Any]:
    """Return the item if DynamoDB takes one of its size."""
    size = sum(len(name.encode()) + sum(_sizes(value)) for name, value in item.items())
    if size > LARGEST_ITEM:
        raise AwsError("ValidationException", f"Item size has exceeded the maximum allowed size: {size} bytes")
    return item


def _sizes(value: Any) -> Iterator[int]:
    if isinstance(value, str | bytes):
        yield len(value if isinstance(value, bytes) else value.encode())
    elif isinstance(value, dict):
        for one in value.values():
            yield from _sizes(one)
    elif isinstance(value, list):
        for one in value:
            yield from _sizes(one)
    else:
        yield 1
