"""Spot Fleets: the target capacity with its on-demand part, and terminations that the fleet does not replace."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from steady.aws.capacity import instance_types
from steady.aws.capacity.kind import (
    NoSuchPool,
    PoolIsChanging,
    Routes,
    template_name,
    terminate_each,
    types_named_in,
    weights_of,
)
from steady.aws.capacity.on_demand_mark import mark, mark_in, owners_part
from steady.aws.ecs.traffic import CLASSIC
from steady.aws.runtime import Runtime, batches
from steady.names import BASE_TAG
from steady.pools import Pool, PoolName

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import (
        HistoryRecordTypeDef,
        SpotFleetRequestConfigDataOutputTypeDef,
        SpotFleetRequestConfigTypeDef,
    )

# A Spot Fleet has no maximum of its own (Service Quotas: target capacity 10,000 a fleet): the threshold holds.
FLEET_MAXIMUM = 10_000
# EC2: how many instances one call of TerminateInstances takes.
TERMINATIONS_A_CALL = 1000
# One call each, of some tenths of a second. The others are left to the next decision.
SINGLE_TERMINATIONS = 100
# EC2 API, "Error codes": a fleet must be in the active state to be changed. It is `modifying` for seconds.
NOT_MODIFIABLE = "FleetNotInModifiableState"
# EC2 API, BatchState: what the states of a fleet that launches nothing any more begin with.
ENDED = ("cancelled", "failed")
# EC2 API, FleetType: a fleet that only places its first requests.
ONE_TIME = "request"
# EC2 API, "Error codes": no fleet has this id, or can have it.
NO_FLEET = ("InvalidSpotFleetRequestId.NotFound", "InvalidSpotFleetRequestId.Malformed", "InvalidParameterValue")
# What the history of the last hour says; a page of it has 1,000 events.
HISTORY = timedelta(hours=1)
HISTORY_PAGES = 3
# EC2 API, EventInformation: these say of a launch specification, or of all, that it launches nothing.
LAUNCHES_NOTHING = ("fleetProgressHalted", "launchSpecTemporarilyBlacklisted", "launchSpecUnusable")


def read_pool(runtime: Runtime, name: PoolName) -> Pool:
    """Return what the fleet is asked for and holds now.

    Raises:
        NoSuchPool: if there is no such fleet, or it was cancelled, or has failed.
    """
    request = _running_request(runtime, name)
    config = request["SpotFleetRequestConfig"]
    pages = runtime.ec2.get_paginator("describe_spot_fleet_instances").paginate(SpotFleetRequestId=name.name)
    instances = [i for page in pages for i in page["ActiveInstances"]]
    templates = config.get("LaunchTemplateConfigs", [])
    offers: list[Any] = [
        *config.get("LaunchSpecifications", []),
        *(o for t in templates for o in t.get("Overrides", [])),
    ]
    types = {i.get("InstanceType", "") for i in instances} - {""}
    part, tags = config.get("OnDemandTargetCapacity", 0), request.get("Tags", [])
    is_changing = request["SpotFleetRequestState"] == "modifying"
    pool = Pool(
        name,
        config["TargetCapacity"],
        0,
        # The quota is of instances: in vCPUs or MiB, the threshold alone holds.
        FLEET_MAXIMUM if config.get("TargetCapacityUnitType", "units") == "units" else sys.maxsize,
        members={i["InstanceId"]: i.get("InstanceType", "") for i in instances},
        weights={
            **instance_types.weights_in(runtime, config.get("TargetCapacityUnitType", ""), types),
            **weights_of(offers),
        },
        on_demand=part,
        on_demand_floor=owners_part(tags, part),
        # While the fleet is modifying, the part is that of before.
        has_stale_mark=owners_part(tags, part) == part and bool(mark_in(tags)) and not is_changing,
        # EC2: an instance of a fleet without a Spot request is an on-demand one.
        on_demand_members=frozenset(i["InstanceId"] for i in instances if not i.get("SpotInstanceRequestId")),
        # EC2: the on-demand part of a Spot Fleet needs a launch template.
        may_fall_back=bool(templates),
        is_changing=is_changing,
        templates=tuple(
            template_name(one.get("LaunchTemplateSpecification", {}), types_named_in(one.get("Overrides", [])))
            for one in templates
        ),
        named_types=types_named_in(offers),
    )
    return _one_time(pool) if config.get("Type") == ONE_TIME else pool


def _one_time(pool: Pool) -> Pool:
    """Return a pool of type request: what it holds is all that it is asked for, and the most that it may be.

    EC2 API, ModifySpotFleetRequest: "You can only modify a Spot Fleet request of type maintain." FleetType: of type
    request, it "does not attempt to replenish instances". What scale-in terminates is gone without a change.
    """
    on_demand = pool.units(pool.on_demand_members)
    return replace(
        pool,
        target=pool.held,
        maximum=pool.held,
        on_demand=on_demand,
        on_demand_floor=on_demand,
        has_stale_mark=False,
        may_fall_back=False,
        own_traits=replace(pool.traits, has_on_demand_part=False, is_one_time=True),
    )


def fleet_config(runtime: Runtime, name: PoolName) -> SpotFleetRequestConfigDataOutputTypeDef:
    """Return what the Spot Fleet `name` was asked for.

    Raises:
        NoSuchPool: if there is no such fleet, or it was cancelled, or has failed.
    """
    return _running_request(runtime, name)["SpotFleetRequestConfig"]


def _running_request(runtime: Runtime, name: PoolName) -> SpotFleetRequestConfigTypeDef:
    requests = _requests(runtime.ec2, name)
    if not requests or _has_ended(requests[0]):
        raise NoSuchPool(f"there is no running Spot Fleet request {name.name} in this account: correct the capacity")
    return requests[0]


def read_routes(runtime: Runtime, name: PoolName) -> Routes:
    """Return where the fleet registers its instances; nothing if there is no such fleet. It is asked once.

    A cancelled fleet may still have instances.
    """
    requests = _requests(runtime.ec2_once, name)
    return to_routes(requests[0]) if requests else Routes()


def to_routes(request: SpotFleetRequestConfigTypeDef) -> Routes:
    """Turn a fleet's description into the places where it registers its instances. Every member may be missing."""
    balancers = request.get("SpotFleetRequestConfig", {}).get("LoadBalancersConfig", {})
    groups = balancers.get("TargetGroupsConfig", {}).get("TargetGroups", [])
    classic = balancers.get("ClassicLoadBalancersConfig", {}).get("ClassicLoadBalancers")
    return Routes(
        tuple(sorted({arn for g in groups if (arn := g.get("Arn"))})), frozenset({CLASSIC} if classic else ())
    )


def _requests(client: EC2Client, name: PoolName) -> Sequence[SpotFleetRequestConfigTypeDef]:
    try:
        return client.describe_spot_fleet_requests(SpotFleetRequestIds=[name.name])["SpotFleetRequestConfigs"]
    except ClientError as error:
        if error.response["Error"]["Code"] not in NO_FLEET:
            raise
        return []


def read_trouble(runtime: Runtime, name: PoolName) -> str:
    """Return why the fleet launches nothing, in the words of its history; "" if it has launched since, or says nothing.

    EC2 API, DescribeSpotFleetRequestHistory: events can be read 30 s later. The order of the events is not documented.
    Spot capacity that EC2 does not have is no event: a fleet that is short of it has an alarm and a fallback.
    """
    since = datetime.fromtimestamp(runtime.now(), UTC) - HISTORY
    told: list[HistoryRecordTypeDef] = []
    more: dict[str, Any] = {}
    for _ in range(HISTORY_PAGES):
        page = runtime.ec2_once.describe_spot_fleet_request_history(
            SpotFleetRequestId=name.name, StartTime=since, **more
        )
        told += [record for record in page["HistoryRecords"] if _is_trouble(record) or _is_launch(record)]
        if not page.get("NextToken"):
            break
        more = {"NextToken": page["NextToken"]}
    latest = max(told, key=lambda record: record["Timestamp"], default=None)
    if latest is None or _is_launch(latest):
        return ""
    event = latest["EventInformation"]
    return ": ".join(filter(None, (event.get("EventSubType"), event.get("EventDescription"))))


def _is_trouble(record: HistoryRecordTypeDef) -> bool:
    return record["EventType"] == "error" or record["EventInformation"].get("EventSubType") in LAUNCHES_NOTHING


def _is_launch(record: HistoryRecordTypeDef) -> bool:
    return record["EventInformation"].get("EventSubType") == "launched"


def read_providers(runtime: Runtime, name: PoolName, providers: Sequence[str]) -> frozenset[str]:  # noqa: ARG001
    """Return no capacity provider: a fleet has none (ECS API, CapacityProvider: they are of Auto Scaling groups)."""
    return frozenset()


def set_target(runtime: Runtime, pool: Pool, target: int, on_demand: int) -> None:
    """Set the fleet's target capacity and its on-demand part, in units.

    A mark keeps the part that the fleet's owner wants meanwhile (`on_demand_mark`). The look after that part is set
    again deletes it. If the mark cannot be written, the target is set without the part.

    Raises:
        PoolIsChanging: if the fleet's last change is not done.
    """
    if pool.traits.is_one_time:
        return
    if on_demand == pool.on_demand:
        _modify(runtime, pool, target, on_demand)
        return
    if on_demand != pool.on_demand_floor:
        value = mark(pool.on_demand_floor, pool.on_demand, on_demand)
        try:
            runtime.ec2.create_tags(Resources=[pool.name.name], Tags=[{"Key": BASE_TAG, "Value": value}])
        except Exception:
            _modify(runtime, pool, target, pool.on_demand)
            raise
    _modify(runtime, pool, target, on_demand)


def delete_mark(runtime: Runtime, name: PoolName) -> None:
    """Delete the mark of the fleet's on-demand part. One that is not there is no error (EC2 API, DeleteTags)."""
    runtime.ec2.delete_tags(Resources=[name.name], Tags=[{"Key": BASE_TAG}])


def _modify(runtime: Runtime, pool: Pool, target: int, on_demand: int) -> None:
    change: dict[str, Any] = {"TargetCapacity": target}
    if on_demand != pool.on_demand:
        change["OnDemandTargetCapacity"] = on_demand
    if target <= pool.target or on_demand < pool.on_demand:
        # The fleet must not choose what to terminate: it is lowered without terminations, and we take what is empty.
        change["ExcessCapacityTerminationPolicy"] = "noTermination"
    try:
        runtime.ec2.modify_spot_fleet_request(SpotFleetRequestId=pool.name.name, **change)
    except ClientError as error:
        if error.response["Error"]["Code"] == NOT_MODIFIABLE and _is_modifiable_soon(runtime, pool.name):
            raise PoolIsChanging(str(error)) from error
        raise


def _is_modifiable_soon(runtime: Runtime, name: PoolName) -> bool:
    """Whether the fleet can be changed once its last change is done: not if it was cancelled meanwhile."""
    return not all(map(_has_ended, _requests(runtime.ec2, name)))


def _has_ended(request: SpotFleetRequestConfigTypeDef) -> bool:
    return str(request["SpotFleetRequestState"]).startswith(ENDED)


def terminate_instances(
    runtime: Runtime,
    pool: Pool,
    instance_ids: Sequence[str],
    target: int,
    on_demand: int,
    before_call: Callable[[], None],
) -> Mapping[str, str]:
    """Lower the target first, so that the fleet launches nothing in their place, then terminate the instances.

    EC2 API, TerminateInstances: one wrong id fails the whole call, and one protected instance fails those of its zone.
    Then each is terminated by itself. A repeat for one that is going already succeeds.
    """
    set_target(runtime, pool, target, on_demand)
    refused: dict[str, str] = {}
    for batch in batches(instance_ids, TERMINATIONS_A_CALL):
        before_call()
        try:
            runtime.ec2.terminate_instances(InstanceIds=batch)
        except Exception as error:
            if len(batch) == 1:
                refused[batch[0]] = str(error)
                continue
            refused |= terminate_each(batch[:SINGLE_TERMINATIONS], lambda id_: _terminate(runtime, id_), before_call)
    return {id_: why for id_, why in refused.items() if "InvalidInstanceID.NotFound" not in why}


def _terminate(runtime: Runtime, instance_id: str) -> None:
    runtime.ec2.terminate_instances(InstanceIds=[instance_id])
