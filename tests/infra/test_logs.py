"""Logs in S3: the bucket, the catalogue's schedule and role, and the workgroup with its limit."""

from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Match, Template

from cli.doctor.findings import findings
from cli.doctor.model import Inspection, TargetGroup
from infra import stacks
from infra.settings.errors import BadSettings
from infra.settings.target import targets_in
from steady.names import DATABASE, WORKGROUP
from steady.pools import PoolKind, PoolName
from tests.infra.made_clusters import CONTEXT

CLUSTERS = [{"name": "web", "capacity": "auto-scaling-group:web"}]
BASE = {"glue:BatchDeleteTable", "glue:CreateTable", "glue:GetTables", "glue:UpdateTable", "s3:ListBucket"}


def synthesized(**logs: Any) -> Template:
    [added] = stacks.add_to(cdk.App(context={"clusters": CLUSTERS, "logs": logs}))
    assert added.logs
    return Template.from_stack(added.logs)


@pytest.fixture(scope="module")
def template() -> Template:
    return synthesized(keep_days=400, scan_limit_gib=100)


def test_without_the_key_there_are_no_logs() -> None:
    [added] = stacks.add_to(cdk.App(context={"clusters": CLUSTERS}))

    assert added.logs is None


def test_buckets_are_private_encrypted_and_speak_tls_only(template: Template) -> None:
    buckets = template.find_resources("AWS::S3::Bucket").values()
    policies = template.find_resources("AWS::S3::BucketPolicy").values()

    assert len(buckets) == len(policies) == 2
    for bucket in buckets:
        properties = bucket["Properties"]
        assert properties["BucketEncryption"]
        assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    for policy in policies:
        assert "aws:SecureTransport" in json.dumps(policy)


def test_logs_move_to_cheaper_classes_and_expire(template: Template) -> None:
    template.has_resource_properties(
        "AWS::S3::Bucket",
        {
            "LifecycleConfiguration": {
                "Rules": [
                    Match.object_like(
                        {
                            "ExpirationInDays": 400,
                            "Transitions": [
                                {"StorageClass": "STANDARD_IA", "TransitionInDays": 30},
                                {"StorageClass": "GLACIER_IR", "TransitionInDays": 90},
                            ],
                        }
                    )
                ]
            }
        },
    )
    # What is kept for less than a class is worth does not go there.
    for bucket in synthesized(keep_days=20).find_resources("AWS::S3::Bucket").values():
        [rule] = bucket["Properties"]["LifecycleConfiguration"]["Rules"]
        assert "Transitions" not in rule


def test_a_query_may_read_so_much_and_no_more(template: Template) -> None:
    template.has_resource_properties(
        "AWS::Athena::WorkGroup",
        {
            "Name": WORKGROUP,
            "WorkGroupConfiguration": Match.object_like(
                {"EnforceWorkGroupConfiguration": True, "BytesScannedCutoffPerQuery": 100 * 1024**3}
            ),
        },
    )
    template.has_resource_properties("AWS::Glue::Database", {"DatabaseInput": Match.object_like({"Name": DATABASE})})
    assert len(template.find_resources("AWS::Athena::NamedQuery")) >= 2


def test_the_catalogue_is_made_daily(template: Template) -> None:
    template.has_resource_properties(
        "AWS::Scheduler::Schedule",
        {"ScheduleExpression": "cron(10 0 * * ? *)", "ScheduleExpressionTimezone": "Etc/UTC"},
    )
    template.has_resource_properties("AWS::Lambda::Function", {"Handler": "log_catalog.handler.handle"})


@pytest.mark.parametrize(("partitions", "more"), [("projected", set()), ("made", {"glue:BatchCreatePartition"})])
def test_the_catalogues_role_has_what_it_calls_on_its_own_bucket_and_database(partitions: str, more: set[str]) -> None:
    template = synthesized(partitions=partitions)
    statements = [
        statement
        for name, policy in template.find_resources("AWS::IAM::Policy").items()
        if name.startswith("LogCatalogRole")
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    ]
    granted: dict[str, str] = {}
    for statement in statements:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        granted |= dict.fromkeys(actions, json.dumps(statement["Resource"]))

    assert {action for action in granted if not action.startswith("logs:")} == BASE | more
    assert f"table/{DATABASE}/*" in granted["glue:CreateTable"]
    assert '"*"' not in granted["s3:ListBucket"]


EXAMPLE_CLUSTERS = CONTEXT["environments"]["example"]["clusters"]
ADOPTED = {"name": "old", "capacity": "auto-scaling-group:old"}
NETWORK = {"vpc": "vpc-1", "subnets": {zone: f"subnet-{zone[-1]}" for zone in ("us-east-1a", "us-east-1b")}}


@pytest.fixture(scope="module")
def shipping() -> Template:
    """The example, with an adopted cluster beside it."""
    context = {
        "clusters": [*EXAMPLE_CLUSTERS, ADOPTED],
        "logs": {"aggregators": {"cluster": "web", "allow": ["sg-0123456789abcdef0", "10.1.0.0/16"]}},
    }
    [added] = stacks.add_to(cdk.App(context=context))
    assert added.logs
    return Template.from_stack(added.logs)


def services(template: Template, strategy: str) -> list[dict[str, Any]]:
    found = [service["Properties"] for service in template.find_resources("AWS::ECS::Service").values()]
    return [service for service in found if service["SchedulingStrategy"] == strategy]


def test_every_cluster_has_a_shipper_on_each_instance(shipping: Template) -> None:
    shippers = services(shipping, "DAEMON")

    assert sorted(service["Cluster"] for service in shippers) == ["batch", "old", "train", "web"]
    # The old one lets go of the port before the new one takes it.
    for service in shippers:
        assert service["DeploymentConfiguration"]["MaximumPercent"] == 100
        assert service["DeploymentConfiguration"]["MinimumHealthyPercent"] == 0


def test_each_aggregator_is_on_an_instance_of_its_own(shipping: Template) -> None:
    [service] = services(shipping, "REPLICA")

    assert service["Cluster"] == "web"
    assert service["DesiredCount"] == 3
    assert service["PlacementConstraints"] == [{"Type": "distinctInstance"}]
    assert service["DeploymentConfiguration"]["MaximumPercent"] == 100


def test_aggregators_may_put_log_objects_and_nothing_else(shipping: Template) -> None:
    roles = {
        name: policy["Properties"]["PolicyDocument"]["Statement"]
        for name, policy in shipping.find_resources("AWS::IAM::Policy").items()
        if "Aggregators" in name or "Shippers" in name
    }

    [[statement]] = roles.values()
    assert statement["Action"] == "s3:PutObject"
    assert statement["Resource"]["Fn::Join"][1][1] == "/*"


def test_lines_come_in_from_instances_of_the_clusters_and_from_whom_the_settings_allow(shipping: Template) -> None:
    rules = list(shipping.find_resources("AWS::EC2::SecurityGroupIngress").values())
    inline = [
        rule
        for group in shipping.find_resources("AWS::EC2::SecurityGroup").values()
        for rule in group["Properties"].get("SecurityGroupIngress", [])
    ]
    sources = [rule["Properties"].get("SourceSecurityGroupId") for rule in rules]

    assert {rule["Properties"]["FromPort"] for rule in rules} | {rule["FromPort"] for rule in inline} == {24224}
    # Three clusters that are made, an allowed group, and the load balancer at the aggregators' own door.
    assert len(sources) == 5
    assert "sg-0123456789abcdef0" in sources
    assert [rule["CidrIp"] for rule in inline] == ["10.1.0.0/16"]
    shipping.has_resource_properties("AWS::ElasticLoadBalancingV2::LoadBalancer", {"Scheme": "internal"})


def test_the_doctor_has_nothing_to_say_of_the_aggregators_target_group(shipping: Template) -> None:
    [group] = (g["Properties"] for g in shipping.find_resources("AWS::ElasticLoadBalancingV2::TargetGroup").values())
    attributes = {a["Key"]: a["Value"] for a in group["TargetGroupAttributes"]}
    tasks = shipping.find_resources("AWS::ECS::TaskDefinition", {"Properties": {"Family": "steady-log-aggregator"}})
    [[container]] = [task["Properties"]["ContainerDefinitions"] for task in tasks.values()]

    target_group = TargetGroup(
        arn="arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/lines/0123456789abcdef",
        service="steady-log-aggregator",
        delay_s=int(attributes["deregistration_delay.timeout_seconds"]),
        slow_start_s=0,
        health_interval_s=group["HealthCheckIntervalSeconds"],
        healthy_count=group["HealthyThresholdCount"],
        stop_timeout_s=container["StopTimeout"],
    )
    inspection = Inspection("web", PoolName(PoolKind.SPOT_FLEET, "sfr-1"), target_groups=(target_group,))
    assert findings(inspection) == ()
    assert attributes["deregistration_delay.connection_termination.enabled"] == "true"


def test_on_an_adopted_cluster_aggregators_are_in_the_network_that_is_named() -> None:
    logs = {"aggregators": {"cluster": "old", "count": 2, "allow": ["sg-0123456789abcdef0"]}}
    [added] = stacks.add_to(cdk.App(context={"clusters": [ADOPTED], "logs": logs, "network": NETWORK}))

    assert added.logs
    [service] = services(Template.from_stack(added.logs), "REPLICA")
    configuration = service["NetworkConfiguration"]["AwsvpcConfiguration"]
    assert configuration["Subnets"] == ["subnet-a", "subnet-b"]


def test_without_aggregators_nothing_is_shipped(template: Template) -> None:
    template.resource_count_is("AWS::ECS::Service", 0)
    template.resource_count_is("AWS::ElasticLoadBalancingV2::LoadBalancer", 0)


@pytest.mark.parametrize(
    ("aggregators", "what"),
    [
        ({}, "cluster is missing: the name of the cluster that aggregators run on is needed"),
        ({"cluster": "no"}, 'cluster is "no": one of web is needed'),
        ({"cluster": "web"}, 'cluster is "web": web is adopted, so the key network is needed'),
        ({"cluster": "web", "count": 0}, "count is 0: a whole number from 1 to 5,000 is needed"),
        ({"cluster": "web", "allow": ["x"]}, r'allow\[0\] is "x": a security group \(sg-…\) or a CIDR block'),
        ({"cluster": "web", "allow": "sg-1"}, 'allow is "sg-1": a list such as'),
        ({"cluster": "web", "image": 3}, "image is 3: a container image's name is needed"),
        ({"cluster": "web", "workers": 3}, "workers is 3: a known key is needed, one of cluster, count, flush_seconds"),
        (None, 'aggregators is null: a table such as {"cluster": "web"} is needed'),
    ],
)
def test_wrong_settings_of_aggregators_are_refused_with_the_way_out(aggregators: object, what: str) -> None:
    with pytest.raises(BadSettings, match=what):
        targets_in({"clusters": CLUSTERS, "logs": {"aggregators": aggregators}})


def test_an_adopted_cluster_s_instances_are_let_in_by_their_group() -> None:
    context = {"clusters": CLUSTERS, "network": NETWORK, "logs": {"aggregators": {"cluster": "web"}}}

    with pytest.raises(BadSettings, match="allow is missing: web is adopted, so the security groups of its instances"):
        targets_in(context)


@pytest.mark.parametrize(
    ("logs", "what"),
    [
        ("yes", 'logs is "yes": a table with keys of keep_days, scan_limit_gib, partitions, aggregators is needed'),
        ({"keep": 3}, "logs, keep is 3: a known key is needed, one of keep_days"),
        ({"keep_days": 0}, "logs, keep_days is 0: a whole number from 1"),
        ({"partitions": "some"}, 'logs, partitions is "some": projected or made is needed'),
    ],
)
def test_wrong_settings_are_refused_with_the_way_out(logs: object, what: str) -> None:
    with pytest.raises(BadSettings, match=what):
        targets_in({"clusters": CLUSTERS, "logs": logs})


def test_no_more_aggregators_than_a_made_cluster_has_instances() -> None:
    row = {"name": "web", "kind": "spot", "types": {"m5.large": 1}, "max": 2, "zones": ["us-east-1a"]}

    with pytest.raises(BadSettings, match="logs, aggregators, count is 3: web has at most 2 instances"):
        targets_in({"clusters": [row], "logs": {"aggregators": {"cluster": "web", "count": 3}}})
