"""The keys of cdk.json by which today's templates keep what release 0.1.0 has made: its order of zones and of types."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from cli.stacks import read_template, where_there_is_one
from infra.network_slots import id_of, made_for
from steady.aws.runtime import Runtime
from steady.aws.settings.parameters import list_managed_clusters

NETWORK = "steady-network"
MONITORING = "steady-monitoring"


def keys_needed(aws: Runtime, cloudformation: Any) -> Iterator[str]:
    """Yield the keys that cdk.json needs before the upgrade, each as a line that says where it belongs."""
    network = _resources(cloudformation, NETWORK)
    subnets = {
        name: subnet["Properties"]
        for name, subnet in network.items()
        if subnet["Type"] == "AWS::EC2::Subnet" and "PrivateSubnet" in name
    }
    if zones := made_for({s["AvailabilityZone"]: s["CidrBlock"] for s in subnets.values()}):
        yield f'"network": {{"made_for": {json.dumps(zones)}}}'
    zones_of = {name: str(subnet["AvailabilityZone"]) for name, subnet in subnets.items()}
    if numbered := _zones_of_addresses(aws, _resources(cloudformation, MONITORING), zones_of):
        yield f'in "monitoring": "made_for": {json.dumps(numbered)}'
    for cluster in list_managed_clusters(aws):
        if any(_has_an_order(r) for r in _resources(cloudformation, f"steady-cluster-{cluster}").values()):
            yield f'in the row of the cluster {cluster}: "keep_order": true'


def _resources(cloudformation: Any, stack: str) -> dict[str, dict[str, Any]]:
    """Return the resources of a stack's template; none where there is no such stack."""
    template: dict[str, Any] = {"Resources": {}}
    with where_there_is_one():
        template = read_template(cloudformation, stack)
    found: dict[str, dict[str, Any]] = template["Resources"]
    return found


def _has_an_order(resource: Mapping[str, Any]) -> bool:
    """Return whether it is a fleet whose overrides are in another order than today's: by type, then by subnet."""
    if resource["Type"] != "AWS::EC2::SpotFleet":
        return False
    configs = resource["Properties"]["SpotFleetRequestConfigData"].get("LaunchTemplateConfigs", [])
    offers = [(o["InstanceType"], json.dumps(o["SubnetId"])) for c in configs for o in c["Overrides"]]
    return offers != sorted(offers)


def _zones_of_addresses(
    aws: Runtime, monitoring: Mapping[str, Mapping[str, Any]], zones_of: Mapping[str, str]
) -> list[str]:
    """Return the zones of the file system's addresses by their numbers, where today's numbers are others."""
    numbered: dict[int, str] = {}
    for name, resource in monitoring.items():
        number = re.search(r"EfsMountTarget([0-9])", name)
        if resource["Type"] != "AWS::EFS::MountTarget" or not number:
            continue
        subnet = resource["Properties"]["SubnetId"]
        if isinstance(subnet, str):
            [there] = aws.ec2.describe_subnets(SubnetIds=[subnet])["Subnets"]
            numbered[int(number[1])] = there["AvailabilityZone"]
        else:
            exported = json.dumps(subnet)
            numbered[int(number[1])] = next(zone for known, zone in zones_of.items() if known in exported)
    zones = [numbered[number] for number in sorted(numbered)]
    return zones if any(id_of(zone) != str(number) for number, zone in numbered.items()) else []
