"""The mixed instances policy of an Auto Scaling group: as it is described, and as it is changed."""

from __future__ import annotations

from typing import Any

from simulator.auto_scaling_group import AutoScalingGroup
from simulator.endpoint import Params
from simulator.errors import AwsError


def described_policy(group: AutoScalingGroup) -> dict[str, Any]:
    """Return what DescribeAutoScalingGroups shows of how the group buys; nothing of a group of one type."""
    if not group.overrides:
        return {}
    overrides: list[dict[str, Any]] = [
        {"InstanceType": t, "WeightedCapacity": str(n)} for t, n in group.overrides.items()
    ]
    if not group.named:
        overrides = [{"InstanceRequirements": {"VCpuCount": {"Min": 1}, "MemoryMiB": {"Min": 1}}}]
    return {
        "CapacityRebalance": group.capacity_rebalance,
        "MixedInstancesPolicy": {
            "LaunchTemplate": {"Overrides": overrides},
            "InstancesDistribution": {
                "OnDemandAllocationStrategy": "prioritized",
                "OnDemandBaseCapacity": group.on_demand_base,
                "OnDemandPercentageAboveBaseCapacity": group.on_demand_percent,
                "SpotAllocationStrategy": "price-capacity-optimized",
            },
        },
    }


def changed_by(group: AutoScalingGroup, params: Params) -> None:
    """Change the group as UpdateAutoScalingGroup says.

    "Any properties that you don't specify are not changed" (Auto Scaling API). Of an InstancesDistribution that is
    given, each value that is left out has its default (older text of the same API, MixedInstancesPolicy): the base is 0
    and the percentage 100.
    """
    desired = params.get("DesiredCapacity", group.desired)
    if not group.minimum <= desired <= group.maximum:
        raise AwsError("ValidationError", f"Desired capacity:{desired} must be between the group's bounds")
    group.desired = desired
    distribution = params.get("MixedInstancesPolicy", {}).get("InstancesDistribution")
    if distribution is not None:
        group.on_demand_base = distribution.get("OnDemandBaseCapacity", 0)
        group.on_demand_percent = distribution.get("OnDemandPercentageAboveBaseCapacity", 100)
