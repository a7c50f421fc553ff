"""`steady adopt` on clusters as they are found: the row deploys, and the first decision in dry-run changes nothing."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator
from typing import Any

import aws_cdk as cdk
import boto3
import pytest
from aws_cdk.assertions import Template
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws
from typer.testing import CliRunner

from cli.account import NotesTelemetry
from cli.adopt import proposal, row_of
from cli.doctor import inspection
from cli.doctor.command import examine
from cli.main import app
from infra import stacks
from infra.settings.errors import BadSettings
from infra.settings.target import targets_in
from steady.aws.capacity import origins, spot_fleet
from steady.aws.runtime import Runtime
from steady.aws.scaling.deciding import evaluate_dry
from steady.aws.settings import parameters
from steady.pools import Pool, PoolKind, PoolName
from steady.scaling.state import ScalingState
from tests.cli.accounts import fleet, template
from tests.cli.found_clusters import ROOM, make_group, of_the_module, provide


def deployed(aws: boto3.Session, row: dict[str, Any]) -> None:
    """Put the parameters that the row's templates have, each with its pattern."""
    ssm = aws.client("ssm")
    [added] = stacks.add_to(cdk.App(context={"clusters": [row]}))
    for one in Template.from_stack(added.state).find_resources("AWS::SSM::Parameter").values():
        given = one["Properties"]
        if isinstance(given["Value"], str):
            ssm.put_parameter(
                Name=given["Name"], Value=given["Value"], Type="String", AllowedPattern=given["AllowedPattern"]
            )


def first_decisions(aws: boto3.Session) -> dict[str, tuple[bool, str]]:
    runtime = Runtime(session=aws, telemetry=NotesTelemetry())
    found = evaluate_dry(runtime, parameters.read_settings(runtime, "web"), ScalingState())
    return {one.name: (one.acts, str(one.decision.reasons)) for one in found.parts}


def adopted(aws: boto3.Session) -> dict[str, Any]:
    return proposal(Runtime(session=aws, telemetry=NotesTelemetry()), "web")


def test_the_cluster_of_the_usual_terraform_module_is_adopted_as_it_is(aws: boto3.Session) -> None:
    of_the_module(aws)

    found = adopted(aws)

    # ECS completes its own hook by itself: the suite needs one of its own, as in a group without any.
    assert found["row"]["pools"] == [
        {"name": "ex-ex_1-20261128", "capacity": "auto-scaling-group:ex-ex_1-20261128", "min": 1, "max": 5},
        {"name": "ex-ex_2-20261128", "capacity": "auto-scaling-group:ex-ex_2-20261128", "min": 1, "max": 5},
    ]
    assert found["left_alone"] == ["capacity provider FARGATE", "capacity provider FARGATE_SPOT"]
    writers = [one for one in found["findings"] if one.check == "other-writer"]
    assert {one.thing for one in writers} == {"capacity provider ex_1", "capacity provider ex_2"}
    assert not any("delete-policy" in one.command for one in writers), "ECS's policy goes with managed scaling"
    deployed(aws, found["row"])
    decisions = first_decisions(aws)
    assert {name: acts for name, (acts, _) in decisions.items()} == dict.fromkeys(decisions, False), decisions


def test_the_doctor_misses_the_suites_hook_beside_that_of_ecs(aws: boto3.Session) -> None:
    of_the_module(aws)
    deployed(aws, adopted(aws)["row"])

    found = examine(Runtime(session=aws, telemetry=NotesTelemetry()), "web")

    assert {one.thing for one in found if one.check == "hook"} == {
        "Auto Scaling group ex-ex_1-20261128",
        "Auto Scaling group ex-ex_2-20261128",
    }


ODD_NAMES = (
    "team/web",
    "web 2",
    "9lives",
    "web'; rm -rf /",
    "Web",
    "web",
    "pool-2",
    "pool-3",
    "ünïcode-группа",
    "a" * 200,
)
ODD = st.sampled_from(ODD_NAMES)
KINDS = st.sampled_from(
    ["provider", "of another cluster", "of no provider", "warm pool", "policy", "schedule", "empty"]
)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    made=st.dictionaries(ODD, KINDS, min_size=1, max_size=6), sizes=st.lists(st.integers(0, 3), min_size=6, max_size=6)
)
def test_whatever_groups_a_cluster_has_the_row_deploys_and_the_first_decision_is_calm(
    made: dict[str, str], sizes: list[int]
) -> None:
    with mock_aws():
        aws = boto3.Session("test", "test", region_name="us-east-1")
        aws.client("ecs").create_cluster(clusterName="web")
        template_id, mine = template(aws, ROOM), []
        for number, (name, kind) in enumerate(made.items()):
            desired = 0 if kind == "empty" else max(1, sizes[number])
            arn = make_group(aws, name, template_id, desired=desired)
            if kind != "of no provider":
                on = {"status": "ENABLED" if kind in ("provider", "of another cluster") else "DISABLED"}
                provide(aws, f"cp{number}", arn, managedScaling=on, managedTerminationProtection="DISABLED")
                mine += [f"cp{number}"] if kind != "of another cluster" else []
            hurt(aws, name, kind)
        aws.client("ecs").put_cluster_capacity_providers(
            cluster="web", capacityProviders=mine, defaultCapacityProviderStrategy=[]
        )

        found = adopted(aws)

        row = found["row"]
        capacities = [one["capacity"] for one in row.get("pools", [row])]
        assert sorted(capacities) == sorted(f"auto-scaling-group:{name}" for name in made)
        assert len(targets_in({"clusters": [row]})) == 1
        for finding in found["findings"]:
            assert shlex.split(finding.command)[0] == "aws"
            assert "rm" not in shlex.split(finding.command), "a name is one word of the command"
        deployed(aws, row)
        decisions = first_decisions(aws)
        assert len(decisions) == len(made)
        assert not any(acts for acts, _ in decisions.values()), decisions


def hurt(aws: boto3.Session, group: str, kind: str) -> None:
    autoscaling = aws.client("autoscaling")
    if kind == "warm pool":
        autoscaling.put_warm_pool(AutoScalingGroupName=group, MinSize=1)
    if kind == "policy":
        autoscaling.put_scaling_policy(
            AutoScalingGroupName=group, PolicyName="cpu 75'", AdjustmentType="ChangeInCapacity", ScalingAdjustment=1
        )
    if kind == "schedule":
        autoscaling.put_scheduled_update_group_action(
            AutoScalingGroupName=group, ScheduledActionName="night", Recurrence="0 22 * * *", DesiredCapacity=0
        )


def test_a_scheduled_action_is_another_writer(aws: boto3.Session) -> None:
    aws.client("ecs").create_cluster(clusterName="web")
    make_group(aws, "web", template(aws, ROOM))
    hurt(aws, "web", "schedule")

    [writer] = [one for one in adopted(aws)["findings"] if one.check == "other-writer"]

    assert "delete-scheduled-action --auto-scaling-group-name web --scheduled-action-name night" in writer.command


def test_of_thirty_pools_the_row_has_those_that_hold_most(aws: boto3.Session) -> None:
    aws.client("ecs").create_cluster(clusterName="web")
    template_id = template(aws, ROOM)
    for number in range(30):
        make_group(aws, f"web-{number:02}", template_id, desired=2 if number in (3, 29) else 1)

    found = adopted(aws)

    assert len(found["row"]["pools"]) == 10
    assert {"web-03", "web-29"} <= {one["name"] for one in found["row"]["pools"]}
    assert len([one for one in found["left_alone"] if "since a cluster has 10 pools at most" in one]) == 20
    assert len(targets_in({"clusters": [found["row"]]})) == 1


def test_a_group_whose_name_is_a_wildcard_to_iam_is_left_alone(aws: boto3.Session) -> None:
    aws.client("ecs").create_cluster(clusterName="web")
    template_id = template(aws, ROOM)
    for name in ("web*", "web"):
        make_group(aws, name, template_id)

    found = adopted(aws)

    assert found["row"]["capacity"] == "auto-scaling-group:web"
    assert found["left_alone"] == ["auto-scaling-group:web*, whose name IAM would take for others, too"]
    row = {"name": "web", "capacity": "auto-scaling-group:web*"}
    with pytest.raises(BadSettings, match="in IAM it would stand for other pools"):
        targets_in({"clusters": [row]})


@pytest.mark.parametrize("unit", ["units", "memory-mib"])
def test_a_group_of_more_units_than_a_bound_may_be_gets_the_largest_bound(aws: boto3.Session, unit: str) -> None:
    aws.client("ecs").create_cluster(clusterName="web")
    make_group(aws, "web", template(aws, ROOM), MaxSize=2_000_000, DesiredCapacityType=unit)

    row = adopted(aws)["row"]

    assert row["thresholds"]["max_capacity"] == 100_000
    assert len(targets_in({"clusters": [row]})) == 1


def tagged(instance_id: str, tag: dict[str, str]) -> Any:
    """The instances as EC2 describes them, one of them with a tag more."""
    described = origins.described_instances

    def with_tag(*asked: Any) -> Iterator[Any]:
        for one in described(*asked):
            yield {**one, "Tags": [*one.get("Tags", []), tag]} if one["InstanceId"] == instance_id else one

    return with_tag


def test_a_fleet_beside_groups_has_no_maximum_of_its_own(aws: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.client("ecs").create_cluster(clusterName="web")
    template_id = template(aws, ROOM)
    make_group(aws, "web", template_id)
    instance_id = fleet(aws, template_id)
    [request] = aws.client("ec2").describe_spot_fleet_requests()["SpotFleetRequestConfigs"]
    # As EC2 tags it; moto does not.
    tag = {"Key": "aws:ec2spot:fleet-request-id", "Value": request["SpotFleetRequestId"]}
    monkeypatch.setattr(origins, "described_instances", tagged(instance_id, tag))

    pools = {one["name"]: one for one in adopted(aws)["row"]["pools"]}

    assert pools["pool-2"]["capacity"].startswith("spot-fleet:sfr-")
    assert (pools["pool-2"]["min"], pools["pool-2"]["max"]) == (0, 1000)


def test_a_cluster_is_named_by_its_arn_too_and_one_that_the_suite_cannot_name_is_refused(aws: boto3.Session) -> None:
    arn = aws.client("ecs").create_cluster(clusterName="web")["cluster"]["clusterArn"]
    make_group(aws, "web", template(aws, ROOM))
    aws.client("ecs").create_cluster(clusterName="9lives")

    shown = CliRunner().invoke(app, ["adopt", arn])
    refused = CliRunner().invoke(app, ["adopt", "9lives"])

    assert json.JSONDecoder().raw_decode(shown.stdout)[0]["name"] == "web"
    assert refused.exit_code == 2
    assert 'the cluster is named "9lives": a name of up to 100 characters that begins with a letter' in refused.stderr


def test_instances_that_register_elsewhere_are_found_before_healing_ends_them(
    aws: boto3.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A group that two clusters share: those of the other one never register with this one."""
    aws.client("ecs").create_cluster(clusterName="web")
    make_group(aws, "web", template(aws, ROOM))
    aws.client("autoscaling").set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=3)
    assert "unregistered" not in {one.check for one in adopted(aws)["findings"]}, "they may boot"
    monkeypatch.setattr(inspection, "REGISTERS_WITHIN_S", -60)

    [finding] = [one for one in adopted(aws)["findings"] if one.check == "unregistered"]

    assert str(finding).startswith("2 of the instances of auto-scaling-group:web")


def test_the_doctor_examines_the_pools_that_are_there_and_names_the_one_that_is_gone(aws: boto3.Session) -> None:
    of_the_module(aws)
    deployed(aws, adopted(aws)["row"])
    aws.client("autoscaling").delete_auto_scaling_group(AutoScalingGroupName="ex-ex_2-20261128", ForceDelete=True)

    found = examine(Runtime(session=aws, telemetry=NotesTelemetry()), "web")

    assert [(one.check, one.thing) for one in found if one.check == "gone"] == [
        ("gone", "pool ex-ex_2-20261128 of cluster web")
    ]
    assert "Auto Scaling group ex-ex_1-20261128" in {one.thing for one in found if one.check == "hook"}


@pytest.mark.parametrize(("unit", "most"), [("units", 1000), ("vcpu", 100_000), ("memory-mib", 100_000)])
def test_a_fleet_that_counts_no_instances_may_still_grow(unit: str, most: int) -> None:
    """A row whose maximum is what the fleet is asked for would keep it as it is."""
    target = 8 if unit == "units" else 16_384
    found = spot_fleet.FLEET_MAXIMUM if unit == "units" else sys.maxsize
    pool = Pool(PoolName(PoolKind.SPOT_FLEET, "sfr-1"), target, 0, found)

    assert row_of("web", [pool], [False])["thresholds"]["max_capacity"] == most
