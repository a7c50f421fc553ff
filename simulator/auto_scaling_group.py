"""One Auto Scaling group: its instances, its types, how they are bought, and the units in which it counts them."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from simulator.ec2 import ZONES, Ec2Instance
from simulator.ecs.state import Cluster
from simulator.lifecycle_hooks import Waiting


@dataclass(eq=False, slots=True)
class AutoScalingGroup:
    """One Auto Scaling group.

    Attributes:
        hook: the name of its lifecycle hook on termination; "": none.
        heartbeat_s: the heartbeat timeout of the hook, in seconds.
        other_hooks: the heartbeat timeouts of its other hooks on termination, by their names.
        abandoning: the names of those hooks whose default result is ABANDON.
        leaving: the ids of the instances that are leaving the group's load balancers, before they wait.
        waiting: the instances that wait under the hook, by their ids.
        target_groups: the ARNs of the target groups in which it registers its instances.
        image_boots: whether instances that are launched from now on register; those of a broken image do not.
        reuse_on_scale_in: whether scale-in returns instances to the group's warm pool, whose state is Stopped.
        warm: the instances in the warm pool. The group takes from them before it launches another one.
        overrides: the units of each type of its mixed instances policy, in the order of priority; none: it has
            `instance_type` alone. The allocation strategy is `prioritized`: the first type as long as EC2 has it (Auto
            Scaling user guide, "Allocation strategies for multiple instance types").
        zones: the Availability Zones of its subnets: it launches in no other one.
        unit: the unit of the desired capacity. A group whose unit is vcpu or memory-mib selects types by their
            attributes: it names neither the types nor the weights (Auto Scaling API, DesiredCapacityType).
        suspended: the names of its suspended processes.
        rebalances: how many instances it has launched to balance its zones; the latest until `rebalances_until`.
        rebalanced: the ids of the instances that it has ended in their place.
        provider: the capacity provider whose group it is; "": of none.
        attributes: the custom attributes that its instances register with (ECS_INSTANCE_ATTRIBUTES of the agent).
        unavailable: the types of which EC2 has none left.
        on_demand_base: how many units are on-demand before any is Spot (Auto Scaling API, InstancesDistribution).
        on_demand_percent: how much of the rest is on-demand, rounded up in favor of on-demand.
        available: the fraction of its desired capacity that the Spot market lets it hold, from 0 to 1.
        capacity_rebalance: whether it replaces Spot Instances that are at risk.
        replaced: the ids of instances at risk whose replacements are launched. They do not count.
        tags: its own tags, which its instances do not get.
        realigned: how many instances it has launched because what it held was not bought as its policy says.
        template_version: the version of its launch template that it launches from.
        refresh: the status of its latest instance refresh; "": there was none.
        lifecycle: the lifecycle states, by instance id, that something other than its scaling has given to members,
            such as ReplacingRootVolume. They count for the desired capacity.
        activities: its scaling activities that failed since its last launch, the newest first.
    """

    name: str
    cluster: Cluster
    instance_type: str
    desired: int
    minimum: int = 0
    maximum: int = 1000
    hook: str = "drain"
    heartbeat_s: float = 300.0
    other_hooks: dict[str, float] = field(default_factory=dict)
    abandoning: set[str] = field(default_factory=set)
    members: dict[str, Ec2Instance] = field(default_factory=dict)
    leaving: set[str] = field(default_factory=set)
    waiting: dict[str, Waiting] = field(default_factory=dict)
    look_pending: bool = False
    image_boots: bool = True
    target_groups: tuple[str, ...] = ()
    reuse_on_scale_in: bool = False
    warm: dict[str, Ec2Instance] = field(default_factory=dict)
    overrides: dict[str, int] = field(default_factory=dict)
    unavailable: set[str] = field(default_factory=set)
    activities: list[dict[str, Any]] = field(default_factory=list)
    zones: tuple[str, ...] = ZONES
    unit: str = "units"
    provider: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    suspended: set[str] = field(default_factory=set)
    rebalances: int = 0
    rebalanced: set[str] = field(default_factory=set)
    rebalances_until: float = 0.0
    on_demand_base: int = 0
    on_demand_percent: int = 100
    available: float = 1.0
    capacity_rebalance: bool = False
    replaced: set[str] = field(default_factory=set)
    realigned: int = 0
    template_version: str = "1"
    tags: dict[str, str] = field(default_factory=dict)
    refresh: str = ""
    lifecycle: dict[str, str] = field(default_factory=dict)

    @property
    def template(self) -> str:
        """The id of its launch template."""
        return f"lt-{self.name}"

    def hooks(self) -> dict[str, float]:
        """Return the heartbeat timeouts of all hooks on termination, by their names."""
        return {**({self.hook: self.heartbeat_s} if self.hook else {}), **self.other_hooks}

    def staying(self) -> list[Ec2Instance]:
        """Return the instances that are not about to be terminated."""
        return [i for i in self.members.values() if i.id not in self.waiting and i.id not in self.leaving]

    def weight(self, instance_type: str) -> int:
        """Return how many units of the desired capacity an instance of this type counts."""
        return self.overrides.get(instance_type, 1)

    @property
    def may_launch(self) -> bool:
        """Whether it adds instances, and begins activities for them.

        Auto Scaling User Guide, "How suspended processes affect other processes".
        """
        return "Launch" not in self.suspended

    @property
    def may_terminate(self) -> bool:
        """Whether it ends instances of its own accord."""
        return "Terminate" not in self.suspended

    @property
    def named(self) -> bool:
        """Whether its policy names the types, with their weights."""
        return bool(self.overrides) and self.unit == "units"

    def counted(self) -> list[Ec2Instance]:
        """Return the instances that count for the desired capacity."""
        return [i for i in self.staying() if i.id not in self.replaced]

    def units(self) -> int:
        """Return the units of the instances that count for the desired capacity."""
        return sum(self.weight(i.instance_type) for i in self.counted())

    def units_bought(self, *, on_demand: bool) -> int:
        """Return those of them that are on-demand, or Spot."""
        return sum(self.weight(i.instance_type) for i in self.counted() if i.on_demand is on_demand)

    def on_demand_target(self) -> int:
        """Return how many units of the desired capacity the policy wants on-demand."""
        above = max(0, self.desired - self.on_demand_base)
        return min(self.desired, self.on_demand_base + math.ceil(above * self.on_demand_percent / 100))

    def spot_staying(self) -> list[Ec2Instance]:
        """Return the Spot Instances without an interruption notice."""
        return [i for i in self.staying() if i.doomed_at is None and not i.on_demand]

    def next_is_on_demand(self) -> bool:
        """Whether the next launch is on-demand: the group lacks such units, or launches no others."""
        return self.on_demand_percent == 100 or self.units_bought(on_demand=True) < self.on_demand_target()

    def lacks_spot(self) -> bool:
        """Whether the market has no more for this group. Rounded to the nearest, as for a fleet."""
        return self.units_bought(on_demand=False) >= round(self.desired * self.available)

    def is_misaligned(self) -> bool:
        """Whether an instance bought the other way would bring what it holds closer to its policy."""
        differ = abs(self.units_bought(on_demand=True) - self.on_demand_target())
        return differ >= max(self.overrides.values(), default=1)

    def units_by_zone(self) -> dict[str, int]:
        """Return the units of the instances that stay, by Availability Zone: of every zone, the next one first.

        It launches in the zone that has the fewest (Auto Scaling User Guide, "Balanced distribution").
        """
        units = dict.fromkeys((*self.zones[1:], self.zones[0]), 0)
        for one in self.staying():
            units[one.zone] = units.get(one.zone, 0) + self.weight(one.instance_type)
        return dict(sorted(units.items(), key=lambda zone: zone[1]))

    def is_unbalanced(self) -> bool:
        """Return whether another distribution of its instances over the zones would be more even."""
        units = self.units_by_zone().values()
        return max(units) - min(units) > max(self.overrides.values(), default=1)

    def note_end(self, instance: Ec2Instance) -> None:
        """Note an instance that the group ends by its own choice: once for each that it has launched to balance."""
        if len(self.rebalanced) < self.rebalances:
            self.rebalanced.add(instance.id)

    def next_to_end(self) -> list[Ec2Instance]:
        """Return the instances in the order in which the default termination policy ends them.

        Auto Scaling User Guide, "Default termination policy": of the purchase option of which it holds more than its
        policy says, and of the zone with the most instances, the oldest first.
        """
        units = self.units_by_zone()
        too_many_on_demand = self.units_bought(on_demand=True) > self.on_demand_target()
        return sorted(self.counted(), key=lambda one: (one.on_demand is not too_many_on_demand, -units[one.zone]))

    def next_type(self, *, on_demand: bool = True) -> str | None:
        """Return the type that the group launches next; None if EC2 has none of its types.

        On-demand in the order of priority. Spot by capacity and price, which is taken here for an even spread.
        """
        types = [t for t in self.overrides or (self.instance_type,) if t not in self.unavailable]
        if on_demand:
            return next(iter(types), None)
        held = Counter(i.instance_type for i in self.members.values() if not i.on_demand)
        return min(types, key=lambda type_: held[type_] * self.weight(type_), default=None)

    def state_of(self, instance: Ec2Instance) -> str:
        """Return the lifecycle state of a member."""
        if instance.id in self.waiting:
            return "Terminating:Wait"
        return "Terminating" if instance.id in self.leaving else self.lifecycle.get(instance.id, "InService")
