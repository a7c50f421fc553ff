"""Logs in S3: the bucket, the catalogue's schedule and role, and the workgroup with its limit."""

from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Match, Template

from infra import stacks
from infra.errors import BadSettings
from infra.settings import targets_of
from steady.catalog import DATABASE, WORKGROUP

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


def test_the_logs_stay_when_the_stack_goes(template: Template) -> None:
    policies = {b["DeletionPolicy"] for b in template.find_resources("AWS::S3::Bucket").values()}

    assert policies == {"Retain", "Delete"}


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


@pytest.mark.parametrize(
    ("logs", "what"),
    [
        ("yes", "is no JSON"),
        ({"keep": 3}, '"logs" is'),
        ({"keep_days": 0}, "keep_days is 0: a whole number from 1"),
        ({"partitions": "some"}, "partitions is 'some': projected or made is needed"),
    ],
)
def test_wrong_settings_are_refused_with_the_way_out(logs: object, what: str) -> None:
    with pytest.raises(BadSettings, match=what):
        targets_of(cdk.App(context={"clusters": CLUSTERS, "logs": logs}).node)
