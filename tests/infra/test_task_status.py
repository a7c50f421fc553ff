"""Task status: of our clusters' batch tasks alone, into a bucket that forgets."""

from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Match, Template

from infra import stacks
from infra.settings.errors import BadSettings
from infra.settings.target import targets_of
from infra.task_status_stack import TaskStatusStack

CLUSTERS = [{"name": "web", "capacity": "auto-scaling-group:web"}, {"name": "batch", "capacity": "spot-fleet:sfr-1"}]


@pytest.fixture(scope="module")
def template() -> Template:
    app = cdk.App(context={"clusters": CLUSTERS, "task_status": {"keep_days": 3}})
    stacks.add_to(app)
    [stack] = [found for found in app.node.find_all() if isinstance(found, TaskStatusStack)]
    return Template.from_stack(stack)


def test_without_the_key_there_is_none() -> None:
    app = cdk.App(context={"clusters": CLUSTERS})
    stacks.add_to(app)

    assert not [found for found in app.node.find_all() if isinstance(found, TaskStatusStack)]


def test_events_of_our_clusters_batch_tasks_reach_the_function(template: Template) -> None:
    [rule] = template.find_resources("AWS::Events::Rule").values()
    detail = rule["Properties"]["EventPattern"]["detail"]

    assert detail["lastStatus"] == ["RUNNING", "STOPPED"]
    assert detail["group"] == [{"anything-but": {"prefix": "service:"}}]
    assert [json.dumps(arn).rsplit("cluster/", 1)[1].strip('"]}') for arn in detail["clusterArn"]] == ["web", "batch"]
    template.has_resource_properties("AWS::Lambda::Function", {"Handler": "task_status.handler.handle"})


def test_objects_expire_and_are_private(template: Template) -> None:
    template.has_resource_properties(
        "AWS::S3::Bucket",
        {
            "LifecycleConfiguration": {"Rules": [Match.object_like({"ExpirationInDays": 3})]},
            "PublicAccessBlockConfiguration": Match.object_like({"BlockPublicAcls": True}),
        },
    )


def test_the_function_may_put_under_its_prefix_and_set_aside_and_nothing_else(template: Template) -> None:
    statements = [
        statement
        for name, policy in template.find_resources("AWS::IAM::Policy").items()
        if name.startswith("TaskStatusRole")
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    ]
    puts = [s for s in statements if "s3:PutObject" in s["Action"]]
    others = {
        a
        for s in statements
        if s not in puts
        for a in (s["Action"] if isinstance(s["Action"], list) else [s["Action"]])
    }

    assert "/tasks/*" in json.dumps(puts[0]["Resource"])
    assert {action.partition(":")[0] for action in others} == {"logs", "sqs"}


def test_hako_gets_its_prefix(template: Template) -> None:
    [output] = [o for name, o in template.find_outputs("*").items() if name == "OneshotNotificationPrefix"]

    assert "s3://" in json.dumps(output["Value"])
    assert "/tasks" in json.dumps(output["Value"])


@pytest.mark.parametrize("says", [{"keep_days": 0}, {"days": 3}, [3]])
def test_wrong_settings_are_refused(says: Any) -> None:
    with pytest.raises(BadSettings, match="is needed"):
        targets_of(cdk.App(context={"clusters": CLUSTERS, "task_status": says}).node)
