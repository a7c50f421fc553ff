"""SSM parameters with their history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from simulator.clients import REGION
from simulator.endpoint import ACCOUNT_ID, Params
from simulator.errors import AwsError, NotSimulated
from simulator.paging import numbered_page

# SSM API: the most parameters in one answer of GetParametersByPath, and the most versions in one of
# GetParameterHistory.
PARAMETERS_A_PAGE, VERSIONS_A_PAGE = 10, 50
# SSM User Guide, "Working with parameter versions": the oldest of 100 versions is deleted for a new one.
VERSIONS_KEPT = 100


@dataclass(frozen=True, slots=True)
class ParameterVersion:
    """One version of a parameter. `at` is when it was put, in seconds since the epoch."""

    number: int
    value: str
    at: float


class ParameterStore:
    """SSM Parameter Store. `versions` has those of each parameter that are kept, the oldest first."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.versions: dict[str, list[ParameterVersion]] = {}
        self._now = now

    def put(self, name: str, value: str | int) -> None:
        """Add a version to the parameter `name`."""
        versions = self.versions.setdefault(name, [])
        number = versions[-1].number + 1 if versions else 1
        versions.append(ParameterVersion(number, str(value), self._now()))
        del versions[:-VERSIONS_KEPT]

    def get_parameters_by_path(self, params: Params) -> dict[str, Any]:
        if not params["Path"].startswith("/"):
            # SSM API, GetParametersByPath: "Hierarchies start with a forward slash (/)."
            raise AwsError("ValidationException", f"The path {params['Path']} does not begin with a slash")
        path = params["Path"].rstrip("/") + "/"
        names = sorted(n for n in self.versions if n.startswith(path))
        if not params.get("Recursive"):
            names = [n for n in names if "/" not in n.removeprefix(path)]
        found = [_parameter(n, self.versions[n][-1]) for n in names]
        return _page(found, params, PARAMETERS_A_PAGE)

    def get_parameter(self, params: Params) -> dict[str, Any]:
        return {"Parameter": _parameter(params["Name"], self._of(params["Name"])[-1])}

    def get_parameter_history(self, params: Params) -> dict[str, Any]:
        found = [
            {**_version(params["Name"], one), "LastModifiedUser": f"arn:aws:iam::{ACCOUNT_ID}:user/operator"}
            for one in self._of(params["Name"])
        ]
        return _page(found, params, VERSIONS_A_PAGE)

    def _of(self, name: str) -> list[ParameterVersion]:
        if ":" in name:
            # SSM API, GetParameter: `name:version`, `name:label`, or an ARN.
            raise NotSimulated(f"the parameter {name} by its version, label or ARN")
        if name not in self.versions:
            raise AwsError("ParameterNotFound", f"Parameter {name} not found.")
        return self.versions[name]


def _page(found: list[dict[str, Any]], params: Params, most: int) -> dict[str, Any]:
    return numbered_page(
        "Parameters", found, params, size_name="MaxResults", default=most, most=most, code="ValidationException"
    )


def _parameter(name: str, version: ParameterVersion) -> dict[str, Any]:
    """Return a parameter as the SSM API describes it. Its ARN has the name after one slash."""
    arn = f"arn:aws:ssm:{REGION}:{ACCOUNT_ID}:parameter/{name.removeprefix('/')}"
    return {**_version(name, version), "ARN": arn}


def _version(name: str, version: ParameterVersion) -> dict[str, Any]:
    return {
        "Name": name,
        "Type": "String",
        "Value": version.value,
        "Version": version.number,
        "LastModifiedDate": datetime.fromtimestamp(version.at, UTC),
        "DataType": "text",
    }
