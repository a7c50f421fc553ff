"""Auto Scaling's instance refreshes, as far as they are described: the account carries out none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulator.auto_scaling_group import AutoScalingGroup
from simulator.endpoint import Action, Params
from simulator.errors import AwsError

# Auto Scaling API, DescribeInstanceRefreshes: "The default value is 50 and the maximum value is 100."
MOST_RECORDS = 100


class InstanceRefreshes:
    """The calls, by the names of their actions."""

    def __init__(self, groups: Mapping[str, AutoScalingGroup]) -> None:
        self.groups = groups

    def actions(self) -> dict[str, Action]:
        return {"autoscaling:DescribeInstanceRefreshes": self.describe}

    def describe(self, params: Params) -> dict[str, Any]:
        """Describe the refreshes of a group, the latest first: here, that one alone, for any MaxRecords."""
        name = params["AutoScalingGroupName"]
        if name not in self.groups:
            raise AwsError("ValidationError", f"AutoScalingGroup name not found - no such group: {name}")
        status, most = self.groups[name].refresh, params.get("MaxRecords", 50)
        if not 1 <= most <= MOST_RECORDS:
            raise AwsError("ValidationError", f"MaxRecords is {most}: 1 to {MOST_RECORDS} is needed")
        found = [{"InstanceRefreshId": f"refresh-{name}", "AutoScalingGroupName": name, "Status": status}]
        return {"InstanceRefreshes": found if status else []}
