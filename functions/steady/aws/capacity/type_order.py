"""The order of a group's types: the overrides of its mixed instances policy, which it launches from first to last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_autoscaling.type_defs import MixedInstancesPolicyTypeDef

    from steady.aws.runtime import Runtime
    from steady.pools import PoolName


class OrderHasChanged(Exception):
    """Somebody has changed the group's types, or their order, since it was read. Theirs was kept."""


def order_of(policy: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the types of a group of on-demand instances in the order in which it launches them; else nothing.

    Auto Scaling API, InstancesDistribution: `prioritized` is the default where the overrides name types, and
    OnDemandPercentageAboveBaseCapacity is 100 by default. `lowest-price` and all strategies for Spot choose by price
    and capacity; distribution segments stand in place of base and share.
    """
    distribution = policy.get("InstancesDistribution", {})
    overrides = policy.get("LaunchTemplate", {}).get("Overrides", [])
    in_order = distribution.get("OnDemandAllocationStrategy", "prioritized") == "prioritized"
    is_on_demand = distribution.get("OnDemandPercentageAboveBaseCapacity", 100) == 100
    if not in_order or not is_on_demand or distribution.get("DistributionSegments"):
        return ()
    types = tuple(str(one.get("InstanceType", "")) for one in overrides)
    # Which of two overrides of one type comes first says nothing of the type.
    return types if all(types) and len(set(types)) == len(types) else ()


def set_order(
    runtime: Runtime, name: PoolName, before: Sequence[str], order: Sequence[str], target: int | None
) -> None:
    """Let the group launch its types in `order` from now on, and ask it for `target` units. A repeat changes nothing.

    Both are set by one call, so that no instance is launched in the old order. The call has no condition, so the policy
    is read just before, and sent as it is then, in another order. What runs stays: "When you update the launch template
    or overrides [...], existing Amazon EC2 instances continue to run" (Auto Scaling API, LaunchTemplate).

    Args:
        before: the order that was decided from.
        target: None: the desired capacity stays as it is.

    Raises:
        OrderHasChanged: if the group has neither order now. Nothing was changed then.
    """
    [group] = runtime.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name.name])["AutoScalingGroups"]
    policy: Any = group.get("MixedInstancesPolicy", {})
    there = order_of(policy)
    if there not in (tuple(before), tuple(order)):
        raise OrderHasChanged(f"the types of {name} are {', '.join(there) or 'in no order'} now")
    template = policy["LaunchTemplate"]
    overrides = {one["InstanceType"]: _sendable(one) for one in template["Overrides"]}
    turned: MixedInstancesPolicyTypeDef = {
        "LaunchTemplate": {
            "LaunchTemplateSpecification": _sendable(template)["LaunchTemplateSpecification"],
            "Overrides": [overrides[type_] for type_ in order],
        },
        "InstancesDistribution": policy.get("InstancesDistribution", {}),
    }
    if target is None:
        runtime.autoscaling.update_auto_scaling_group(AutoScalingGroupName=name.name, MixedInstancesPolicy=turned)
    else:
        runtime.autoscaling.update_auto_scaling_group(
            AutoScalingGroupName=name.name, DesiredCapacity=target, MixedInstancesPolicy=turned
        )


def _sendable(described: Mapping[str, Any]) -> Any:
    """Return what is described with a launch template, as it can be sent.

    Auto Scaling describes a template by its id and its name, and takes one of them (API, LaunchTemplateSpecification).
    """
    template = described.get("LaunchTemplateSpecification")
    if not template or "LaunchTemplateId" not in template:
        return dict(described)
    one_name = {key: value for key, value in template.items() if key != "LaunchTemplateName"}
    return {**described, "LaunchTemplateSpecification": one_name}
