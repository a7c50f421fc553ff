"""Spot Fleets of type maintain: they hold their target as far as the market allows, and give two minutes' notice."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from simulator.clock import Clock
from simulator.ec2 import Ec2, Ec2Instance
from simulator.endpoint import ACCOUNT_ID, Params
from simulator.errors import AwsError
from simulator.fleet_history import FleetEvent
from simulator.fleet_request import MOST_TAGS, SpotFleet, checked_tags
from simulator.instance_types import is_type
from simulator.paging import ec2_page
from simulator.timing import DEFAULT, Timing
from steady.names import CLUSTER_TAG

# Seconds for which a fleet is then `modifying`: 3 in a published history (kubernetes-retired/kube-aws, issue 843).
MODIFYING_S = 3.0
# EC2 API, "Error codes", InvalidSpotFleetRequestId.Malformed: `sfr-` and 36 characters, including four hyphens.
WELL_FORMED = re.compile(r"sfr-[0-9a-zA-Z]{8}(-[0-9a-zA-Z]{4}){3}-[0-9a-zA-Z]{12}")
# Seconds until a fleet reacts to a change, without `Timing.fulfil_s`.
LOOK_S = 10.0
# Seconds until a fleet asks the market again for capacity that it did not get.
ASK_AGAIN_S = 60.0


class SpotFleets:
    """All Spot Fleets of the account.

    Attributes:
        reclaim: called with the instances that a fleet gives up because its target was lowered.

    Args:
        timing: how fast fleets act (`Timing.fulfil_s`), and whether on-demand capacity is short (`on_demand_short`).
        rng: the source of these.
    """

    def __init__(self, clock: Clock, ec2: Ec2, timing: Timing = DEFAULT, rng: random.Random | None = None) -> None:
        self.clock = clock
        self.ec2 = ec2
        self.timing = timing
        self._rng = rng or random.Random(0)
        self.fleets: dict[str, SpotFleet] = {}
        self.reclaim: Callable[[list[Ec2Instance]], None] = lambda instances: None

    def add(self, fleet: SpotFleet, *, booted: bool = True) -> SpotFleet:
        """Add a fleet to the account. `booted`: its first instances are registered at once."""
        self.fleets[fleet.id] = fleet
        while booted and fleet.fulfilled(on_demand=False) < fleet.spot_target:
            self._launch(fleet, booted=True)
        self.look_soon(fleet)
        return fleet

    def holds(self, instance: Ec2Instance) -> bool:
        """Whether one of the fleets holds the instance."""
        return self._holder(instance) is not None

    def _holder(self, instance: Ec2Instance) -> SpotFleet | None:
        return next((fleet for fleet in self.fleets.values() if instance.id in fleet.members), None)

    def leave(self, instance: Ec2Instance, terminates_after_s: float) -> None:
        """Launch another instance in the place of one at risk, and terminate that one later.

        EC2 User Guide, "Capacity Rebalancing in EC2 Fleet and Spot Fleet": the replacement strategy
        launch-before-terminate with its termination delay.
        """
        if fleet := self._holder(instance):
            fleet.at_risk.add(instance.id)
            self.look_soon(fleet)
        self.clock.after(terminates_after_s, lambda: self.ec2.terminate(instance))

    def restart(self, instance: Ec2Instance) -> None:
        """Start an instance that an interruption has stopped.

        A fleet of type maintain launches a replacement first. It starts the stopped instance once its allocation
        strategy leads to that pool again (EC2 User Guide, "Behavior of Spot Instance interruptions").
        """
        fleet = next(f for f in self.fleets.values() if instance.id in f.stopped)
        fleet.members[instance.id] = fleet.stopped.pop(instance.id)
        self.ec2.start(instance)

    def modify_spot_fleet_request(self, params: Params) -> dict[str, Any]:
        """Change a fleet, unless its last change is not done.

        EC2 API, "Error codes": FleetNotInModifiableState, "The Spot Fleet request must be in the active state to modify
        it." ModifySpotFleetRequest: "You can only modify a Spot Fleet request of type maintain"; with which error is
        not documented. User Guide, "Spot Fleet request states": it stays `modifying` until the modification is fully
        processed. Meanwhile its target is the one before (jenkinsci/ec2-fleet-plugin, pull request 159).
        """
        fleet = self._fleet(params["SpotFleetRequestId"])
        if min(params.get("TargetCapacity", 0), params.get("OnDemandTargetCapacity", 0)) < 0:
            raise AwsError("InvalidParameterValue", "The target capacity must not be negative")
        if fleet.is_modifying(self.clock.now) or not fleet.launches:
            raise AwsError("FleetNotInModifiableState", f"Fleet Request: {fleet.id} is not in a modifiable state.")
        acts_in_s = self._acts_in_s()
        fleet.modifying_until = self.clock.now + (acts_in_s if self.timing.fulfil_s else MODIFYING_S)
        fleet.described = fleet.target, fleet.on_demand_target
        if "ExcessCapacityTerminationPolicy" in params:
            fleet.terminates_excess = params["ExcessCapacityTerminationPolicy"] == "default"
        fleet.target = params.get("TargetCapacity", fleet.target)
        fleet.on_demand_target = min(fleet.target, params.get("OnDemandTargetCapacity", fleet.on_demand_target))
        fleet.history.add_change(self.clock.now, fleet.modifying_until, fleet.target)
        self.look_soon(fleet, acts_in_s)
        return {"Return": True}

    def _acts_in_s(self) -> float:
        return self._rng.uniform(*self.timing.fulfil_s) if self.timing.fulfil_s else LOOK_S

    def create_tags(self, params: Params) -> dict[str, Any]:
        new = checked_tags(params["Tags"])
        for id_ in params["Resources"]:
            if len(self._fleet(id_).tags | new) > MOST_TAGS:
                raise AwsError("TagLimitExceeded", "The maximum number of tags for a resource has been reached.")
            self._fleet(id_).tags.update(new)
        return {}

    def delete_tags(self, params: Params) -> dict[str, Any]:
        """Delete tags. One that is not there, or has another value, is no error, and stays (EC2 API, DeleteTags)."""
        for id_ in params["Resources"]:
            tags = self._fleet(id_).tags
            for tag in params["Tags"]:
                if tag.get("Value", tags.get(tag["Key"])) == tags.get(tag["Key"]):
                    tags.pop(tag["Key"], None)
        return {}

    def describe_spot_fleet_request_history(self, params: Params) -> dict[str, Any]:
        return self._fleet(params["SpotFleetRequestId"]).history.described(params, self.clock.now)

    def describe_spot_fleet_requests(self, params: Params) -> dict[str, Any]:
        fleets = [self._fleet(id_) for id_ in params["SpotFleetRequestIds"]]
        return {
            "SpotFleetRequestConfigs": [
                {
                    "SpotFleetRequestId": f.id,
                    "SpotFleetRequestState": f.state_at(self.clock.now),
                    "Tags": [{"Key": key, "Value": value} for key, value in f.tags.items()],
                    "ActivityStatus": "pending_fulfillment" if self._is_short(f) else "fulfilled",
                    "SpotFleetRequestConfig": {
                        "IamFleetRole": f"arn:aws:iam::{ACCOUNT_ID}:role/aws-ec2-spot-fleet-tagging-role",
                        **f.described_target(self.clock.now),
                        "FulfilledCapacity": float(f.units(f.members.values())),
                        "OnDemandFulfilledCapacity": float(f.fulfilled(on_demand=True)),
                        "TargetCapacityUnitType": f.unit,
                        "Type": f.type,
                        "LaunchTemplateConfigs": [
                            {
                                "LaunchTemplateSpecification": {
                                    "LaunchTemplateId": f.template,
                                    "Version": f.template_version,
                                },
                                "Overrides": f.overrides(),
                            }
                        ],
                        "LoadBalancersConfig": {
                            "TargetGroupsConfig": {"TargetGroups": [{"Arn": arn} for arn in f.target_groups]}
                        },
                    },
                }
                for f in fleets
            ]
        }

    def describe_spot_fleet_instances(self, params: Params) -> dict[str, Any]:
        """Describe the running instances of a fleet: up to 1,000 a page (EC2 API)."""
        fleet = self._fleet(params["SpotFleetRequestId"])
        instances = [
            {
                "InstanceId": i.id,
                "InstanceType": i.instance_type,
                "InstanceHealth": "healthy",
                **({} if i.on_demand else {"SpotInstanceRequestId": f"sir-{i.id}"}),
            }
            for i in fleet.members.values()
        ]
        page = ec2_page("ActiveInstances", instances, params, default=1000, most=1000)
        return {"SpotFleetRequestId": fleet.id, **page}

    def stop(self, instance: Ec2Instance) -> None:
        """Stop an instance at the end of its notice. Its fleet launches another one."""
        fleet = self._holder(instance)
        if fleet is None:
            return
        fleet.stopped[instance.id] = fleet.members.pop(instance.id)
        self.ec2.stop(instance)
        self.look_soon(fleet)

    def _fleet(self, fleet_id: str) -> SpotFleet:
        if fleet_id not in self.fleets and not WELL_FORMED.fullmatch(fleet_id):
            raise AwsError(
                "InvalidSpotFleetRequestId.Malformed", f"The spot fleet request ID '{fleet_id}' is malformed"
            )
        if fleet_id not in self.fleets:
            raise AwsError(
                "InvalidSpotFleetRequestId.NotFound", f"The spot fleet request ID '{fleet_id}' does not exist"
            )
        return self.fleets[fleet_id]

    def look_soon(self, fleet: SpotFleet, after_s: float | None = None) -> None:
        """Let the fleet compare what it holds with its target within `after_s` seconds; None: as soon as it does."""
        booked = fleet.next_look
        after_s = self._acts_in_s() if after_s is None else after_s
        if booked and booked.at <= self.clock.now + after_s:
            return
        if booked:
            booked.cancel()
        fleet.next_look = self.clock.after(after_s, lambda: self._look(fleet))

    def cancel(self, fleet: SpotFleet, *, terminates: bool = False) -> None:
        """Cancel a fleet. Its instances run on, or are terminated (EC2 API, CancelSpotFleetRequests)."""
        fleet.state = "cancelled_terminating" if terminates else "cancelled_running"
        for instance in [*fleet.members.values()] if terminates else []:
            self.ec2.terminate(instance)

    def _look(self, fleet: SpotFleet) -> None:
        fleet.next_look = None
        if not fleet.launches:
            return
        if self.timing.fulfil_s and fleet.is_modifying(self.clock.now):
            self.look_soon(fleet, fleet.modifying_until - self.clock.now)
            return
        refusal = fleet.refusal
        lacks_on_demand = bool(refusal and refusal.stops_on_demand)
        while fleet.fulfilled(on_demand=True) < fleet.on_demand_target and not lacks_on_demand:
            lacks_on_demand = self._rng.random() < self.timing.on_demand_short
            if not lacks_on_demand:
                self._launch(fleet, on_demand=True)
        # Rounded to the nearest: if the market has 15 of 16, a fleet of one holds one.
        ceiling = round(fleet.target * fleet.available)
        while fleet.fulfilled(on_demand=False) < min(fleet.spot_target, ceiling) and not refusal:
            self._launch(fleet)
        if self._is_short(fleet) or lacks_on_demand:
            if refusal:
                fleet.history.add(self.clock.now, refusal)
            self.look_soon(fleet, ASK_AGAIN_S)
        self._take_excess(fleet)

    def _is_short(self, fleet: SpotFleet) -> bool:
        return fleet.fulfilled(on_demand=False) < fleet.spot_target

    def _take_excess(self, fleet: SpotFleet) -> None:
        if not fleet.terminates_excess:
            return
        taken = []
        staying = [instance for instance in fleet.spot_staying() if instance.id not in fleet.at_risk]
        excess = fleet.units(staying) - fleet.spot_target
        for instance in staying:
            weight = fleet.weights[instance.instance_type]
            if weight <= excess:
                taken.append(instance)
                excess -= weight
        self.reclaim(taken)

    def _launch(self, fleet: SpotFleet, *, booted: bool = False, on_demand: bool = False) -> None:
        def gone(instance: Ec2Instance) -> None:
            fleet.members.pop(instance.id, None)
            fleet.stopped.pop(instance.id, None)
            fleet.at_risk.discard(instance.id)
            self.look_soon(fleet)

        # Allocation strategy diversified: launch the type of which the fleet holds the fewest units.
        held = Counter(i.instance_type for i in fleet.members.values())
        # A type that the Region does not have is never launched.
        instance_type = min(filter(is_type, fleet.weights), key=lambda type_: held[type_] * fleet.weights[type_])
        tags = {"aws:ec2spot:fleet-request-id": fleet.id, CLUSTER_TAG: fleet.cluster.name}
        instance = self.ec2.launch(
            fleet.cluster,
            instance_type,
            tags,
            gone,
            booted=booted,
            boots=fleet.image_boots,
            on_demand=on_demand,
            target_groups=fleet.target_groups,
            template=fleet.template,
            version=fleet.template_version,
        )
        fleet.members[instance.id] = instance
        fleet.history.add(self.clock.now, FleetEvent("instanceChange", "launched"), instance.id)
