"""SSM parameters with their history, and DynamoDB tables (in moto's backend, which evaluates real expressions)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from simulator.endpoint import ACCOUNT_ID, REGION, Params
from simulator.errors import NOTHING, AwsError

# SSM: the most parameters in one answer of GetParametersByPath.
PARAMETERS_A_PAGE = 10


class ParameterStore:
    """SSM Parameter Store. `versions` are the values of each parameter, the oldest first."""

    def __init__(self) -> None:
        self.versions: dict[str, list[str]] = {}

    def put(self, name: str, value: str | int) -> None:
        """Add a version to the parameter `name`."""
        self.versions.setdefault(name, []).append(str(value))

    def get_parameters_by_path(self, params: Params) -> dict[str, Any]:
        size = params.get("MaxResults", PARAMETERS_A_PAGE)
        if not 1 <= size <= PARAMETERS_A_PAGE:
            raise AwsError("ValidationException", f"maxResults is {size}: 1 to {PARAMETERS_A_PAGE} is needed")
        path = params["Path"].rstrip("/") + "/"
        names = sorted(n for n in self.versions if n.startswith(path))
        if not params.get("Recursive"):
            names = [n for n in names if "/" not in n.removeprefix(path)]
        start = int(params.get("NextToken", 0))
        page: dict[str, Any] = {
            "Parameters": [
                {"Name": n, "Type": "String", "Value": self.versions[n][-1], "Version": len(self.versions[n])}
                for n in names[start : start + size]
            ]
        }
        if start + size < len(names):
            page["NextToken"] = str(start + size)
        return page

    def get_parameter(self, params: Params) -> dict[str, Any]:
        versions = self.versions.get(params["Name"])
        if versions is None:
            raise AwsError("ParameterNotFound", f"Parameter {params['Name']} not found.")
        return {"Parameter": {"Name": params["Name"], "Value": versions[-1], "Version": len(versions)}}

    def get_parameter_history(self, params: Params) -> dict[str, Any]:
        versions = self.versions.get(params["Name"])
        if versions is None:
            raise AwsError("ParameterNotFound", f"Parameter {params['Name']} not found.")
        return {
            "Parameters": [
                {"Name": params["Name"], "Value": value, "Version": number}
                for number, value in enumerate(versions, start=1)
            ]
        }


class Tables:
    """DynamoDB tables."""

    def __init__(self) -> None:
        # Imported here because the import takes most of a second.
        from moto.dynamodb.models import DynamoDBBackend

        self._backend = DynamoDBBackend(REGION, ACCOUNT_ID)

    def create(self, name: str, key: str) -> None:
        """Create a table whose partition key is the string attribute `key`."""
        self._backend.create_table(
            name=name,
            schema=[{"AttributeName": key, "KeyType": "HASH"}],
            attr=[{"AttributeName": key, "AttributeType": "S"}],
            throughput=None,
            global_indexes=None,
            indexes=None,
            streams=None,
            billing_mode="PAY_PER_REQUEST",
            sse_specification=None,
            tags=[],
            deletion_protection_enabled=False,
            warm_throughput=None,
        )

    def get_item(self, params: Params) -> dict[str, Any]:
        item = self._backend.get_item(params["TableName"], params["Key"])
        return {"Item": item.to_json()["Attributes"]} if item else {}

    def put_item(self, params: Params) -> dict[str, Any]:
        with _refusals():
            self._backend.put_item(
                params["TableName"],
                params["Item"],
                condition_expression=params.get("ConditionExpression"),
                expression_attribute_names=params.get("ExpressionAttributeNames", {}),
                expression_attribute_values=params.get("ExpressionAttributeValues", {}),
            )
        return {}

    def update_item(self, params: Params) -> dict[str, Any]:
        old = params.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and self.get_item(params)
        with _refusals(old or {}):
            item = self._backend.update_item(
                params["TableName"],
                params["Key"],
                params["UpdateExpression"],
                params.get("ExpressionAttributeNames", {}),
                params.get("ExpressionAttributeValues", {}),
                condition_expression=params.get("ConditionExpression"),
            )
        new = item.to_json()["Attributes"]
        if params.get("ReturnValues") == "ALL_NEW":
            return {"Attributes": new}
        new = new if params.get("ReturnValues") == "UPDATED_NEW" else {}
        changed = params.get("ExpressionAttributeNames", {}).values()
        return {"Attributes": {name: value for name, value in new.items() if name in changed}} if new else {}


@contextmanager
def _refusals(old: Params = NOTHING) -> Iterator[None]:
    """Turn moto's errors into `AwsError`. `old`: the item before the call, if the caller asked for it."""
    from moto.dynamodb.exceptions import ConditionalCheckFailed, MockValidationException

    try:
        yield
    except ConditionalCheckFailed as error:
        raise AwsError("ConditionalCheckFailedException", "The conditional request failed", more=old) from error
    except MockValidationException as error:
        raise AwsError("ValidationException", str(error)) from error
