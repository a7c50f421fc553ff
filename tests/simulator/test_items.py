"""The simulated DynamoDB keeps, and refuses, the items that moto and DynamoDB's documents do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from simulator.dynamodb.tables import Tables
from simulator.errors import AwsError

KEY = {"id": {"S": "1"}}
# DynamoDB Developer Guide, "Quotas" and "Data types"; API Reference, AttributeValue.
REFUSED = (
    {"id": {"S": ""}},
    {"id": {"N": "1"}},
    {"id": {"S": 2049 * "k"}},
    {**KEY, "v": {"N": "abc"}},
    {**KEY, "v": {"N": "NaN"}},
    {**KEY, "v": {"N": "Infinity"}},
    {**KEY, "v": {"N": 39 * "1"}},
    {**KEY, "v": {"N": "1e126"}},
    {**KEY, "v": {"SS": []}},
    {**KEY, "v": {"SS": ["a", "a"]}},
    {**KEY, "v": {"M": {"x": {"N": "abc"}}}},
    {**KEY, "v": {"L": [{"N": "abc"}]}},
    {**KEY, "c": {"S": ""}},
    {**KEY, "c": {"N": "1"}},
    {**KEY, "v": {"S": 400 * 1024 * "x"}},
)
KEPT = (
    {**KEY, "v": {"S": ""}},
    {**KEY, "v": {"N": 38 * "1"}},
    {**KEY, "v": {"N": "1767225600.123456"}},
    {**KEY, "v": {"N": "0"}},
    {**KEY, "v": {"L": [{"N": "1"}, {"S": ""}]}},
    {**KEY, "c": {"S": "x"}},
    {"id": {"S": 2048 * "k"}},
)


@pytest.fixture
def tables() -> Tables:
    tables = Tables()
    tables.create("t", "id", {"by-c": "c"})
    return tables


@pytest.mark.parametrize("item", REFUSED, ids=lambda item: str(item)[:60])
def test_what_dynamodb_does_not_keep_is_refused(tables: Tables, item: Mapping[str, Any]) -> None:
    with pytest.raises(AwsError, match="ValidationException"):
        tables.put_item({"TableName": "t", "Item": item})


@pytest.mark.parametrize("item", KEPT, ids=lambda item: str(item)[:60])
def test_what_dynamodb_keeps_is_read_as_it_was_written(tables: Tables, item: Mapping[str, Any]) -> None:
    tables.put_item({"TableName": "t", "Item": item})

    assert tables.get_item({"TableName": "t", "Key": {"id": item["id"]}}) == {"Item": item}


@pytest.mark.parametrize("value", [{"N": "inf"}, {"SS": []}])
def test_an_update_with_a_value_that_is_none_is_refused(tables: Tables, value: Mapping[str, Any]) -> None:
    with pytest.raises(AwsError, match="ValidationException"):
        tables.update_item(
            {
                "TableName": "t",
                "Key": KEY,
                "UpdateExpression": "SET v = :v",
                "ExpressionAttributeValues": {":v": value},
            }
        )


def test_a_key_with_another_attribute_is_refused(tables: Tables) -> None:
    with pytest.raises(AwsError, match="does not match the schema"):
        tables.get_item({"TableName": "t", "Key": {**KEY, "c": {"S": "x"}}})


def test_a_query_of_an_index_names_its_key(tables: Tables) -> None:
    given = {"ExpressionAttributeValues": {":x": {"S": "x"}}}

    with pytest.raises(AwsError, match="missed key schema element"):
        tables.query({"TableName": "t", "IndexName": "by-c", "KeyConditionExpression": "v = :x", **given})
