"""One Spot Fleet request: what it is asked for, and what it holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from simulator.clock import Timer
from simulator.ec2 import Ec2Instance
from simulator.ecs.state import Cluster
from simulator.errors import AwsError
from simulator.fleet_history import FleetEvent, FleetHistory

# EC2 User Guide, "Tag your Amazon EC2 resources", Tag restrictions.
MOST_TAGS, LONGEST_TAG_KEY, LONGEST_TAG_VALUE = 50, 128, 256


def checked_tags(tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return tags by their keys, if EC2 takes them."""
    found = {tag["Key"]: tag.get("Value", "") for tag in tags}
    for key, value in found.items():
        if key.startswith("aws:") or not 1 <= len(key) <= LONGEST_TAG_KEY or len(value) > LONGEST_TAG_VALUE:
            raise AwsError("InvalidParameterValue", f"The tag {key!r} with the value {value!r} is not valid.")
    return found


@dataclass(eq=False, slots=True)
class SpotFleet:
    """One Spot Fleet.

    Attributes:
        target: the target capacity, in units, with the on-demand part.
        weights: the units of each instance type. A fleet whose `unit` is vcpu or memory-mib selects types by their
            attributes: it names neither the types nor the weights (EC2 API, TargetCapacityUnitType).
        available: the fraction of its target that the market lets it hold, from 0 to 1.
        target_groups: the ARNs of the target groups in which it registers its instances.
        image_boots: whether instances that are launched from now on register; those of a broken image do not.
        stopped: the instances that an interruption has stopped or hibernated. They do not count.
        at_risk: the ids of members with a rebalance recommendation. They do not count, so that each is replaced.
        refusal: why nothing is launched, as the fleet's history says it; None: instances are launched.
        modifying_until: when its last change is done, in seconds since the epoch.
        described: the target with its on-demand part, as they were before the last change.
        tags: the tags of the request, which its instances do not get.
        template_version: the version of its launch template that it launches from.
        state: `active`, or why nobody may change it: `submitted`, `failed`, `cancelled`, `cancelled_running` or
            `cancelled_terminating` (EC2 API, BatchState). Only an active one launches.
        type: `maintain`, or `request`: such a fleet "does not attempt to replenish instances" (EC2 API, FleetType), and
            cannot be changed.
    """

    id: str
    cluster: Cluster
    target: int
    weights: dict[str, float]
    available: float = 1.0
    on_demand_target: int = 0
    terminates_excess: bool = True
    members: dict[str, Ec2Instance] = field(default_factory=dict)
    next_look: Timer | None = None
    image_boots: bool = True
    target_groups: tuple[str, ...] = ()
    stopped: dict[str, Ec2Instance] = field(default_factory=dict)
    at_risk: set[str] = field(default_factory=set)
    unit: str = "units"
    history: FleetHistory = field(default_factory=FleetHistory)
    refusal: FleetEvent | None = None
    modifying_until: float = 0.0
    described: tuple[int, int] = (0, 0)
    tags: dict[str, str] = field(default_factory=dict)
    template_version: str = "1"
    type: str = "maintain"
    state: str = "active"

    @property
    def launches(self) -> bool:
        """Whether it launches what it lacks."""
        return self.type == "maintain" and self.state == "active"

    def state_at(self, now: float) -> str:
        """Return its state as DescribeSpotFleetRequests shows it."""
        return "modifying" if self.state == "active" and self.is_modifying(now) else self.state

    @property
    def template(self) -> str:
        """The id of its launch template."""
        return f"lt-{self.id}"

    def is_modifying(self, now: float) -> bool:
        """Whether the last change of the fleet is not done at the time `now`."""
        return now < self.modifying_until

    def described_target(self, now: float) -> dict[str, int]:
        """Return the target as DescribeSpotFleetRequests shows it."""
        is_old = self.is_modifying(now)
        target, on_demand = self.described if is_old else (self.target, self.on_demand_target)
        return {"TargetCapacity": target, "OnDemandTargetCapacity": on_demand}

    def overrides(self) -> list[dict[str, Any]]:
        """Return the overrides of its launch template."""
        if self.unit != "units":
            return [{"InstanceRequirements": {"VCpuCount": {"Min": 1}, "MemoryMiB": {"Min": 1}}}]
        return [{"InstanceType": t, "WeightedCapacity": float(weight)} for t, weight in self.weights.items()]

    @property
    def spot_target(self) -> int:
        """The Spot part of the target, in units."""
        return self.target - self.on_demand_target

    def fulfilled(self, *, on_demand: bool) -> float:
        """Return the units that the fleet holds, on-demand or Spot."""
        return self.units(i for i in self.members.values() if i.on_demand is on_demand and i.id not in self.at_risk)

    def spot_staying(self) -> list[Ec2Instance]:
        """Return the Spot Instances without an interruption notice."""
        return [i for i in self.members.values() if i.doomed_at is None and not i.on_demand]

    def units(self, instances: Iterable[Ec2Instance]) -> float:
        """Sum the units of `instances`."""
        return sum(self.weights[i.instance_type] for i in instances)
