"""The launch queue is made where it is asked for, keeps what waits, and says where it is."""

from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Match, Template

from infra import stacks
from infra.settings.errors import BadSettings
from infra.settings.target import targets_of
from infra.task_launcher_stack import TaskLauncherStack
from steady.aws import queued_runs

CLUSTERS = [{"name": "web", "capacity": "auto-scaling-group:web"}, {"name": "batch", "capacity": "spot-fleet:sfr-1"}]


def app_with(**context: Any) -> cdk.App:
    app = cdk.App(context={"clusters": CLUSTERS, **context})
    stacks.add_to(app)
    return app


@pytest.fixture(scope="module")
def template() -> Template:
    app = app_with(task_launcher={"roles": ["arn:aws:iam::123456789012:role/report-*"]})
    [stack] = [found for found in app.node.find_all() if isinstance(found, TaskLauncherStack)]
    return Template.from_stack(stack)


def test_without_the_key_there_is_none() -> None:
    assert not [found for found in app_with().node.find_all() if isinstance(found, TaskLauncherStack)]


def test_what_waits_outlives_the_stack_and_is_found_by_its_cluster(template: Template) -> None:
    template.has_resource(
        "AWS::DynamoDB::Table",
        {
            "DeletionPolicy": "Retain",
            "Properties": {
                "KeySchema": [{"AttributeName": queued_runs.KEY, "KeyType": "HASH"}],
                "TimeToLiveSpecification": {"AttributeName": queued_runs.EXPIRES, "Enabled": True},
                "GlobalSecondaryIndexes": [
                    Match.object_like(
                        {
                            "IndexName": queued_runs.WAITING_INDEX,
                            "KeySchema": [{"AttributeName": queued_runs.WAITS_IN, "KeyType": "HASH"}],
                            "Projection": {"ProjectionType": "ALL"},
                        }
                    )
                ],
            },
        },
    )


def test_each_cluster_has_a_round_a_minute(template: Template) -> None:
    schedules = template.find_resources("AWS::Scheduler::Schedule").values()

    assert {s["Properties"]["ScheduleExpression"] for s in schedules} == {"rate(1 minute)"}
    inputs = [json.loads(s["Properties"]["Target"]["Input"]) for s in schedules]
    assert inputs == [{"round": "web"}, {"round": "batch"}]


def test_it_may_pass_only_the_roles_that_are_named(template: Template) -> None:
    statements = [
        statement
        for policy in template.find_resources("AWS::IAM::Policy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Action"] == "iam:PassRole"
    ]

    assert [s["Resource"] for s in statements] == ["arn:aws:iam::123456789012:role/report-*"]
    assert statements[0]["Condition"] == {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}


def test_only_ends_of_its_own_tasks_reach_it(template: Template) -> None:
    [rule] = template.find_resources("AWS::Events::Rule").values()

    assert rule["Properties"]["EventPattern"]["detail"] == {
        "lastStatus": ["STOPPED"],
        "startedBy": [{"prefix": "steady-launch/"}],
    }


def test_callers_get_the_queue(template: Template) -> None:
    assert {"LaunchQueueUrl", "LaunchQueueArn"} <= set(template.find_outputs("*"))


@pytest.mark.parametrize("says", [{"roles": "report"}, {"roles": ["report"]}, {"role": []}, [3]])
def test_wrong_settings_are_refused(says: Any) -> None:
    with pytest.raises(BadSettings, match="is needed"):
        targets_of(cdk.App(context={"clusters": CLUSTERS, "task_launcher": says}).node)
