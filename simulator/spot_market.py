"""The Spot market: how much it has for each pool, what it takes back, and the notices that it gives."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from simulator.auto_scaling import AutoScaling
from simulator.auto_scaling_group import AutoScalingGroup
from simulator.clock import Clock
from simulator.ec2 import ZONES, Ec2, Ec2Instance
from simulator.endpoint import Params
from simulator.errors import AwsError, NotSimulated
from simulator.fleet_request import SpotFleet
from simulator.paging import ec2_page
from simulator.prices import listed
from simulator.spot_fleet import SpotFleets

# EC2: seconds from an interruption notice to the termination.
NOTICE_S = 120.0
# EC2 API, DescribeSpotPriceHistory: MaxResults.
PRICES_A_PAGE = 1000


class SpotMarket:
    """What EC2 does with the Spot Instances of fleets and of Auto Scaling groups.

    Attributes:
        interruptions: how many interruption notices were given.
        prices: what an hour of a type costs on Spot, in USD, where it is not the usual share of the list price.
        on_notice: called with each instance that gets a notice.
        on_recommendation: called with each instance that gets a rebalance recommendation.
    """

    def __init__(self, clock: Clock, ec2: Ec2, fleets: SpotFleets, groups: AutoScaling) -> None:
        self.clock = clock
        self.ec2 = ec2
        self.fleets = fleets
        self.groups = groups
        self.interruptions = 0
        self.prices: dict[str, float] = {}
        self.on_notice: Callable[[Ec2Instance], object] = lambda instance: None
        self.on_recommendation: Callable[[Ec2Instance], object] = lambda instance: None
        fleets.reclaim = self.reclaim

    def reclaim(self, instances: list[Ec2Instance], action: str = "terminate") -> None:
        """Take `instances` back: they get a notice now, and two minutes later they are terminated, or stopped.

        A hibernation begins at once (EC2 User Guide, "Behavior of Spot Instance interruptions").
        """
        for instance in instances:
            if instance.doomed_at is not None or not instance.alive:
                continue
            instance.doomed_at, instance.interruption = self.clock.now, action
            self.interruptions += 1
            self.on_notice(instance)
            if not self.fleets.holds(instance):
                self.groups.interrupt(instance)
            end = self.ec2.terminate if action == "terminate" else self.fleets.stop
            after_s = 0.0 if action == "hibernate" else NOTICE_S
            self.clock.after(after_s, lambda instance=instance, end=end: end(instance))  # type: ignore[misc]

    def recommend(self, instances: list[Ec2Instance], terminates_after_s: float = 0.0) -> None:
        """Recommend to leave `instances`. Their pool launches another one for each, and then ends them.

        Args:
            terminates_after_s: the termination delay of a Spot Fleet. An Auto Scaling group has none.
        """
        for instance in instances:
            if self.fleets.holds(instance):
                self.fleets.leave(instance, terminates_after_s)
            else:
                self.groups.leave(instance)
            self.on_recommendation(instance)

    def describe_spot_price_history(self, params: Params) -> dict[str, Any]:
        """Describe the prices that hold at the start of the time asked for. Changes until its end are not simulated."""
        if not params.get("InstanceTypes"):
            raise NotSimulated("DescribeSpotPriceHistory of all types")
        now = datetime.fromtimestamp(self.clock.now, UTC)
        at = params.get("StartTime", now)
        if at > params.get("EndTime", now):
            raise AwsError("InvalidParameterValue", "The start time must not be later than the end time")
        zones: tuple[str, ...] = ZONES
        for one in params.get("Filters", []):
            if one["Name"] != "availability-zone":
                raise NotSimulated(f"DescribeSpotPriceHistory with the filter {one['Name']}")
            zones = tuple(zone for zone in zones if zone in one["Values"])
        found = [
            {
                "AvailabilityZone": zone,
                "InstanceType": type_,
                "ProductDescription": product,
                "SpotPrice": f"{self.prices[type_] if type_ in self.prices else listed(type_).spot or 0.0:.6f}",
                "Timestamp": at,
            }
            for type_ in params.get("InstanceTypes", [])
            for product in params.get("ProductDescriptions", ["Linux/UNIX"])
            for zone in zones
        ]
        return ec2_page("SpotPriceHistory", found, params, default=PRICES_A_PAGE, least=1, most=PRICES_A_PAGE)

    def set_available(self, pool: SpotFleet | AutoScalingGroup, share: float) -> None:
        """Set how much the market has, as a fraction. A fall takes the same fraction of the running instances."""
        if share < pool.available:
            staying = pool.spot_staying()
            lost = round(len(staying) * (pool.available - share) / pool.available)
            self.reclaim(staying[:lost])
        pool.available = share
        if isinstance(pool, SpotFleet):
            self.fleets.look_soon(pool)
        else:
            self.groups.look_soon(pool)
