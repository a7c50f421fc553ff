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
            "LaunchTemplate": {
                "LaunchTemplateSpecification": {
                    "LaunchTemplateId": f"lt-{group.name}",
                    "LaunchTemplateName": group.name,
                    "Version": group.template_version,
                },
                "Overrides": overrides,
            },
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

    "When you update the launch template or overrides in the UpdateAutoScalingGroup API call, existing Amazon EC2
    instances continue to run. When scaling out occurs, [it] launches instances to match the new settings" (API,
    LaunchTemplate).
    """
    desired = params.get("DesiredCapacity", group.desired)
    if not group.minimum <= desired <= group.maximum:
        raise AwsError("ValidationError", f"Desired capacity:{desired} must be between the group's bounds")
    group.desired = desired
    if "LaunchTemplate" in params.get("MixedInstancesPolicy", {}):
        _change_template(group, params["MixedInstancesPolicy"]["LaunchTemplate"])
    distribution = params.get("MixedInstancesPolicy", {}).get("InstancesDistribution")
    if distribution is not None:
        group.on_demand_base = distribution.get("OnDemandBaseCapacity", 0)
        group.on_demand_percent = distribution.get("OnDemandPercentageAboveBaseCapacity", 100)


def _change_template(group: AutoScalingGroup, template: Params) -> None:
    """Take the launch template and the overrides as they are given: these replace those that were there.

    Auto Scaling API, LaunchTemplateSpecification: "You must specify either a LaunchTemplateId or a LaunchTemplateName";
    "Valid requests must contain" one of them. That a request without a template changes the overrides alone, no
    document says: it is refused.
    """
    named = template.get("LaunchTemplateSpecification", {})
    if ("LaunchTemplateId" in named) == ("LaunchTemplateName" in named):
        raise AwsError("ValidationError", "Valid requests must contain either launchTemplateId or launchTemplateName")
    overrides = template.get("Overrides", [])
    types = [one["InstanceType"] for one in overrides]
    if len(set(types)) < len(types):
        raise AwsError("ValidationError", "Duplicate instance types are not allowed in the overrides")
    group.template_version = named.get("Version", "$Default")
    group.overrides = {one["InstanceType"]: int(one.get("WeightedCapacity", 1)) for one in overrides}
