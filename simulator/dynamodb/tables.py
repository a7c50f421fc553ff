"""The tables, and the calls of DynamoDB that the suite makes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from simulator.dynamodb.conditions import read_condition
from simulator.dynamodb.items import check_indexed, check_values, key_of
from simulator.dynamodb.tokens import check_given
from simulator.dynamodb.updates import read_update
from simulator.dynamodb.values import Given, Item, invalid
from simulator.endpoint import Params
from simulator.errors import AwsError

# DynamoDB Developer Guide, "Quotas": 400 KB an item, with the names of its attributes.
LARGEST_ITEM = 400 * 1024
LARGEST_PAGE = 1024 * 1024
_EMPTY: Item = {}


class Tables:
    """DynamoDB tables whose partition key is a string, without a sort key, and their indexes of the same form."""

    def __init__(self) -> None:
        self._keys: dict[str, str] = {}
        self._items: dict[str, dict[str, Item]] = {}
        self._indexes: dict[str, Mapping[str, str]] = {}

    def create(self, name: str, key: str, indexes: Mapping[str, str] | None = None) -> None:
        """Create a table whose partition key is the string attribute `key`.

        Args:
            indexes: the key of each global secondary index, by its name. Items without its key are not in it.
        """
        self._keys[name], self._items[name], self._indexes[name] = key, {}, indexes or {}

    def query(self, params: Params) -> dict[str, Any]:
        """Answer Query on an index, with the items whose key is the given one, by pages of 1 MB.

        DynamoDB Developer Guide, "Paginating table query results". The index is never behind here.
        """
        name = params["TableName"]
        if name not in self._items or params["IndexName"] not in self._indexes[name]:
            raise AwsError("ResourceNotFoundException", f"no table {name} with the index {params['IndexName']}")
        key, given = self._indexes[name][params["IndexName"]], _given(params)
        if not re.search(rf"(?<![#:\w]){key}\b", params["KeyConditionExpression"]) and key not in given.names.values():
            raise AwsError("ValidationException", f"Query condition missed key schema element: {key}")
        meets = read_condition(params["KeyConditionExpression"])
        check_given(given, params["KeyConditionExpression"])
        found = sorted(
            ((one, item) for one, item in self._items[name].items() if key in item and meets(item, given)),
            key=lambda pair: pair[0],
        )
        after = params.get("ExclusiveStartKey", {}).get(self._keys[name], {}).get("S", "")
        page: list[Item] = []
        size = 0
        for one, item in found:
            if one <= after:
                continue
            if size >= LARGEST_PAGE:
                last = {attribute: page[-1][attribute] for attribute in (self._keys[name], key)}
                return {"Items": page, "Count": len(page), "LastEvaluatedKey": _copy(last)}
            page.append(_copy(item))
            size += _size(item)
        return {"Items": page, "Count": len(page)}

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
        items[key] = self._kept(params, _copy(params["Item"]))
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
        items[key] = self._kept(params, _copy(after))
        which = params.get("ReturnValues", "")
        returned = {"ALL_NEW": after.keys(), "UPDATED_NEW": written}.get(which, ())
        shown = _copy({name: value for name, value in after.items() if name in returned})
        if which == "ALL_OLD":
            shown = _copy(before or _EMPTY)
        return {"Attributes": shown} if shown else {}

    def _table(self, params: Params, attributes: Item) -> tuple[dict[str, Item], str]:
        """Return the items of the call's table, and the key of the item that it is for."""
        name = params["TableName"]
        if name not in self._items:
            raise AwsError("ResourceNotFoundException", f"no table {name}")
        if "Key" in params and len(attributes) > 1:
            raise AwsError("ValidationException", "The provided key element does not match the schema")
        return self._items[name], key_of(attributes, self._keys[name])

    def _kept(self, params: Params, item: dict[str, Any]) -> dict[str, Any]:
        """Return an item if DynamoDB keeps such a one in the call's table."""
        check_values(item)
        check_indexed(item, self._indexes[params["TableName"]].values())
        return _bounded(item)


def _given(params: Params) -> Given:
    check_values(values := params.get("ExpressionAttributeValues", {}))
    return Given(params.get("ExpressionAttributeNames", {}), values)


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
    size = _size(item)
    if size > LARGEST_ITEM:
        raise AwsError("ValidationException", f"Item size has exceeded the maximum allowed size: {size} bytes")
    return item


def _size(item: Item) -> int:
    return sum(len(name.encode()) + sum(_sizes(value)) for name, value in item.items())


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
