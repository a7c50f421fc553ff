"""How the instances of an Auto Scaling group are bought: on Spot, or on-demand as the base of its mixed policy."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from steady.aws.capacity.ec2_instances import known_origins, read_origins
from steady.aws.capacity.on_demand_mark import mark, mark_in, owners_part
from steady.aws.runtime import Runtime
from steady.names import BASE_TAG
from steady.pools import Pool, PoolName, Purchase

if TYPE_CHECKING:
    from mypy_boto3_autoscaling.type_defs import AutoScalingGroupTypeDef, MixedInstancesPolicyTypeDef, TagTypeDef


def with_spot(runtime: Runtime, pool: Pool, group: AutoScalingGroupTypeDef) -> Pool:
    """Return `pool` with the traits and the on-demand part of a group that launches Spot Instances; else as it is.

    A group whose policy wants a share of on-demand instances above its base keeps that share: it is not given more of
    them while Spot is short, and its base is what its owner wants.
    """
    distribution = group.get("MixedInstancesPolicy", {}).get("InstancesDistribution", {})
    # Auto Scaling API, InstancesDistribution: 100 by default. Distribution segments stand in place of base and share.
    percent = distribution.get("OnDemandPercentageAboveBaseCapacity", 100)
    segments = distribution.get("DistributionSegments")
    if percent == 100 and not segments:
        return pool
    may_fall_back = percent == 0 and not segments
    base, owners = (distribution.get("OnDemandBaseCapacity", 0), owners_base(group)) if not segments else (0, 0)
    bought = _purchases(runtime, pool.name, {*pool.members, *pool.waiting})
    on_demand = {id_ for id_, how in bought.items() if how is Purchase.ON_DEMAND}
    for id_ in sorted(set(pool.members) - set(bought)):
        # One that EC2 does not describe yet: the base is launched first.
        if pool.units(on_demand) < base:
            on_demand.add(id_)
    return replace(
        pool,
        on_demand=base,
        on_demand_floor=owners,
        has_stale_mark=base == owners and bool(mark_in(group.get("Tags", []))),
        on_demand_members=frozenset(on_demand),
        may_fall_back=may_fall_back,
        own_traits=replace(
            pool.traits,
            purchase=Purchase.SPOT,
            has_on_demand_part=True,
            keeps_to_its_parts=True,
            # Auto Scaling User Guide, "Capacity Rebalancing": with it, the replacement is launched at the notice.
            replaces_only_once_gone=not group.get("CapacityRebalance", False),
        ),
    )


def owners_base(group: AutoScalingGroupTypeDef) -> int:
    """Return the on-demand base that the owner of the group wants, in units."""
    base = group["MixedInstancesPolicy"]["InstancesDistribution"].get("OnDemandBaseCapacity", 0)
    return owners_part(group.get("Tags", []), base)


def set_on_demand(runtime: Runtime, name: PoolName, on_demand: int, target: int) -> None:
    """Set how many units of the group's desired capacity, `target`, are on-demand: the base of its mixed policy.

    A mark keeps the owner's base meanwhile (`on_demand_mark`). The look after that one is set again deletes it.

    The whole distribution is sent, as it is now, and no launch template. A template is "required when creating a mixed
    instances policy" and "not required when updating the group" (Auto Scaling API, MixedInstancesPolicy, older text).
    With it, the role would need the rights to launch instances (User Guide, "Launch template support"), and a template
    as it is described, with its id and its name, is refused (aws/aws-cli, issue 7281).
    """
    [group] = runtime.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name.name])["AutoScalingGroups"]
    before: Any = group["MixedInstancesPolicy"]["InstancesDistribution"]
    owners = owners_base(group)
    # The owner may have raised the base since the decision.
    base = max(on_demand, owners)
    if base != owners:
        value = mark(owners, before.get("OnDemandBaseCapacity", 0), base)
        runtime.autoscaling.create_or_update_tags(Tags=[{**_tag(name), "Value": value, "PropagateAtLaunch": False}])
    distribution: Any = {**before, "OnDemandBaseCapacity": base}
    policy: MixedInstancesPolicyTypeDef = {"InstancesDistribution": distribution}
    runtime.autoscaling.update_auto_scaling_group(
        AutoScalingGroupName=name.name, DesiredCapacity=target, MixedInstancesPolicy=policy
    )


def delete_mark(runtime: Runtime, name: PoolName) -> None:
    """Delete the mark of the group's on-demand base. One that is not there is no error."""
    runtime.autoscaling.delete_tags(Tags=[_tag(name)])


def _tag(name: PoolName) -> TagTypeDef:
    return {"ResourceId": name.name, "ResourceType": "auto-scaling-group", "Key": BASE_TAG}


def _purchases(runtime: Runtime, name: PoolName, instance_ids: Collection[str]) -> Mapping[str, Purchase]:
    """Return how each of `instance_ids` is bought. Those that cannot be read are left out: the next look reads them."""
    try:
        read_origins(runtime, instance_ids)
    except Exception as error:
        unread = len(instance_ids) - len(known_origins(runtime, instance_ids))
        runtime.telemetry.warning(
            f"how {unread} instances of {name} are bought could not be read, so those over its on-demand base are "
            f"taken for Spot Instances: {error}"
        )
    return {id_: origin.purchase for id_, origin in known_origins(runtime, instance_ids).items()}
