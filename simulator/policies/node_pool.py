"""Instances that a policy launches one by one, each of the type and the purchase that it names, as Karpenter does.

They are the members of a Spot Fleet that launches nothing by itself (its target is 0), so that the market, the notices
and the suite's service-out treat them as the instances of any other pool.
"""

from __future__ import annotations

from collections.abc import Sequence

from simulator.auto_scaling_group import AutoScalingGroup
from simulator.ec2 import Ec2Instance
from simulator.fleet_request import SpotFleet
from simulator.instance_types import described, registered_size
from simulator.prices import list_price
from simulator.world import SimulatedCluster
from steady.names import CLUSTER_TAG, CLUSTERS_PATH

FLEET_TAG = "aws:ec2spot:fleet-request-id"


class NodePool:
    """The instances of one cluster, in place of its pool, or of its pools.

    Attributes:
        types: the types that may be launched, the cheapest first.
        on_spot: whether Spot Instances may be launched.
        boot_share: their boots take this fraction of what others take.
    """

    def __init__(
        self,
        cluster: SimulatedCluster,
        types: Sequence[str],
        boot_share: float = 1.0,
        views: Sequence[SimulatedCluster] = (),
    ) -> None:
        views = views or (cluster,)
        self.cluster = cluster
        self.on_spot = any(_buys_spot(view.pool) for view in views)
        self.boot_share = boot_share
        self.types = tuple(sorted(types, key=list_price))
        self.fleet = SpotFleet(f"sfr-nodes-{cluster.name}", cluster.state, 0, dict.fromkeys(types, 1.0))
        self.fleet.terminates_excess = False
        self._ec2 = cluster.world.account.ec2
        self.fleet.available = min((view.pool.available for view in views if _buys_spot(view.pool)), default=1.0)
        for view in views:
            self._take_over(view)
        account = cluster.world.account
        account.fleets.add(self.fleet)
        account.parameters.put(f"{CLUSTERS_PATH}/{cluster.name}/capacity", f"spot-fleet:{self.fleet.id}")

    def launch_spot(self, types: Sequence[str]) -> Sequence[str]:
        """Launch a Spot Instance for each of `types` as far as the market has them; return those that it refused.

        The market lets the pool hold a fraction of all its instances, those of this call included, as it does for a
        fleet with its target.
        """
        room = round(self.fleet.available * (len(self.fleet.members) + len(types)))
        many = max(0, min(len(types), room - len(self.fleet.spot_staying())))
        for type_ in types[:many]:
            self._launch(type_, on_demand=False)
        return types[many:]

    def launch_on_demand(self, types: Sequence[str]) -> None:
        """Launch an on-demand instance for each of `types`. On-demand capacity is always available."""
        for type_ in types:
            self._launch(type_, on_demand=True)

    def within(self, types: Sequence[str], maximum: float) -> list[str]:
        """Return the first of `types` that may be launched so that the pool counts at most `maximum`.

        Of several sizes, each counts by its price: the largest counts 1. Karpenter's own limit of a pool is one of CPU
        and memory, too, and not of nodes (karpenter.sh, "NodePools", `spec.limits`).
        """
        left = maximum - sum(map(self._counts, (i.instance_type for i in self.fleet.members.values())))
        taken = []
        for type_ in types:
            left -= self._counts(type_)
            # A sum of fractions may be over a whole number by a hair.
            if left < -1e-9:
                break
            taken.append(type_)
        return taken

    def _counts(self, type_: str) -> float:
        return list_price(type_) / list_price(self.types[-1])

    @property
    def on_demand(self) -> int:
        """How many of the instances are on-demand ones."""
        return sum(instance.on_demand for instance in self.fleet.members.values())

    def is_on_demand(self, instance_id: str) -> bool:
        """Whether this instance is an on-demand one."""
        member = self.fleet.members.get(instance_id)
        return member is not None and member.on_demand

    def booting(self) -> list[str]:
        """Return the types of the instances that have not registered yet."""
        return [i.instance_type for i in self.fleet.members.values() if i.container_instance is None]

    def _launch(self, instance_type: str, *, on_demand: bool) -> None:
        tags = {FLEET_TAG: self.fleet.id, CLUSTER_TAG: self.cluster.name}
        instance = self._ec2.launch(
            self.fleet.cluster,
            instance_type,
            tags,
            self._gone,
            on_demand=on_demand,
            boot_share=self.boot_share,
        )
        self.fleet.members[instance.id] = instance

    def _gone(self, instance: Ec2Instance) -> None:
        self.fleet.members.pop(instance.id, None)

    def _take_over(self, view: SimulatedCluster) -> None:
        """Take over the instances of a pool, which launches none any more."""
        pool = view.pool
        for instance in pool.members.values():
            instance.tags = {FLEET_TAG: self.fleet.id, CLUSTER_TAG: self.cluster.name}
            instance.on_terminated = self._gone
        self.fleet.members.update(pool.members)
        pool.members.clear()
        if isinstance(pool, SpotFleet):
            pool.target = pool.on_demand_target = 0
        else:
            pool.desired = pool.minimum = 0
        view.pool = self.fleet


def _buys_spot(pool: SpotFleet | AutoScalingGroup) -> bool:
    return isinstance(pool, SpotFleet) or pool.on_demand_percent < 100


def types_of(pool: SpotFleet | AutoScalingGroup) -> tuple[str, ...]:
    """Return the types of a pool."""
    return tuple(pool.weights if isinstance(pool, SpotFleet) else pool.overrides or (pool.instance_type,))


def sizes_up_to(instance_type: str) -> tuple[str, ...]:
    """Return the sizes of a family from `large` up to `instance_type`, without metal, the smallest first.

    >>> sizes_up_to("m5.2xlarge")
    ('m5.large', 'm5.xlarge', 'm5.2xlarge')
    """
    family = instance_type.partition(".")[0]
    sizes = ("large", *(f"{times}xlarge" for times in ("", 2, 4, 8, 12, 16, 24)))
    most = described(instance_type)["VCpuInfo"]["DefaultVCpus"]
    there = [f"{family}.{size}" for size in sizes]
    return tuple(type_ for type_ in there if registered_size(type_).cpu_units <= most * 1024)
