"""The mixed instances policy and the tags of an Auto Scaling group: as they are described, and as they are changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from simulator.auto_scaling_group import AutoScalingGroup
from simulator.endpoint import Params
from simulator.errors import AwsError
from simulator.launch_templates import VERSION_TAG

NAMES_A_CALL = 50


def named_groups(params: Params) -> Sequence[str]:
    """Return the names that DescribeAutoScalingGroups is asked for.

    Auto Scaling API: "By default, you can only specify up to 50 names. You can optionally increase this limit using the
    MaxRecords property."
    """
    names, most = params.get("AutoScalingGroupNames", ()), params.get("MaxRecords", NAMES_A_CALL)
    if len(names) > most:
        raise AwsError("ValidationError", f"{len(names)} names: up to {most} are needed")
    return tuple(names)


def described_group(group: AutoScalingGroup) -> dict[str, Any]:
    """Return what DescribeAutoScalingGroups shows of a group."""
    return {
        "AutoScalingGroupName": group.name,
        "CreatedTime": datetime.fromtimestamp(0, UTC),
        "MinSize": group.minimum,
        "MaxSize": group.maximum,
        "DesiredCapacity": group.desired,
        "DefaultCooldown": 300,
        "HealthCheckType": "EC2",
        "TargetGroupARNs": list(group.target_groups),
        "AvailabilityZones": list(group.zones),
        "SuspendedProcesses": [{"ProcessName": name} for name in sorted(group.suspended)],
        "Tags": described_tags(group),
        **({} if group.overrides else {"LaunchTemplate": described_template(group)}),
        **described_policy(group),
        **({"DesiredCapacityType": group.unit} if group.unit != "units" else {}),
        "Instances": [
            {
                "InstanceId": i.id,
                "InstanceType": i.instance_type,
                "AvailabilityZone": i.zone,
                **({"WeightedCapacity": str(group.weight(i.instance_type))} if group.named else {}),
                "LifecycleState": group.state_of(i),
                "HealthStatus": "Healthy",
                "ProtectedFromScaleIn": False,
                # Of an instance, the version is its number.
                "LaunchTemplate": {**described_template(group), "Version": i.tags.get(VERSION_TAG, "1")},
            }
            for i in group.members.values()
        ],
    }


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
                "LaunchTemplateSpecification": described_template(group),
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


def described_template(group: AutoScalingGroup) -> dict[str, Any]:
    """Return the launch template and its version, as the group names it."""
    return {
        "LaunchTemplateId": group.template,
        "LaunchTemplateName": group.name,
        "Version": group.template_version,
    }


def described_tags(group: AutoScalingGroup) -> list[dict[str, Any]]:
    """Return the tags that DescribeAutoScalingGroups shows."""
    return [{"Key": key, "Value": value, "ResourceId": group.name} for key, value in group.tags.items()]


def changed_by(group: AutoScalingGroup, params: Params) -> None:
    """Change the group as UpdateAutoScalingGroup says.

    "Any properties that you don't specify are not changed" (Auto Scaling API). That holds within an
    InstancesDistribution, too: a base that was left out stayed (hashicorp/terraform-provider-aws, issue 12250).

    "When you update the launch template or overrides in the UpdateAutoScalingGroup API call, existing Amazon EC2
    instances continue to run. When scaling out occurs, [it] launches instances to match the new settings" (API,
    LaunchTemplate).

    "If a new value for MinSize is specified without setting a value for DesiredCapacity, and the new MinSize is larger
    than the current size of the group, this sets the group's DesiredCapacity to the new MinSize value", and so for a
    smaller MaxSize (API, UpdateAutoScalingGroup).

    Raises:
        AwsError: if AWS refuses the change. Nothing is changed then.
    """
    minimum, maximum = params.get("MinSize", group.minimum), params.get("MaxSize", group.maximum)
    if minimum > maximum:
        raise AwsError("ValidationError", "Max bound must be greater than or equal to min bound")
    moved = {"MinSize", "MaxSize"} & params.keys()
    desired = params.get("DesiredCapacity", min(maximum, max(minimum, group.desired)) if moved else group.desired)
    if not minimum <= desired <= maximum:
        raise AwsError("ValidationError", f"Desired capacity:{desired} must be between the group's bounds")
    policy = params.get("MixedInstancesPolicy", {})
    base, percent = _distribution(group, policy)
    if base > maximum:
        # The words are those of AWS (hashicorp/terraform-provider-aws, issue 7938).
        message = f"Max bound, {maximum}, must be greater than or equal to OnDemandBaseCapacity, {base}."
        raise AwsError("ValidationError", message)
    if "LaunchTemplate" in policy:
        _change_template(group, policy["LaunchTemplate"])
    group.desired, group.minimum, group.maximum = desired, minimum, maximum
    group.on_demand_base, group.on_demand_percent = base, percent


def _change_template(group: AutoScalingGroup, template: Params) -> None:
    """Take the launch template and the overrides as they are given: these replace those that were there.

    Auto Scaling API, LaunchTemplateSpecification: "You must specify either a LaunchTemplateId or a LaunchTemplateName";
    one that names a template by both, as it is described, is refused (aws/aws-cli, issue 7281). That a request without
    a template changes the overrides alone, no document says: it is refused.
    """
    named = template.get("LaunchTemplateSpecification", {})
    if ("LaunchTemplateId" in named) == ("LaunchTemplateName" in named):
        raise AwsError("ValidationError", "Valid requests must contain either launchTemplateId or LaunchTemplateName")
    overrides = template.get("Overrides", [])
    types = [one["InstanceType"] for one in overrides]
    if len(set(types)) < len(types):
        raise AwsError("ValidationError", "Duplicate instance types are not allowed in the overrides")
    group.template_version = named.get("Version", "$Default")
    group.overrides = {one["InstanceType"]: int(one.get("WeightedCapacity", 1)) for one in overrides}


def _distribution(group: AutoScalingGroup, policy: Params) -> tuple[int, int]:
    """Return the base and the percentage that a policy, which may be sent in part, leaves the group with.

    A launch template is "required when creating a mixed instances policy" and "not required when updating the group"
    (older text of the same API, MixedInstancesPolicy).
    """
    if policy and not group.overrides and "LaunchTemplate" not in policy:
        raise AwsError("ValidationError", "Valid requests must contain either launchTemplateId or LaunchTemplateName")
    distribution = policy.get("InstancesDistribution", {})
    return (
        distribution.get("OnDemandBaseCapacity", group.on_demand_base),
        distribution.get("OnDemandPercentageAboveBaseCapacity", group.on_demand_percent),
    )


class GroupTags:
    """The calls that change the tags of groups."""

    def __init__(self, groups: Mapping[str, AutoScalingGroup]) -> None:
        self.groups = groups

    def create_or_update_tags(self, params: Params) -> dict[str, Any]:
        for tag in params["Tags"]:
            if tag["Key"].startswith("aws:"):
                # Auto Scaling User Guide, "Tag Auto Scaling groups and instances": the prefix is reserved.
                raise AwsError("ValidationError", "aws: prefixed tag key names are not allowed for external use.")
            self._of(tag)[tag["Key"]] = tag.get("Value", "")
        return {}

    def delete_tags(self, params: Params) -> dict[str, Any]:
        for tag in params["Tags"]:
            self._of(tag).pop(tag["Key"], None)
        return {}

    def _of(self, tag: Params) -> dict[str, str]:
        if tag["ResourceId"] not in self.groups or tag["ResourceType"] != "auto-scaling-group":
            raise AwsError("ValidationError", f"Group {tag['ResourceId']} not found.")
        return self.groups[tag["ResourceId"]].tags
