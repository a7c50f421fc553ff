"""What the context says of a deployment: checked before anything is made of it."""

from __future__ import annotations

import json
import re
from typing import Any

import aws_cdk as cdk
import pytest

from infra import stacks
from infra.settings.clusters import MadeCluster
from infra.settings.errors import BadSettings
from infra.settings.images import BUILT_IN
from infra.settings.networks import ExistingNetwork
from infra.settings.target import Settings, targets_in, targets_of
from steady.pools import PoolKind

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

    assert (web.pool_kind, web.minimum, web.maximum) == (PoolKind.AUTO_SCALING_GROUP, 2, 40)
    assert web.types == {"m5.large": 1, "m5.xlarge": 2}
    assert web.thresholds == {"min_capacity": "2", "max_capacity": "40", "drift_seconds": "10"}


def test_a_cluster_on_a_fleet_follows_the_recommendations_that_its_fleet_acts_on() -> None:
    spot = made(kind="spot-fleet")

    assert (spot.thresholds["on_rebalance"], spot.thresholds["rebalance_deadline_seconds"]) == ("drain", "900")
    assert "on_rebalance" not in made(kind="spot").thresholds, "the group lets each instance wait under its hook"


def test_the_image_is_the_common_one_unless_the_types_have_gpus_or_the_row_says_so() -> None:
    assert made().ami == BUILT_IN["common"]
    assert made().ami.parameter == "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"
    assert made(types={"g5.xlarge": 1}).ami == BUILT_IN["gpu"]
    assert made(ami="ubuntu").ami == BUILT_IN["ubuntu"]
    assert made(types={"m7g.large": 1}, ami="arm64").ami == BUILT_IN["arm64"]


def test_an_image_of_ones_own_takes_the_common_ones_place() -> None:
    own = {"common": {"parameter": "/images/ours", "distribution": "ubuntu"}}

    [web] = settings(MADE, images=own).made

    assert (web.ami.parameter, web.ami.root_device) == ("/images/ours", "/dev/sda1")


def test_a_table_may_come_from_the_command_line() -> None:
    [target] = targets_of(cdk.App(context={"clusters": json.dumps([ADOPTED])}).node)
    assert [c.name for c in target.settings.clusters] == ["a"]


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        ([], 'clusters is []: a list of rows {"name": …'),
        ("{", 'clusters is "{": a list of rows'),
        (["web"], 'clusters[0] is "web": a row {"name": …'),
        ([{"name": "web"}], 'clusters[0] "web" is {"name": "web"}: a row {"name": …'),
        ([{**MADE, **ADOPTED}], "for a cluster to make, or"),
        (
            [ADOPTED, ADOPTED],
            'clusters[1] "a", name is "a": one cluster to a pool is needed, and clusters[0] has the name a',
        ),
        (
            [ADOPTED, {**ADOPTED, "name": "b"}],
            'clusters[1] "b", capacity is "spot-fleet:sfr-1": one cluster to a pool is needed, and clusters[0] has',
        ),
        (
            [{**ADOPTED, "capacity": "auto-scaling-group:web"}, MADE],
            'clusters[1] "web", name is "web": one cluster to a pool is needed, and clusters[0] has the capacity auto-',
        ),
        (
            [{**ADOPTED, "capacity": "web"}],
            'clusters[0] "a", capacity is "web": auto-scaling-group:NAME or spot-fleet:sfr-… is needed',
        ),
        (
            [{**ADOPTED, "thresholds": {"speed": 1}}],
            'clusters[0] "a", thresholds, speed is 1: a known threshold is needed',
        ),
        (
            [{**ADOPTED, "thresholds": {"api_share": "3O"}}],
            'clusters[0] "a", thresholds, api_share is "3O": a percentage from 1 to 100 is needed',
        ),
        (
            [{**ADOPTED, "zones": ["us-east-1a"]}],
            'clusters[0] "a", zones is ["us-east-1a"]: a known key is needed, one of name, thresholds, capacity, hook',
        ),
        ([{**ADOPTED, "hook": "no"}], 'clusters[0] "a", hook is "no": true or false is needed'),
        (
            [{"capacity": "spot-fleet:sfr-1"}],
            "clusters[0], name is missing: a name of up to 100 letters, digits, - and _ that begins",
        ),
        ([{**MADE, "name": "web/1"}], 'clusters[0] "web/1", name is "web/1": a name of up to 100 letters'),
        (
            [{**MADE, "kind": "fargate"}],
            'clusters[0] "web", kind is "fargate": one of on-demand, spot, spot-fleet is needed',
        ),
        (
            [{**MADE, "moves_from": "spot-fleet"}],
            'clusters[0] "web", moves_from is "spot-fleet": kind spot is needed, to which a fleet can move',
        ),
        (
            [{**MADE, "kind": "spot", "moves_from": "spot"}],
            'moves_from is "spot": spot-fleet, or no such key, is needed',
        ),
        ([{**MADE, "types": {}}], 'clusters[0] "web", types is {}: a table of types with their weights'),
        ([{**MADE, "types": {"large": 1}}], "types, large is 1: a key that is an EC2 instance type, such as m5.large"),
        (
            [{**MADE, "types": {"m5.lerge": 1}}],
            "types, m5.lerge is 1: a type that EC2 has, such as m5.large, is needed",
        ),
        ([{**MADE, "name": "my_web"}], 'name is "my_web": a name of up to 100 letters, digits and - that begins'),
        (
            [MADE, {**ADOPTED, "name": "Web"}],
            'clusters[1] "Web", name is "Web": a name that differs from web in more than case is needed',
        ),
        ([{**MADE, "zones": ["us-east-1"]}], 'zones[0] is "us-east-1": a zone such as us-east-1a is needed'),
        (
            [MADE, {**MADE, "name": "b", "zones": ["us-west-2-lax-1a"]}],
            'clusters[1] "b", zones is ["us-west-2-lax-1a"]: zones of us-east-1 are needed',
        ),
        (
            [{**MADE, "thresholds": {"cpu_reservation_low": 80, "cpu_reservation_high": 70}}],
            "cpu_reservation_low is 80 and cpu_reservation_high is 70: a lower cpu_reservation_low is needed",
        ),
        ([{**ADOPTED, "thresholds": {"min_capacity": 2000}}], "min_capacity is 2000 and max_capacity is 1000: a lower"),
        (
            [{"name": f"c{n}", "capacity": f"spot-fleet:sfr-{n}"} for n in range(101)],
            "at most 100 clusters are needed: deploy others in another Region or account",
        ),
        (
            [{"name": f"c{n:02}".ljust(50, "x"), "capacity": f"spot-fleet:sfr-{n}"} for n in range(99)],
            "names with at most 3,000 characters in all are needed, and these have 5,049: deploy some clusters in",
        ),
        ([{**MADE, "types": {"m5.large": 0}}], "types, m5.large is 0: a whole number from 1 to 999 is needed"),
        ([{**MADE, "min": 3, "max": 2}], 'clusters[0] "web", min is 3: a number that is not over max, 2, is needed'),
        ([{**MADE, "min": 101}], 'clusters[0] "web", min is 101: a number that is not over max, 100, is needed'),
        ([{**MADE, "max": "ten"}], 'clusters[0] "web", max is "ten": a whole number from 1 to 100,000 is needed'),
        ([{**MADE, "zones": "us-east-1a"}], 'zones is "us-east-1a": a list such as'),
        ([{**MADE, "zones": [None]}], "zones[0] is null: a zone such as us-east-1a is needed"),
        ([{**MADE, "ami": "windows"}], 'ami is "windows": one of common, arm64, gpu, ubuntu, ubuntu-arm64 is needed'),
        (
            [{**MADE, "types": {"p3.2xlarge": 1}, "ami": "ubuntu"}],
            'ami is "ubuntu": the types have GPUs and the image ubuntu has no driver for them: ami gpu is needed',
        ),
        (
            [{**MADE, "types": {"m6g.large": 1}}],
            "ami is missing: m6g.large is arm64 and the image common is x86_64: types of one architecture",
        ),
        (
            [{**MADE, "types": {"m5.large": 1, "m6g.large": 1}, "ami": "arm64"}],
            'ami is "arm64": m5.large is x86_64 and the image arm64 is arm64',
        ),
    ],
)
def test_a_wrong_table_of_clusters_is_refused_before_anything_is_made(rows: object, line: str) -> None:
    with pytest.raises(BadSettings, match=re.escape(line)) as refused:
        targets_of(cdk.App(context={"clusters": rows}).node)
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("context", "line"),
    [
        (
            {"network": {"zones": ["us-east-1b"]}},
            'network, zones is ["us-east-1b"]: a list that has us-east-1a, a zone of the cluster web, is needed',
        ),
        ({"network": {"zones": ["eu-west-1a"]}}, 'network, zones is ["eu-west-1a"]: zones of us-east-1 are needed'),
        ({"network": {"made_for": ["a"]}}, 'network, made_for[0] is "a": a zone such as us-east-1a is needed'),
        ({"network": {"nat": "one"}}, 'network, nat is "one": each-zone or none is needed'),
        (
            {"network": {"nat": "none"}, "monitoring": {"cluster": "web"}},
            'network, nat is "none": Prometheus needs a way out, so each-zone, or monitoring with scrape_only, is',
        ),
        (
            {"clusters": [{**MADE, "zones": ["us-east-1-bos-1a"]}]},
            "the network that is made has room for zones a to f: for us-east-1-bos-1a, the key network with vpc and",
        ),
        ({"network": {"vpc": "vpc-1"}}, "network, subnets is missing: a table such as"),
        (
            {"network": {"vpc": "vpc-1", "subnets": {"us-east-1b": "subnet-1"}}},
            "network, subnets, us-east-1a is missing: a subnet for the cluster web is needed",
        ),
        ({"images": {"common": {"os": "ubuntu"}}}, 'images, common, os is "ubuntu": a known key is needed, one of'),
        ({"images": {"common": {}}}, "images, common, parameter is missing: the name of the SSM parameter"),
        (
            {"images": {"common": {"parameter": "/x", "distribution": "windows"}}},
            'images, common, distribution is "windows": ecs-optimized or ubuntu is needed',
        ),
        ({"cluster": []}, "cluster is []: a known key is needed, one of account, region, images, clusters"),
        ({"env": "prod"}, 'env is "prod": the key "environments", which has it, is needed'),
        ({"environments": ["prod"], "env": "prod"}, 'environments is ["prod"]: a table of environments is needed'),
        ({"environments": {"prod": {}}, "env": "staging"}, 'env is "staging": one of "prod" is needed'),
        ({"environments": {"prod": []}, "env": "prod"}, 'environment "prod" is []: a target, or a list of targets'),
        ({"environments": {"prod": [{}, 3]}, "env": "prod"}, 'environment "prod"[1] is 3: {"account": …'),
        (
            {"environments": {"prod": {"acount": "1"}}, "env": "prod"},
            'environment "prod": acount is "1": a known key is needed, one of account, region',
        ),
        (
            {"environments": {"prod": {"account": "1"}}, "env": "prod"},
            'environment "prod": account is "1": a text of twelve digits is needed',
        ),
        (
            {"environments": {"prod": [{}, {"region": "virginia"}]}, "env": "prod"},
            'environment "prod"[1]: region is "virginia": a Region such as us-east-1 is needed',
        ),
        (
            {"environments": {"prod": {"region": "eu-west-1"}}, "env": "prod"},
            'environment "prod": clusters[0] "web", zones is ["us-east-1a"]: zones of eu-west-1 are needed',
        ),
        (
            {"environments": {"prod": [{}, {}]}, "env": "prod"},
            'environment "prod" has the current account twice: one target for an account and Region is needed',
        ),
    ],
)
def test_a_wrong_context_is_refused_with_the_way_out(context: dict[str, Any], line: str) -> None:
    with pytest.raises(BadSettings, match=re.escape(line)) as refused:
        settings(MADE, **context)
    assert len(str(refused.value).splitlines()) == 1


def test_all_that_is_wrong_is_said_at_once_a_line_each() -> None:
    with pytest.raises(BadSettings) as refused:
        settings({**MADE, "max": 0, "volume_gib": 1}, logs={"keep_days": "long"})

    assert str(refused.value).splitlines() == [
        'clusters[0] "web", max is 0: a whole number from 1 to 100,000 is needed',
        'clusters[0] "web", volume_gib is 1: a whole number from 30 to 100,000 is needed',
        'logs, keep_days is "long": a whole number from 1 to 36,500 is needed',
    ]


def test_null_takes_away_what_the_context_says_for_all_targets() -> None:
    context = {"clusters": [ADOPTED], "logs": {}, "environments": {"prod": {"logs": None}}, "env": "prod"}

    [prod] = targets_in(context)

    assert prod.settings.logs is None


def test_a_network_that_is_there_is_used() -> None:
    there = settings(MADE, network={"vpc": "vpc-1", "subnets": {"us-east-1a": "subnet-1"}})

    assert there.network == ExistingNetwork(vpc="vpc-1", subnets={"us-east-1a": "subnet-1"})


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
    assert len(assembly.stacks) == len(america.clusters) + 7 + 6 + 2
    assert [t.name for t in targets_of(cdk.App(context={**context, "env": "staging"}).node)] == ["staging"]
