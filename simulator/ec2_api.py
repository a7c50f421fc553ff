"""EC2's calls about instances and instance types."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from simulator.ec2 import Ec2, Ec2Instance
from simulator.endpoint import Action, Params
from simulator.errors import AwsError, NotSimulated
from simulator.instance_types import NoSuchInstanceType, described, is_type
from simulator.paging import ec2_page

# EC2 API, DescribeInstances and DescribeInstanceTypes: the sizes of a page. Of the former, all are one page if none is
# asked for.
INSTANCES_A_PAGE, TYPES_A_PAGE = (5, 1000), (5, 100)
# EC2 User Guide, "Filtering": values of one filter.
VALUES_A_FILTER = 200
# EC2 User Guide, "Filtering": what stands for other characters in a filter's value.
WILDCARDS = frozenset("*?")
# EC2 API, "Error codes", InvalidInstanceID.Malformed: an id is not of this form.
_ID = re.compile(r"i-(?:[0-9a-f]{8}|[0-9a-f]{17})")
# EC2 API, InstanceState: the code of each state.
CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}


class Ec2Api:
    """The calls, by the names of their actions."""

    def __init__(self, ec2: Ec2) -> None:
        self.ec2 = ec2

    def actions(self) -> dict[str, Action]:
        return {
            "ec2:DescribeInstances": self.describe_instances,
            "ec2:DescribeInstanceTypes": self.describe_instance_types,
            "ec2:TerminateInstances": self.terminate_instances,
        }

    def describe_instances(self, params: Params) -> dict[str, Any]:
        found = list(self.ec2.instances.values())
        for one in params.get("Filters", []):
            if one["Name"] not in _FILTERS or any(set(value) & WILDCARDS for value in one["Values"]):
                raise NotSimulated(f"DescribeInstances with the filter {one['Name']}: {one['Values']}")
            found = [i for i in found if _FILTERS[one["Name"]](i) in _values(one)]
        least, most = INSTANCES_A_PAGE
        default = max(most, len(found))
        most = most if params.get("MaxResults") else default
        reservations = [_reservation(i) for i in found]
        return ec2_page("Reservations", reservations, params, default=default, least=least, most=most)

    def terminate_instances(self, params: Params) -> dict[str, Any]:
        """Terminate instances, except in the zones of those that are protected (EC2 API, TerminateInstances).

        "The specified instances that are in the same Availability Zone as the protected instance are not terminated."
        One id that does not exist fails the whole call.
        """
        instances = self.ec2.instances
        if not params["InstanceIds"]:
            raise AwsError("MissingParameter", "The request must contain the parameter InstanceId")
        if malformed := [id_ for id_ in params["InstanceIds"] if not _ID.fullmatch(id_) and id_ not in instances]:
            raise AwsError("InvalidInstanceID.Malformed", f'Invalid id: "{malformed[0]}"')
        missing = [id_ for id_ in params["InstanceIds"] if id_ not in instances]
        if missing:
            raise AwsError("InvalidInstanceID.NotFound", f"The instance IDs '{', '.join(missing)}' do not exist")
        asked = [instances[id_] for id_ in params["InstanceIds"]]
        before = {i.id: _state(i) for i in asked}
        refusals = {i.zone: i.refuses_termination for i in asked if i.refuses_termination and i.alive}
        for instance in asked:
            if instance.zone not in refusals:
                self.ec2.terminate(instance)
        for refusal in refusals.values():
            raise refusal
        return {
            "TerminatingInstances": [
                {
                    "InstanceId": id_,
                    "PreviousState": _described_state(state),
                    # It is shutting down when the call returns, and terminated a moment later.
                    "CurrentState": _described_state("terminated" if state == "terminated" else "shutting-down"),
                }
                for id_, state in before.items()
            ]
        }

    def describe_instance_types(self, params: Params) -> dict[str, Any]:
        """Describe types. An unknown one among `InstanceTypes` fails the call; the filter leaves it out (EC2 API)."""
        if not params.get("InstanceTypes") and not params.get("Filters"):
            raise NotSimulated("DescribeInstanceTypes of all types")
        types = params.get("InstanceTypes", [])
        for one in params.get("Filters", []):
            if one["Name"] != "instance-type":
                raise NotSimulated(f"DescribeInstanceTypes with the filter {one['Name']}")
            types = [type_ for type_ in _values(one) if is_type(type_)]
        try:
            found = [described(type_) for type_ in types]
        except NoSuchInstanceType as error:
            raise AwsError("InvalidInstanceType", str(error)) from error
        least, most = TYPES_A_PAGE
        return ec2_page("InstanceTypes", found, params, default=most, least=least, most=most)


def _values(one: Mapping[str, Any]) -> list[str]:
    values: list[str] = one["Values"]
    if len(values) > VALUES_A_FILTER:
        raise AwsError("FilterLimitExceeded", f"The maximum number of filter values is {VALUES_A_FILTER}")
    return values


def _reservation(instance: Ec2Instance) -> dict[str, Any]:
    return {"ReservationId": f"r-{instance.id[2:]}", "Instances": [_instance(instance)]}


def _described_state(name: str) -> dict[str, Any]:
    return {"Name": name, "Code": CODES[name]}


def _instance(instance: Ec2Instance) -> dict[str, Any]:
    return {
        "InstanceId": instance.id,
        "InstanceType": instance.instance_type,
        "State": _described_state(_state(instance)),
        "Placement": {"AvailabilityZone": instance.zone},
        "ImageId": instance.image,
        "LaunchTime": datetime.fromtimestamp(instance.launched_at, UTC),
        # EC2 API, Instance: `spot`, `scheduled` or `capacity-block`; an on-demand instance has no such member.
        **({} if instance.on_demand else {"InstanceLifecycle": "spot"}),
        "Tags": [{"Key": k, "Value": v} for k, v in instance.tags.items()],
    }


def _state(instance: Ec2Instance) -> str:
    if not instance.alive:
        return "terminated"
    return "stopped" if instance.stopped else "running"


# The filters of DescribeInstances that are simulated, by their names (EC2 API Reference).
_FILTERS: Mapping[str, Callable[[Ec2Instance], str]] = {
    "instance-id": lambda instance: instance.id,
    "instance-state-name": _state,
    "capacity-reservation-id": lambda instance: instance.reservation,
    "tag:aws:autoscaling:groupName": lambda instance: instance.tags.get("aws:autoscaling:groupName", ""),
    "tag:aws:ec2spot:fleet-request-id": lambda instance: instance.tags.get("aws:ec2spot:fleet-request-id", ""),
}
