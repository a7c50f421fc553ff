"""What the context says of a deployment: checked before anything is made of it."""

from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
import pytest

from infra import stacks
from infra.settings.clusters import MadeCluster
from infra.settings.errors import BadSettings
from infra.settings.target import ExistingNetwork, Settings, targets_of
from steady.pools import PoolKind
from steady.thresholds import BadThreshold

ADOPTED = {"name": "a", "capacity": "spot-fleet:sfr-1"}
MADE: dict[str, Any] = {"name": "web", "kind": "on-demand", "types": {"m5.large": 1}, "zones": ["us-east-1a"]}


def settings(*rows: Any, **context: Any) -> Settings:
    [target] = targets_of(cdk.App(context={"clusters": list(rows), **context}).node)
    return target.settings


def made(**row: Any) -> MadeCluster:
    [cluster] = settings({**MADE, **row}).made
    return cluster


def test_a_row_makes_a_cluster_within_its_bounds() -> None:
    web = made(min=2, max=40, types={"m5.large": 1, "m5.xlarge": 2}, thresholds={"drift_seconds": 10})

    assert (web.kind, web.minimum, web.maximum) == (PoolKind.AUTO_SCALING_GROUP, 2, 40)
    assert web.types == {"m5.large": 1, "m5.xlarge": 2}
    assert web.thresholds == {"min_capacity": "2", "max_capacity": "40", "drift_seconds": "10"}


def test_a_spot_cluster_follows_the_recommendations_that_its_fleet_acts_on() -> None:
    spot = made(kind="spot")

    assert (spot.thresholds["on_rebalance"], spot.thresholds["rebalance_deadline_seconds"]) == ("drain", "900")


def test_the_image_is_the_common_one_unless_the_types_have_gpus_or_the_row_says_so() -> None:
    assert made().image.name == "common"
    assert made(types={"g5.xlarge": 1}).image.name == "gpu"
    assert made(ami="ubuntu").image.name == "ubuntu"
    assert made(types={"m7g.large": 1}, ami="arm64").image.name == "arm64"


def test_an_image_of_ones_own_takes_the_common_ones_place() -> None:
    own = {"common": {"parameter": "/images/ours", "distribution": "ubuntu"}}

    [web] = settings(MADE, images=own).made

    assert (web.image.parameter, web.image.root_device) == ("/images/ours", "/dev/sda1")


def test_a_table_may_come_from_the_command_line() -> None:
    [target] = targets_of(cdk.App(context={"clusters": json.dumps([ADOPTED])}).node)
    assert [c.name for c in target.settings.adopted] == ["a"]


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ([], '"clusters" is empty'),
        ([{"name": "web"}], "is needed"),
        ([{**MADE, **ADOPTED}], "for a cluster that is made, or"),
        ("{", "is no JSON"),
        ([ADOPTED, ADOPTED], "has the name a twice"),
        ([ADOPTED, {**ADOPTED, "name": "b"}], "has the capacity spot-fleet:sfr-1 twice"),
        ([{**ADOPTED, "capacity": "auto-scaling-group:web"}, MADE], "has the capacity auto-scaling-group:web twice"),
        ([{**ADOPTED, "thresholds": {"speed": 1}}], "speed is no threshold"),
        ([{**ADOPTED, "zones": ["us-east-1a"]}], "a: zones is not known"),
        ([{**ADOPTED, "hook": "no"}], "hook is 'no': true, or false for a group that has one"),
        ([{**MADE, "name": "web/1"}], "a name of letters, digits, - and _"),
        ([{**MADE, "kind": "fargate"}], "kind is 'fargate': one of on-demand, spot is needed"),
        ([{**MADE, "types": {}}], "types are {}"),
        ([{**MADE, "types": {"large": 1}}], "'large' is no EC2 instance type"),
        ([{**MADE, "types": {"m5.large": 0}}], "the weight of m5.large is 0: a whole number from 1 to 999"),
        ([{**MADE, "min": 3, "max": 2}], "min is 3 and max is 2"),
        ([{**MADE, "max": "ten"}], "max is 'ten': a whole number"),
        ([{**MADE, "zones": "us-east-1a"}], "zones are 'us-east-1a': a list"),
        ([{**MADE, "ami": "windows"}], "ami is 'windows': one of common, arm64, gpu, ubuntu, ubuntu-arm64 is needed"),
        ([{**MADE, "types": {"p3.2xlarge": 1}, "ami": "ubuntu"}], "its types have GPUs, and the image ubuntu has no"),
        ([{**MADE, "types": {"m6g.large": 1}}], "m6g.large is arm64, and the image common is x86_64"),
        (
            [{**MADE, "types": {"m5.large": 1, "m6g.large": 1}, "ami": "arm64"}],
            "m5.large is x86_64, and the image",
        ),
    ],
)
def test_a_wrong_table_of_clusters_is_refused_before_anything_is_made(rows: object, what: str) -> None:
    with pytest.raises(BadSettings, match=what):
        targets_of(cdk.App(context={"clusters": rows}).node)


def test_a_wrong_capacity_is_refused_with_the_way_out() -> None:
    with pytest.raises(BadThreshold, match="auto-scaling-group:NAME or spot-fleet:sfr-… is needed"):
        settings({"name": "a", "capacity": "web"})


@pytest.mark.parametrize(
    ("context", "what"),
    [
        ({"network": {"vpc": "vpc-1"}}, '"network" is'),
        ({"network": {"vpc": "vpc-1", "subnets": {"us-east-1b": "subnet-1"}}}, "no subnet for us-east-1a, where web"),
        ({"images": {"common": {"os": "ubuntu"}}}, '"images", common is'),
        (
            {"images": {"common": {"parameter": "/x", "distribution": "windows"}}},
            "'windows' is not a valid",
        ),
        ({"env": "prod"}, 'the context has no "environments"'),
        ({"environments": {"prod": {}}, "env": "staging"}, "env is 'staging': one of prod is needed"),
        ({"environments": {"prod": {"acount": "1"}}, "env": "prod"}, "acount is not known"),
        ({"environments": {"prod": {"account": "1"}}, "env": "prod"}, "account is '1': twelve digits"),
        ({"environments": {"prod": {"region": "virginia"}}, "env": "prod"}, "region is 'virginia'"),
        (
            {"environments": {"prod": {"region": "eu-west-1"}}, "env": "prod"},
            "us-east-1a, which is not in eu-west-1",
        ),
        ({"environments": {"prod": [{}, {}]}, "env": "prod"}, "prod has the current account twice"),
    ],
)
def test_a_wrong_context_is_refused_with_the_way_out(context: dict[str, Any], what: str) -> None:
    with pytest.raises(BadSettings, match=what):
        settings(MADE, **context)


def test_a_network_that_is_there_is_used() -> None:
    there = settings(MADE, network={"vpc": "vpc-1", "subnets": {"us-east-1a": "subnet-1"}})

    assert there.network == ExistingNetwork("vpc-1", {"us-east-1a": "subnet-1"})


def test_one_cdk_json_holds_several_accounts_and_regions() -> None:
    context = {
        "runbook": "https://example.com/runbook",
        "environments": {
            "staging": {"account": "111111111111", "region": "us-east-1", "clusters": [MADE]},
            "prod": [
                {"account": "222222222222", "region": "us-east-1", "clusters": [MADE]},
                {"account": "222222222222", "region": "eu-west-1", "clusters": [ADOPTED], "runbook": "eu"},
            ],
        },
    }
    app = cdk.App(context={**context, "env": "prod"})

    america, europe = stacks.add_to(app)

    assert (america.state.account, america.state.region) == ("222222222222", "us-east-1")
    assert (europe.state.account, europe.state.region) == ("222222222222", "eu-west-1")
    # Each account and Region has the same stacks, under the same names.
    assert america.state.stack_name == europe.state.stack_name == "steady-state"
    assert [c.stack_name for c in america.clusters] == ["steady-cluster-web"]
    assert europe.clusters == ()
    [prod_america, prod_europe] = targets_of(app.node)
    assert (prod_america.settings.runbook, prod_europe.settings.runbook) == ("https://example.com/runbook", "eu")
    # `cdk deploy --all` takes the stacks of the app's own assembly: they are all there.
    assembly = app.synth()
    assert len(assembly.stacks) == len(america.clusters) + 7 + 6
    assert [t.name for t in targets_of(cdk.App(context={**context, "env": "staging"}).node)] == ["staging"]
