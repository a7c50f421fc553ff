"""A Spot Fleet's own history: its changes, its launches, and why it launches nothing."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from simulator.endpoint import Params
from simulator.paging import ec2_page

# EC2 API, DescribeSpotFleetRequestHistory: events are delayed by up to 30 s before they can be described.
SHOWN_AFTER_S = 30.0
# EC2 API: results of one page, and how long events are kept.
EVENTS_A_PAGE = 1000
KEPT_S = 48 * 3600.0


@dataclass(frozen=True, slots=True)
class FleetEvent:
    """One kind of event (EC2 API, EventInformation).

    Attributes:
        kind: `error`, `information`, `fleetRequestChange` or `instanceChange`.
        sub_type: such as `spotInstanceCountLimitExceeded`.
        stops_on_demand: whether on-demand instances are not launched either.
    """

    kind: str
    sub_type: str
    description: str = ""
    stops_on_demand: bool = False


# EC2 API, EventInformation, gives the sub-types and what they mean. Its descriptions are free text: these are examples.
SPOT_QUOTA = FleetEvent("error", "spotInstanceCountLimitExceeded", "Max spot instance count exceeded")
ROLE_INVALID = FleetEvent(
    "error",
    "iamFleetRoleInvalid",
    "The IAM fleet role does not have the required permissions to launch instances",
    stops_on_demand=True,
)
# It is an information event, although no instance is launched from that specification.
BLACKLISTED = FleetEvent(
    "information",
    "launchSpecTemporarilyBlacklisted",
    "m5.large, ami-12c6146b, Linux/UNIX (Amazon VPC): The security group 'sg-1' does not exist",
    stops_on_demand=True,
)


@dataclass(slots=True)
class FleetHistory:
    """The latest events of one fleet, each with its time, the oldest first."""

    events: deque[tuple[float, FleetEvent, str]] = field(default_factory=deque)

    def add(self, at: float, event: FleetEvent, instance_id: str = "") -> None:
        self.events.append((at, event, instance_id))
        while self.events[0][0] < at - KEPT_S:
            self.events.popleft()

    def add_change(self, at: float, done_at: float, target: int) -> None:
        """Add a change of the target capacity, which is `modifying` until `done_at`."""
        asked = f"Modify request received. Requested targetCapacity: {target}"
        self.add(at, FleetEvent("fleetRequestChange", "modify_in_progress", asked))
        self.add(done_at, FleetEvent("fleetRequestChange", "modify_succeeded", f"New targetCapacity: {target}"))

    def described(self, params: Params, now: float) -> dict[str, Any]:
        """Answer DescribeSpotFleetRequestHistory (EC2 API). `StartTime` is required."""
        start, kind = params["StartTime"], params.get("EventType")
        from_s = (start if start.tzinfo else start.replace(tzinfo=UTC)).timestamp()
        shown = [
            _record(at, event, id_)
            for at, event, id_ in self.events
            if from_s <= at <= now - SHOWN_AFTER_S and kind in (None, event.kind)
        ]
        return {
            "SpotFleetRequestId": params["SpotFleetRequestId"],
            "StartTime": start,
            "LastEvaluatedTime": datetime.fromtimestamp(now - SHOWN_AFTER_S, UTC),
            **ec2_page("HistoryRecords", shown, params, default=EVENTS_A_PAGE, most=EVENTS_A_PAGE),
        }


def _record(at: float, event: FleetEvent, instance_id: str) -> dict[str, Any]:
    of_instance = {"InstanceId": instance_id} if instance_id else {}
    return {
        "Timestamp": datetime.fromtimestamp(at, UTC),
        "EventType": event.kind,
        "EventInformation": {"EventSubType": event.sub_type, "EventDescription": event.description, **of_instance},
    }
