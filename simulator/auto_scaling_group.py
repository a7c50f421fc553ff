"""One Auto Scaling group: its instances, its types and the units in which it counts them."""

from __future__ import annotations

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
        unit: the unit of the desired capacity. A group whose unit is vcpu or memory-mib selects types by their
            attributes: it names neither the types nor the weights (Auto Scaling API, DesiredCapacityType).
        suspended: the names of its suspended processes.
        rebalances: how many instances it has launched to balance its zones; the latest until `rebalances_until`.
        provider: the capacity provider whose group it is; "": of none.
        unavailable: the types of which EC2 has none left.
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
    unit: str = "units"
    provider: str = ""
    suspended: set[str] = field(default_factory=set)
    rebalances: int = 0
    rebalances_until: float = 0.0

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
    def named(self) -> bool:
        """Whether its policy names the types, with their weights."""
        return bool(self.overrides) and self.unit == "units"

    def units(self) -> int:
        """Return the units of the instances that are not about to be terminated."""
        return sum(self.weight(i.instance_type) for i in self.staying())

    def units_by_zone(self) -> dict[str, int]:
        """Return the units of the instances that stay, by Availability Zone: of every zone, the next one first.

        It launches in the zone that has the fewest (Auto Scaling User Guide, "Balanced distribution").
        """
        units = dict.fromkeys((*ZONES[1:], ZONES[0]), 0)
        for one in self.staying():
            units[one.zone] += self.weight(one.instance_type)
        return dict(sorted(units.items(), key=lambda zone: zone[1]))

    def is_unbalanced(self) -> bool:
        """Return whether another distribution of its instances over the zones would be more even."""
        units = self.units_by_zone().values()
        return max(units) - min(units) > max(self.overrides.values(), default=1)

    def next_to_end(self) -> list[Ec2Instance]:
        """Return the instances in the order in which the default termination policy ends them.

        Auto Scaling User Guide, "Default termination policy": of the zone with the most instances, the oldest first.
        """
        units = self.units_by_zone()
        return sorted(self.staying(), key=lambda one: -units[one.zone])

    def next_type(self) -> str | None:
        """Return the type that the group launches next; None if EC2 has none of its types."""
        return next((t for t in self.overrides or (self.instance_type,) if t not in self.unavailable), None)

    def state_of(self, instance: Ec2Instance) -> str:
        """Return the lifecycle state of a member."""
        if instance.id in self.waiting:
            return "Terminating:Wait"
        return "Terminating" if instance.id in self.leaving else "InService"
