"""Rows of cdk.json that make several pools, and rows with made and adopted ones."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template

from infra import stacks
from infra.settings.errors import BadSettings
from infra.settings.target import targets_in
from tests.infra.changes import lost_exports, removed, replaced
from tests.infra.iam import ROLES, Request, arn, decided, policies_of, requests_of
from tests.infra.worlds import world_of_pools

ZONES = ["us-east-1a", "us-east-1b"]
BASE = {"name": "base", "kind": "on-demand", "types": {"m5.large": 1, "m5.xlarge": 2}, "min": 2, "zones": ZONES}
SPOT = {"name": "spot", "kind": "spot", "types": {"m5.large": 1}, "max": 80, "priority": 10, "zones": ["us-east-1b"]}
GPU = {
    "name": "gpu",
    "kind": "spot-fleet",
    "types": {"g5.xlarge": 1},
    "max": 8,
    "zones": ["us-east-1a"],
    "volume_gib": 200,
    "attributes": {"pool": "gpu", "team": "ml ops"},
}
THEIRS = {"name": "theirs", "capacity": "auto-scaling-group:theirs", "min": 1}
MIXED = {"name": "mix", "cluster": "made", "pools": [BASE, SPOT, GPU, THEIRS], "thresholds": {"expander": "priority"}}
ONE = {**{key: value for key, value in BASE.items() if key != "name"}, "name": "mix"}
GROUP, FLEET, HOOK = "AWS::AutoScaling::AutoScalingGroup", "AWS::EC2::SpotFleet", "AWS::AutoScaling::LifecycleHook"
TEMPLATE, ECS, PARAMETER = "AWS::EC2::LaunchTemplate", "AWS::ECS::Cluster", "AWS::SSM::Parameter"


def templates(*rows: dict[str, Any], **context: Any) -> dict[str, dict[str, Any]]:
    app = cdk.App(context={"clusters": list(rows), **context})
    stacks.add_to(app)
    return {stack.stack_name: stack.template for stack in app.synth().stacks}


def resources(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {name: one for name, one in template["Resources"].items() if one["Type"] == kind}


def parameters(template: dict[str, Any]) -> dict[str, Any]:
    found = (one["Properties"] for one in resources(template, PARAMETER).values())
    return {one["Name"]: one["Value"] for one in found if one["Name"].startswith("/steady/")}


@pytest.fixture(scope="module")
def mixed() -> dict[str, dict[str, Any]]:
    return templates(MIXED)


def test_each_pool_of_the_row_is_made_beside_those_that_exist(mixed: dict[str, dict[str, Any]]) -> None:
    made = mixed["steady-cluster-mix"]
    groups = {one["Properties"]["AutoScalingGroupName"]: one for one in resources(made, GROUP).values()}
    names = {one["Properties"]["AutoScalingGroupName"]: name for name, one in resources(made, GROUP).items()}
    [fleet] = resources(made, FLEET)

    assert set(groups) == {"mix-base", "mix-spot"}
    assert [one["Properties"]["ClusterName"] for one in resources(made, ECS).values()] == ["mix"]
    of_made = parameters(made)
    assert of_made["/steady/clusters/mix/pools/base/capacity"] == {
        "Fn::Join": ["", ["auto-scaling-group:", {"Ref": names["mix-base"]}]]
    }
    assert of_made["/steady/clusters/mix/pools/gpu/capacity"] == {"Fn::Join": ["", ["spot-fleet:", {"Ref": fleet}]]}
    assert {name: value for name, value in of_made.items() if "/deployed/" in name} == {
        "/steady/deployed/clusters/mix/pools/base/min_capacity": "2",
        "/steady/deployed/clusters/mix/pools/base/max_capacity": "100",
        "/steady/deployed/clusters/mix/pools/spot/min_capacity": "0",
        "/steady/deployed/clusters/mix/pools/spot/max_capacity": "80",
        "/steady/deployed/clusters/mix/pools/spot/priority": "10",
        "/steady/deployed/clusters/mix/pools/gpu/attributes": '{"pool": "gpu", "team": "ml ops"}',
        "/steady/deployed/clusters/mix/pools/gpu/min_capacity": "0",
        "/steady/deployed/clusters/mix/pools/gpu/max_capacity": "8",
        "/steady/deployed/clusters/mix/expander": "priority",
        # As for a cluster with a fleet alone: the handler empties by the time that the fleet leaves it.
        "/steady/deployed/clusters/mix/on_rebalance": "drain",
        "/steady/deployed/clusters/mix/rebalance_deadline_seconds": "900",
    }
    of_state = parameters(mixed["steady-state"])
    assert of_state["/steady/clusters/mix/pools/theirs/capacity"] == "auto-scaling-group:theirs"
    assert of_state["/steady/deployed/clusters/mix/pools/theirs/min_capacity"] == "1"
    assert not of_state.keys() & of_made.keys(), "no parameter is in two stacks"


def test_each_pool_is_like_the_one_of_a_cluster_with_one_pool(mixed: dict[str, dict[str, Any]]) -> None:
    """But for its name, the group has the properties that the same keys give the only pool of a cluster."""
    [only] = resources(templates(ONE)["steady-cluster-mix"], GROUP).values()
    [base] = (one for one in resources(deepcopy(mixed)["steady-cluster-mix"], GROUP).values() if "base" in str(one))
    for one in (only, base):
        one["Properties"].pop("AutoScalingGroupName")
        one["Properties"]["MixedInstancesPolicy"]["LaunchTemplate"].pop("LaunchTemplateSpecification")

    assert base["Properties"] == only["Properties"]
    assert base["DependsOn"] == only["DependsOn"]


def test_every_group_waits_under_the_hook_before_it_terminates(mixed: dict[str, dict[str, Any]]) -> None:
    made = mixed["steady-cluster-mix"]
    hooked = {one["Properties"]["AutoScalingGroupName"]["Ref"] for one in resources(made, HOOK).values()}

    assert hooked == set(resources(made, GROUP))
    adopted = [one["Properties"] for one in resources(mixed["steady-service-out"], HOOK).values()]
    assert [one["AutoScalingGroupName"] for one in adopted] == ["theirs"]


def test_instances_of_each_pool_join_the_cluster_with_their_own_image_disk_and_attributes(
    mixed: dict[str, dict[str, Any]],
) -> None:
    made = mixed["steady-cluster-mix"]
    found = {}
    for one in resources(made, TEMPLATE).values():
        data = one["Properties"]["LaunchTemplateData"]
        names = {tag["Key"]: tag["Value"] for tag in data["TagSpecifications"][0]["Tags"]}
        assert names["steady:cluster"] == "mix"
        found[names["Name"]] = data
    images = {key: made["Parameters"][data["ImageId"]["Ref"]]["Default"] for key, data in found.items()}
    scripts = {key: _script(data["UserData"]) for key, data in found.items()}

    assert images == {f"ecs mix {pool}": f"/steady/images/mix/{pool}" for pool in ("base", "spot", "gpu")}
    assert all("ECS_CLUSTER=mix\n" in script for script in scripts.values())
    assert "ECS_ENABLE_GPU_SUPPORT=true" in scripts["ecs mix gpu"]
    assert 'ECS_INSTANCE_ATTRIBUTES={"pool": "gpu", "team": "ml ops"}\n' in scripts["ecs mix gpu"]
    assert "ECS_INSTANCE_ATTRIBUTES" not in scripts["ecs mix base"]
    sizes = {key: data["BlockDeviceMappings"][0]["Ebs"]["VolumeSize"] for key, data in found.items()}
    assert sizes == {"ecs mix base": 50, "ecs mix spot": 50, "ecs mix gpu": 200}


def _script(user_data: Any) -> str:
    given = user_data["Fn::Base64"]
    return given if isinstance(given, str) else base64.b64decode(given).decode()


def test_a_cluster_that_exists_gets_pools_and_is_not_made() -> None:
    found = templates({**MIXED, "cluster": "adopted"})

    assert resources(found["steady-cluster-mix"], ECS) == {}
    assert len(resources(found["steady-cluster-mix"], GROUP)) == 2
    # Where they were before the row got a pool to make: a parameter cannot move to another stack.
    assert parameters(found["steady-state"])["/steady/deployed/clusters/mix/expander"] == "priority"


def test_a_cluster_with_one_pool_gets_others_and_nothing_that_runs_changes() -> None:
    before = templates(ONE)
    after = templates({"name": "mix", "cluster": "made", "pools": [{**BASE, "name": "mix"}, SPOT]})

    assert replaced(before, after) == removed(before, after) == []
    assert lost_exports(before, after) == set()
    old, new = (found["steady-cluster-mix"]["Resources"] for found in (before, after))
    for name, one in old.items():
        if one["Type"] != PARAMETER:
            assert {**new[name], "DeletionPolicy": None, "UpdateReplacePolicy": None} == {
                **one,
                "DeletionPolicy": None,
                "UpdateReplacePolicy": None,
            }
    gone = {one["Properties"]["Name"] for name, one in old.items() if name not in new}
    assert gone == {
        "/steady/clusters/mix/capacity",
        "/steady/deployed/clusters/mix/min_capacity",
        "/steady/deployed/clusters/mix/max_capacity",
    }


@pytest.mark.parametrize("pool", [BASE, SPOT, GPU], ids=lambda pool: pool["kind"])
def test_a_pool_that_is_taken_out_or_renamed_stays_as_it_is_with_its_hook_and_its_template(
    pool: dict[str, Any],
) -> None:
    pools = [BASE, SPOT, GPU, THEIRS]
    before = templates({**MIXED, "pools": pools})["steady-cluster-mix"]["Resources"]
    for others in (
        [one for one in pools if one is not pool],
        [{**one, "name": "other"} if one is pool else one for one in pools],
    ):
        after = templates({**MIXED, "pools": others})["steady-cluster-mix"]["Resources"]
        gone = {name: one for name, one in before.items() if name not in after}
        kept = {name: one for name, one in before.items() if name in after}
        # Without their profile, instances would have no credentials, and their agents no connection.
        deleted = {one["Type"] for one in gone.values() if one.get("DeletionPolicy") != "RetainExceptOnCreate"}
        assert deleted == {PARAMETER}
        assert {FLEET, TEMPLATE} <= {one["Type"] for one in gone.values()} or {GROUP, HOOK, TEMPLATE} <= {
            one["Type"] for one in gone.values()
        }
        assert {name: after[name] for name in kept} == kept, "the other pools are not touched"


def test_a_pool_that_is_to_be_adopted_is_refused_before_its_stack_lets_go_of_it() -> None:
    """SSM: a parameter is made once. The state's stack, which would make the second one, is deployed first."""
    adopted = {"name": SPOT["name"], "capacity": "auto-scaling-group:mix-spot"}
    [added] = stacks.add_to(cdk.App(context={"clusters": [{**MIXED, "pools": [BASE, adopted]}]}))
    twice = parameters(Template.from_stack(added.state).to_json()).keys() & parameters(
        templates(MIXED)["steady-cluster-mix"]
    )

    assert "/steady/clusters/mix/pools/spot/capacity" in twice
    assert added.state in added.clusters[0].dependencies


@pytest.mark.parametrize(
    ("row", "line"),
    [
        ({"pools": [BASE, THEIRS]}, '"made" is needed if the deployment is to make the ECS cluster, too, as it makes'),
        ({"cluster": "made", "pools": [THEIRS, {**THEIRS, "name": "b", "capacity": "spot-fleet:sfr-1"}]}, '"adopted"'),
        ({"cluster": "made", "pools": [BASE, {**BASE, "name": "BASE"}]}, "another name than that of pools[0]"),
        (
            {"cluster": "made", "pools": [BASE, {**THEIRS, "capacity": "auto-scaling-group:mix-base"}]},
            "the group of a made pool is named CLUSTER-POOL",
        ),
        ({"cluster": "made", "pools": [BASE, {**GPU, "ami": "common"}]}, "has no driver for them"),
        ({"cluster": "made", "pools": [BASE, {**SPOT, "types": {"m6g.large": 1}}]}, "types of one architecture"),
        ({"cluster": "made", "pools": [BASE, {**SPOT, "zones": ["eu-west-1a"]}]}, "zones of us-east-1 are needed"),
        ({"cluster": "made", "pools": [BASE, {**SPOT, "min": 9, "max": 8}]}, "a number that is not over max, 8,"),
        ({"cluster": "made", "pools": [BASE, {**SPOT, "capacity": "spot-fleet:sfr-1"}]}, "or one to make"),
        (
            {"cluster": "made", "pools": [BASE, {**GPU, "attributes": {"ecs.ami-id": "x"}}]},
            "a key that is an attribute",
        ),
        ({"cluster": "made", "pools": [BASE, {**GPU, "attributes": {"pool": "a\nB=c"}}]}, "an attribute's value"),
        ({"cluster": "made", "name": "my_mix", "pools": [BASE, SPOT]}, "digits and - that begins with a letter"),
    ],
)
def test_a_row_that_cannot_be_made_is_refused_in_one_line(row: dict[str, Any], line: str) -> None:
    with pytest.raises(BadSettings) as refused:
        targets_in({"clusters": [{"name": "mix", **row}]})

    assert line in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_a_group_is_of_one_row_alone() -> None:
    spot = {**ONE, "name": "mix-spot"}
    with pytest.raises(BadSettings, match="clusters\\[0\\] has the capacity auto-scaling-group:mix-spot, too"):
        targets_in({"clusters": [spot, MIXED]})


def test_what_the_functions_call_on_made_pools_is_allowed_and_on_other_pools_it_is_not() -> None:
    world = world_of_pools()
    row = {"name": "mix", "cluster": "made", "pools": [BASE, {**GPU, "name": "spot"}]}
    app = cdk.App(context={"clusters": [row], "@aws-cdk/core:defaultCrossStackReferences": "strong"})
    stacks.add_to(app)
    found = policies_of({s.stack_name: Template.from_stack(s) for s in app.node.find_all() if isinstance(s, cdk.Stack)})
    assert world.account.endpoint.log
    calls = [call for call in world.account.endpoint.log if call.caller in ROLES]
    asked = list(dict.fromkeys(_of_a_made_fleet(one) for call in calls for one in requests_of(call)))

    assert {"ec2:ModifySpotFleetRequest", "autoscaling:SetDesiredCapacity"} <= {one.action for one in asked}
    refused = [(one, answer) for one, answer in zip(asked, decided(found, asked), strict=True) if answer != "Allowed"]
    assert refused == []
    theirs = [
        Request(
            "autoscaler",
            "autoscaling:SetDesiredCapacity",
            arn("autoscaling", "autoScalingGroup:0123:autoScalingGroupName/mix-other"),
        ),
        Request("autoscaler", "ec2:ModifySpotFleetRequest", arn("ec2", "spot-fleet-request/sfr-mix-spot")),
        Request("autoscaler", "ec2:TerminateInstances", arn("ec2", "instance/i-1")),
    ]
    assert decided(found, theirs) == ["ImplicitlyDenied"] * 3


def _of_a_made_fleet(request: Request) -> Request:
    """The request as AWS asks it of IAM: the fleet and its instances have the tag that the deployment gives them."""
    if request.action == "autoscaling:TerminateInstanceInAutoScalingGroup":
        return replace(request, resource=arn("autoscaling", "autoScalingGroup:0123:autoScalingGroupName/mix-base"))
    if request.action not in ("ec2:ModifySpotFleetRequest", "ec2:TerminateInstances", "ec2:CreateTags"):
        return request
    context = [(key, value) for key, value in request.context if not key.startswith("aws:ResourceTag")]
    return replace(request, context=(*context, ("aws:ResourceTag/steady:cluster", "mix")))


def test_the_order_of_types_may_change_in_the_made_groups_of_on_demand_instances_alone() -> None:
    [target] = targets_in({"clusters": [{**MIXED, "thresholds": {"type_order": "fitting"}}]})

    assert target.settings.fitting == {"mix": ["mix-base"]}
    assert targets_in({"clusters": [MIXED]})[0].settings.fitting == {}


def test_the_templates_pass_cfn_lint(mixed: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    for name in ("steady-cluster-mix", "steady-state", "steady-watch-mix"):
        (tmp_path / f"{name}.json").write_text(json.dumps(mixed[name]))
    lint = Path(sys.executable).parent / "cfn-lint"
    done = subprocess.run([lint, *sorted(tmp_path.iterdir())], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")
