"""A deployment that is changed: nothing that holds data or runs is replaced, and no export in use goes."""

from __future__ import annotations

import json
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk.assertions import Template

from infra.network_slots import LETTERS, made_for, slots_of
from tests.infra.changes import lost_exports, removed, replaced, templates_of
from tests.infra.made_clusters import EXAMPLE

BEFORE = Path(__file__).parent / "previous_release"
WEB, SPOT, TRAIN = EXAMPLE["clusters"]
# A fleet is replaced where a group is changed in place.
BATCH = {**SPOT, "kind": "spot-fleet"}
A, B, C, D = (f"us-east-1{letter}" for letter in "abcd")


def rows(*given: dict[str, Any]) -> dict[str, Any]:
    return {"clusters": list(given)}


def in_zones(*zones: str) -> list[dict[str, Any]]:
    return [{**row, "zones": list(zones)} for row in (WEB, BATCH)]


CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "the first two zones get a third": (rows(*in_zones(A, B)), rows(*in_zones(A, B, C))),
    "a zone is added between two": (rows(*in_zones(A, C)), rows(*in_zones(A, B, C))),
    "a zone is added before another": (rows(*in_zones(B)), rows(*in_zones(A, B))),
    "a fourth zone": (rows(*in_zones(A, B, C)), rows(*in_zones(A, B, C, D))),
    "zones are reordered": (rows(*in_zones(A, B, C)), rows(*in_zones(C, A, B))),
    "zones are removed from every cluster": (
        {**rows(*in_zones(A, B, C)), "network": {"zones": [A, B, C]}},
        {**rows(*in_zones(B)), "network": {"zones": [A, B, C]}},
    ),
    "a cluster is added": (rows(WEB, BATCH), rows(WEB, BATCH, TRAIN)),
    "a cluster is added before others": (rows(WEB, BATCH), rows(TRAIN, WEB, BATCH)),
    "a cluster is removed": (rows(WEB, BATCH, TRAIN), rows(WEB, BATCH)),
    "clusters are reordered": (rows(WEB, BATCH, TRAIN), rows(TRAIN, BATCH, WEB)),
    "types are reordered": (
        rows(WEB, BATCH),
        rows(*({**row, "types": dict(reversed(row["types"].items()))} for row in (WEB, BATCH))),
    ),
    "logs and metrics are taken out": ({}, {"logs": None, "monitoring": None, "task_status": None}),
}
# Of a zone, the file system's address there; of a cluster, its daemons. The last part of a logical id is a hash.
GONE = {
    "zones are removed from every cluster": {"FilesEfsMountTarget1", "FilesEfsMountTarget3"},
    "a cluster is removed": {"CadvisortrainService", "ShipperstrainService"},
}
# A fleet's zones are its own: it can be changed in its target alone (docs/clusters.md, "Changing a Spot Fleet").
OTHER_FLEET = "steady-cluster-batch ClusterFleetB6F949BD: /properties/SpotFleetRequestConfigData/LaunchTemplateConfigs"


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_replaces_nothing_that_holds_data_or_runs(change: str) -> None:
    before, after = (templates_of(**settings) for settings in CHANGES[change])
    moved = json.dumps(before["steady-cluster-batch"]) != json.dumps(after["steady-cluster-batch"])

    assert set(replaced(before, after)) <= {OTHER_FLEET}
    assert moved is ("zone" in change and "reordered" not in change), "the fleet is in the zones of its row"
    assert {name.split()[1][:-8] for name in removed(before, after)} == GONE.get(change, set())
    assert lost_exports(before, after) == set()


def test_a_zone_that_is_added_leaves_a_group_and_all_that_is_in_the_other_zones() -> None:
    before, after = (templates_of(**rows(*in_zones(*zones))) for zones in ((A, B), (A, B, C)))

    kept = before["steady-network"]["Resources"].items()
    changed = [name for name, resource in kept if after["steady-network"]["Resources"][name] != resource]
    assert changed == ["VpcS3A5408339"], "its routes"


@pytest.mark.parametrize("name", ["network", "monitoring", "logs", "cluster-web", "cluster-batch"])
def test_an_upgrade_replaces_nothing(name: str) -> None:
    stack = f"steady-{name}"
    before = {stack: json.loads((BEFORE / f"{name}.json").read_text())}
    after = templates_of(**rows(WEB, {**BATCH, "keep_order": True}, TRAIN))

    assert replaced(before, {stack: after[stack]}) == []
    assert removed(before, {stack: after[stack]}) == []
    assert set(before[stack].get("Outputs", {})) <= set(after[stack].get("Outputs", {}))


def network_of_release_0_1_0(zones: list[str]) -> dict[str, Any]:
    stack = cdk.Stack(cdk.App(), "steady-network")
    ec2.Vpc(stack, "Vpc", availability_zones=zones, nat_gateways=len(zones))
    found: dict[str, Any] = Template.from_stack(stack).to_json()
    return found


@pytest.mark.parametrize("letters", ["a", "ab", "ac", "bc", "abc", "acd", "abcd", "abcdef"])
def test_a_network_of_release_0_1_0_stays_where_it_is_whichever_zones_it_has(letters: str) -> None:
    zones = [f"us-east-1{letter}" for letter in letters]
    before = {"steady-network": network_of_release_0_1_0(zones)}
    deployed = {
        s["Properties"]["AvailabilityZone"]: s["Properties"]["CidrBlock"]
        for name, s in before["steady-network"]["Resources"].items()
        if s["Type"] == "AWS::EC2::Subnet" and "Private" in name
    }
    row = {**WEB, "zones": zones}
    all_zones = [f"us-east-1{letter}" for letter in LETTERS]
    network = {"made_for": list(made_for(deployed))}
    kept = templates_of(**rows(row), network=network, logs=None, monitoring=None)
    more = templates_of(**rows({**row, "zones": all_zones}), network=network, logs=None, monitoring=None)

    assert (network["made_for"] == []) is (letters == "abc")
    assert replaced(before, kept) == replaced(kept, more) == []
    assert removed(before, kept) == removed(kept, more) == []


@pytest.mark.parametrize("zones", [["us-east-1a"], ["us-east-1a", "us-east-1b", "us-east-1c"]])
@pytest.mark.parametrize("made", [(), ("us-east-1a",), ("us-east-1a", "us-east-1b")])
def test_no_two_subnets_overlap(zones: list[str], made: tuple[str, ...]) -> None:
    every = {*zones, *made, *(f"us-east-1{letter}" for letter in LETTERS)}
    blocks = [ip_network(b) for slot in slots_of(every, made).values() for b in (slot.public, slot.private)]
    assert not any(one.overlaps(other) for n, one in enumerate(blocks) for other in blocks[:n])


def test_without_nat_gateways_instances_are_in_public_subnets_and_can_move_from_there() -> None:
    lean = {**rows(WEB, BATCH), "logs": None, "monitoring": None, "network": {"nat": "none"}}
    before, after = templates_of(**lean), templates_of(**{**lean, "network": {}})
    kinds = [resource["Type"] for resource in before["steady-network"]["Resources"].values()]

    assert not {"AWS::EC2::NatGateway", "AWS::EC2::EIP"} & set(kinds)
    assert "PublicSubnet" in json.dumps(before["steady-cluster-web"]["Resources"]["ClusterGroupASGF083DD86"])
    assert set(replaced(before, after)) == {OTHER_FLEET}
    assert lost_exports(before, after) == lost_exports(after, before) == set()


def test_a_deployment_can_be_deleted_whatever_its_buckets_hold() -> None:
    """Amazon S3: BucketNotEmpty, "The bucket that you tried to delete is not empty"."""
    buckets = [
        resource
        for template in templates_of().values()
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::S3::Bucket"
    ]

    assert len(buckets) == 3
    assert {bucket["DeletionPolicy"] for bucket in buckets} == {"Retain"}
    assert all("ExpirationInDays" in json.dumps(b["Properties"]["LifecycleConfiguration"]) for b in buckets)
