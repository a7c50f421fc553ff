"""SSM parameters with their history."""

from __future__ import annotations

from typing import Any

from simulator.endpoint import Params
from simulator.errors import AwsError

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
