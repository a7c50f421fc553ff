"""The order of a group's types, as AWS describes it, and as it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from steady.aws.capacity.type_order import OrderHasChanged, order_of, set_order
from steady.aws.runtime import Runtime
from steady.pools import PoolKind, PoolName

GROUP = PoolName(PoolKind.AUTO_SCALING_GROUP, "web")
LARGE = {"InstanceType": "m5.large", "WeightedCapacity": "1"}
XLARGE = {"InstanceType": "m5.xlarge", "WeightedCapacity": "2"}
OWN_TEMPLATE = {"LaunchTemplateId": "lt-2", "LaunchTemplateName": "arm", "Version": "4"}
ARM = {"InstanceType": "m6g.xlarge", "WeightedCapacity": "2", "LaunchTemplateSpecification": OWN_TEMPLATE}
DISTRIBUTION = {"OnDemandAllocationStrategy": "prioritized", "OnDemandPercentageAboveBaseCapacity": 100}
POLICY: dict[str, Any] = {
    "LaunchTemplate": {
        "LaunchTemplateSpecification": {"LaunchTemplateId": "lt-1", "LaunchTemplateName": "web", "Version": "$Latest"},
        "Overrides": [LARGE, XLARGE, ARM],
    },
    "InstancesDistribution": DISTRIBUTION,
}
ORDER = ("m5.large", "m5.xlarge", "m6g.xlarge")
REQUIREMENTS = {"InstanceRequirements": {"VCpuCount": {"Min": 2}, "MemoryMiB": {"Min": 4096}}}


@pytest.mark.parametrize(
    ("distribution", "overrides", "order"),
    [
        ({}, [LARGE, XLARGE], ("m5.large", "m5.xlarge")),
        ({"OnDemandAllocationStrategy": "lowest-price"}, [LARGE, XLARGE], ()),
        ({"OnDemandPercentageAboveBaseCapacity": 50}, [LARGE, XLARGE], ()),
        ({"DistributionSegments": [{"Percentage": 50}]}, [LARGE, XLARGE], ()),
        ({"OnDemandAllocationStrategy": "lowest-price"}, [REQUIREMENTS], ()),
        ({}, [REQUIREMENTS], ()),
        ({}, [], ()),
    ],
)
def test_only_a_group_of_on_demand_instances_with_named_types_has_an_order(
    distribution: Mapping[str, Any], overrides: list[Mapping[str, Any]], order: tuple[str, ...]
) -> None:
    assert order_of({"LaunchTemplate": {"Overrides": overrides}, "InstancesDistribution": distribution}) == order


class Group:
    """A client of Auto Scaling with one group, which keeps what it is sent."""

    def __init__(self, policy: Mapping[str, Any]) -> None:
        self.policy = policy
        self.sent: list[dict[str, Any]] = []

    def describe_auto_scaling_groups(self, **_: Any) -> dict[str, Any]:
        return {"AutoScalingGroups": [{"AutoScalingGroupName": "web", "MixedInstancesPolicy": self.policy}]}

    def update_auto_scaling_group(self, **params: Any) -> None:
        self.sent.append(params)


def with_group(runtime: Runtime, policy: Mapping[str, Any] = POLICY) -> Group:
    group = Group(policy)
    runtime.__dict__["autoscaling"] = group
    return group


def test_the_policy_is_sent_as_it_is_in_another_order_and_each_template_by_its_id_alone(runtime: Runtime) -> None:
    group = with_group(runtime)

    set_order(runtime, GROUP, ORDER, ("m6g.xlarge", "m5.large", "m5.xlarge"), 7)

    [sent] = group.sent
    assert sent["DesiredCapacity"] == 7
    assert sent["MixedInstancesPolicy"] == {
        "LaunchTemplate": {
            "LaunchTemplateSpecification": {"LaunchTemplateId": "lt-1", "Version": "$Latest"},
            "Overrides": [
                {**ARM, "LaunchTemplateSpecification": {"LaunchTemplateId": "lt-2", "Version": "4"}},
                LARGE,
                XLARGE,
            ],
        },
        "InstancesDistribution": DISTRIBUTION,
    }


def test_the_desired_capacity_is_sent_only_with_a_larger_target(runtime: Runtime) -> None:
    group = with_group(runtime)

    set_order(runtime, GROUP, ORDER, ("m5.xlarge", "m5.large", "m6g.xlarge"), None)

    assert [set(sent) for sent in group.sent] == [{"AutoScalingGroupName", "MixedInstancesPolicy"}]


@pytest.mark.parametrize(
    "overrides", [[XLARGE, LARGE], [LARGE, XLARGE, ARM, {"InstanceType": "c5.large"}], [REQUIREMENTS]]
)
def test_an_order_that_was_changed_since_it_was_read_is_left_as_it_is(
    runtime: Runtime, overrides: list[Mapping[str, Any]]
) -> None:
    template = {**POLICY["LaunchTemplate"], "Overrides": overrides}
    group = with_group(runtime, {**POLICY, "LaunchTemplate": template})

    with pytest.raises(OrderHasChanged, match="the types of auto-scaling-group:web are"):
        set_order(runtime, GROUP, ORDER, ("m5.xlarge", "m5.large", "m6g.xlarge"), 7)

    assert group.sent == []
