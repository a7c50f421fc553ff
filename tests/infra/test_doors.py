"""Who may send what: queues and topics take from their rule or topic alone, by TLS; nothing holds a secret."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template

from infra import stacks
from tests.infra.made_clusters import CONTEXT
from tests.infra.test_logs import ADOPTED, EXAMPLE_CLUSTERS

SECRET = re.compile(r"secret|password|token|private.?key|AKIA[0-9A-Z]{16}", re.IGNORECASE)


@pytest.fixture(scope="module")
def templates() -> dict[str, Template]:
    example = CONTEXT["environments"]["example"]
    more = {"aggregators": {**example["logs"]["aggregators"], "allow": ["sg-0123456789abcdef0"]}}
    context = {**example, "logs": {**example["logs"], **more}, "clusters": [*EXAMPLE_CLUSTERS, ADOPTED]}
    app = cdk.App(context=context)
    stacks.add_to(app)
    found = {s.stack_name: Template.from_stack(s) for s in app.node.find_all() if isinstance(s, cdk.Stack)}
    assert len(found) >= 9
    return found


def of_kind(templates: dict[str, Template], kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for template in templates.values():
        yield from template.find_resources(kind).items()


def statements(templates: dict[str, Template], kind: str) -> Iterator[dict[str, Any]]:
    for _, policy in of_kind(templates, kind):
        yield from policy["Properties"]["PolicyDocument"]["Statement"]


def test_every_queue_is_encrypted_and_keeps_what_cannot_be_handled(templates: dict[str, Template]) -> None:
    queues = dict(of_kind(templates, "AWS::SQS::Queue"))
    # Of functions, and of the rules that publish alarms.
    dead = {name for name in queues if name.startswith("Unsent")} | {
        queue["Properties"]["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
        for queue in queues.values()
        if "RedrivePolicy" in queue["Properties"]
    }

    assert len(queues) == 10
    assert all(queue["Properties"]["SqsManagedSseEnabled"] for queue in queues.values())
    assert {name for name, queue in queues.items() if "RedrivePolicy" not in queue["Properties"]} == dead
    # Two weeks, SQS' longest.
    assert {queues[name]["Properties"]["MessageRetentionPeriod"] for name in dead} == {14 * 24 * 3600}


def test_every_queue_takes_from_its_own_rule_or_topic_alone(templates: dict[str, Template]) -> None:
    allowed = [s for s in statements(templates, "AWS::SQS::QueuePolicy") if s["Effect"] == "Allow"]

    assert allowed
    for statement in allowed:
        assert set(statement["Principal"]) == {"Service"}
        assert statement["Principal"]["Service"] in ("events.amazonaws.com", "sns.amazonaws.com")
        # The ARN of the rule or topic has the account in it.
        source = statement["Condition"]["ArnEquals"]["aws:SourceArn"]
        assert set(source) <= {"Fn::GetAtt", "Ref"}


@pytest.mark.parametrize("kind", ["AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy", "AWS::S3::BucketPolicy"])
def test_nothing_is_taken_but_by_tls(templates: dict[str, Template], kind: str) -> None:
    policies = [policy["Properties"]["PolicyDocument"]["Statement"] for _, policy in of_kind(templates, kind)]

    assert policies
    for statements_ in policies:
        assert any(
            s["Effect"] == "Deny" and s.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport") == "false"
            for s in statements_
        )


def test_every_queue_and_topic_has_such_a_policy(templates: dict[str, Template]) -> None:
    for what, policy, key in (
        ("AWS::SQS::Queue", "AWS::SQS::QueuePolicy", "Queues"),
        ("AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "Topics"),
        ("AWS::S3::Bucket", "AWS::S3::BucketPolicy", "Bucket"),
    ):
        covered = json.dumps([p["Properties"][key] for _, p in of_kind(templates, policy)])
        assert [name for name, _ in of_kind(templates, what) if name not in covered] == []


def test_every_topic_is_encrypted(templates: dict[str, Template]) -> None:
    topics = dict(of_kind(templates, "AWS::SNS::Topic"))

    assert len(topics) == 2
    assert all("alias/aws/sns" in json.dumps(topic["Properties"]["KmsMasterKeyId"]) for topic in topics.values())


def test_whoever_publishes_to_a_topic_is_of_this_account(templates: dict[str, Template]) -> None:
    allowed = [s for s in statements(templates, "AWS::SNS::TopicPolicy") if s["Effect"] == "Allow"]

    # EventBridge, by its own rule; hako by its own role, for which no policy of the topic is needed.
    assert {json.dumps(s["Principal"]) for s in allowed} <= {'{"Service": "events.amazonaws.com"}'}
    assert all("aws:SourceArn" in json.dumps(s.get("Condition", {})) for s in allowed)


def test_every_log_group_forgets(templates: dict[str, Template]) -> None:
    groups = dict(of_kind(templates, "AWS::Logs::LogGroup"))

    assert len(groups) >= 4
    assert all(group["Properties"].get("RetentionInDays") for group in groups.values())
    # Each function has one of its own, not one that Lambda makes and keeps for ever.
    for _, function in of_kind(templates, "AWS::Lambda::Function"):
        assert function["Properties"].get("LoggingConfig", {}).get("LogGroup") or "CustomResource" in json.dumps(
            function
        )


def test_no_environment_holds_a_secret(templates: dict[str, Template]) -> None:
    for _, function in of_kind(templates, "AWS::Lambda::Function"):
        variables = function["Properties"].get("Environment", {}).get("Variables", {})
        assert not [name for name in variables if SECRET.search(name)]
    for _, task in of_kind(templates, "AWS::ECS::TaskDefinition"):
        for container in task["Properties"]["ContainerDefinitions"]:
            assert not [pair["Name"] for pair in container.get("Environment", []) if SECRET.search(pair["Name"])]


def test_no_role_is_anybody_s(templates: dict[str, Template]) -> None:
    for _, role in of_kind(templates, "AWS::IAM::Role"):
        for statement in role["Properties"]["AssumeRolePolicyDocument"]["Statement"]:
            assert set(statement["Principal"]) == {"Service"}


def test_no_policy_grants_every_action_of_a_service(templates: dict[str, Template]) -> None:
    for statement in statements(templates, "AWS::IAM::Policy"):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert not [action for action in actions if "*" in action]
