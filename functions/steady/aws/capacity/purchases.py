"""How the instances of an Auto Scaling group are bought: on Spot, or on-demand as the base of its mixed policy."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from steady.aws.cache import Cache
from steady.aws.runtime import Runtime, batches
from steady.pools import Pool, PoolName, Purchase

if TYPE_CHECKING:
    from mypy_boto3_autoscaling.type_defs import AutoScalingGroupTypeDef, MixedInstancesPolicyTypeDef

# EC2: how many values one filter of DescribeInstances takes.
IDS_A_FILTER = 200
# How each instance is bought: it never changes.
BOUGHT = Cache[str, Purchase]()


def with_spot(runtime: Runtime, pool: Pool, group: AutoScalingGroupTypeDef) -> Pool:
    """Return `pool` with the traits and the on-demand part of a group that launches Spot Instances; else as it is.

    A group whose policy wants a share of on-demand instances above its base keeps that share: it is not given more of
    them while Spot is short.
    """
    distribution = group.get("MixedInstancesPolicy", {}).get("InstancesDistribution", {})
    # Auto Scaling API, InstancesDistribution: 100 by default. Distribution segments stand in place of base and share.
    percent = distribution.get("OnDemandPercentageAboveBaseCapacity", 100)
    segments = distribution.get("DistributionSegments")
    if percent == 100 and not segments:
        return pool
    may_fall_back = percent == 0 and not segments
    base = distribution.get("OnDemandBaseCapacity", 0)
    bought = _purchases(runtime, pool.name, {*pool.members, *pool.waiting})
    on_demand = {id_ for id_, how in bought.items() if how is Purchase.ON_DEMAND}
    for id_ in sorted(set(pool.members) - set(bought)):
        # One that EC2 does not describe yet: the base is launched first.
        if pool.units(on_demand) < base:
            on_demand.add(id_)
    return replace(
        pool,
        on_demand=base if may_fall_back else 0,
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


def set_on_demand(runtime: Runtime, name: PoolName, on_demand: int, target: int) -> None:
    """Set how many units of the group's desired capacity, `target`, are on-demand: the base of its mixed policy.

    The whole distribution is sent, as it is now: what is left out may be set to its default.
    """
    [group] = runtime.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name.name])["AutoScalingGroups"]
    distribution: Any = {**group["MixedInstancesPolicy"]["InstancesDistribution"], "OnDemandBaseCapacity": on_demand}
    policy: MixedInstancesPolicyTypeDef = {"InstancesDistribution": distribution}
    runtime.autoscaling.update_auto_scaling_group(
        AutoScalingGroupName=name.name, DesiredCapacity=target, MixedInstancesPolicy=policy
    )


def _purchases(runtime: Runtime, name: PoolName, instance_ids: Collection[str]) -> Mapping[str, Purchase]:
    """Return how each of `instance_ids` is bought. Those that cannot be read are left out: the next look reads them."""
    unread = [id_ for id_ in sorted(instance_ids) if BOUGHT.get(runtime, id_) is None]
    try:
        for batch in batches(unread, IDS_A_FILTER):
            # A filter leaves out what is gone; with InstanceIds, the whole call would fail.
            pages = runtime.ec2.get_paginator("describe_instances").paginate(
                Filters=[{"Name": "instance-id", "Values": batch}]
            )
            for page in pages:
                for reservation in page["Reservations"]:
                    for instance in reservation["Instances"]:
                        is_spot = instance.get("InstanceLifecycle") == "spot"
                        BOUGHT.keep(runtime, instance["InstanceId"], Purchase.SPOT if is_spot else Purchase.ON_DEMAND)
    except Exception as error:
        runtime.telemetry.warning(
            f"how {len(unread)} instances of {name} are bought could not be read, so those over its on-demand base are "
            f"taken for Spot Instances: {error}"
        )
    return {id_: how for id_ in instance_ids if (how := BOUGHT.get(runtime, id_))}
