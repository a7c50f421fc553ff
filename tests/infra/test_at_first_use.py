"""What a template can promise and an account then refuses: each was found by reading AWS's references."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from infra.settings.errors import BadSettings
from infra.settings.target import targets_in
from tests.infra.changes import templates_of
from tests.infra.made_clusters import CONTEXT, EXAMPLE, ROW

ROOT = Path(__file__).parents[2]
MIRROR = "111111111111.dkr.ecr.us-east-1.amazonaws.com/docker-hub"
WEB = {**ROW, "kind": "on-demand"}


def of_kind(template: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [r["Properties"] for r in template["Resources"].values() if r["Type"] == kind]


def refused(**settings: Any) -> str:
    with pytest.raises(BadSettings) as error:
        targets_in({"clusters": [WEB], **settings})
    return str(error.value)


@pytest.mark.parametrize(("count", "percent"), [(1, 0), (2, 50), (3, 50)])
def test_aggregators_can_be_updated_however_few_there_are(count: int, percent: int) -> None:
    """ECS: "minimumHealthyPercent ... is rounded up to the nearest integer": with 50, one of one has to stay."""
    logs = {**EXAMPLE["logs"], "aggregators": {"cluster": "web", "count": count}}
    [service] = [
        s
        for s in of_kind(templates_of(logs=logs, monitoring=None)["steady-logs"], "AWS::ECS::Service")
        if s["ServiceName"] == "steady-log-aggregator"
    ]

    assert service["DeploymentConfiguration"]["MinimumHealthyPercent"] == percent
    assert count * percent % 100 or percent < 100


def test_tasks_with_awslogs_can_start() -> None:
    """Amazon ECS: without an execution role, "awslogs" writes with the instance's role."""
    statements = json.dumps(of_kind(templates_of()["steady-cluster-web"], "AWS::IAM::Policy"))

    assert '["logs:CreateLogStream", "logs:PutLogEvents"]' in statements
    assert "logs:CreateLogGroup" not in statements


def test_ubuntu_does_not_offer_what_it_cannot_mount() -> None:
    rows = [{**WEB, "name": "ubuntu", "ami": "ubuntu"}, {**WEB, "name": "amazon"}]
    found = templates_of(clusters=rows, logs=None, monitoring=None)

    assert "ECS_VOLUME_PLUGIN_CAPABILITIES=[]" in json.dumps(found["steady-cluster-ubuntu"])
    assert "ECS_VOLUME_PLUGIN_CAPABILITIES" not in json.dumps(found["steady-cluster-amazon"])
    line = refused(clusters=[rows[0]], monitoring={"cluster": "ubuntu"})
    assert 'monitoring, cluster is "ubuntu": ubuntu starts from Ubuntu, which cannot mount EFS' in line


@pytest.mark.parametrize("type_", ["gr6.4xlarge", "g6.xlarge", "p5.48xlarge"])
def test_every_type_with_gpus_of_nvidia_starts_from_their_image(type_: str) -> None:
    [target] = targets_in({"clusters": [{**WEB, "types": {type_: 1}}]})

    assert target.settings.made[0].ami.gpu


def test_types_with_gpus_of_amd_are_refused() -> None:
    assert "a type without GPUs, or with GPUs of NVIDIA, is needed" in refused(
        clusters=[{**WEB, "types": {"g4ad.xlarge": 1}}]
    )


def test_an_error_of_a_daily_function_is_an_alarm() -> None:
    [alarm] = [
        a
        for a in of_kind(templates_of(monitoring=None)["steady-logs"], "AWS::CloudWatch::Alarm")
        if a["AlarmName"] == "steady: log-catalog fails"
    ]

    # Its retries are more than ten minutes apart: no two of three minutes have one.
    assert (alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"]) == (1, 1)


def test_what_does_not_reach_people_is_kept_and_is_an_alarm() -> None:
    template = templates_of()["steady-people"]
    targets = [target for rule in of_kind(template, "AWS::Events::Rule") for target in rule["Targets"]]
    [queue] = [name for name, r in template["Resources"].items() if r["Type"] == "AWS::SQS::Queue"]

    assert {json.dumps(target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0]) for target in targets} == {f'"{queue}"'}
    assert of_kind(template, "AWS::CloudWatch::Alarm")[0]["AlarmName"] == "steady: alarms do not reach people"


def test_images_of_docker_hub_come_from_the_mirror_and_the_roles_may_fill_it() -> None:
    plain, found = templates_of(), templates_of(docker_hub_mirror=MIRROR)
    images = set(re.findall(r'"Image": "([^"]+)"', json.dumps(found)))

    assert {i.split(":")[0].split("/")[0] for i in images} == {MIRROR.split("/")[0], "ghcr.io"}
    for stack, role in (("steady-cluster-web", "InstanceRole"), ("steady-monitoring", "GrafanaTaskExecutionRole")):
        policies = [json.dumps(r) for name, r in found[stack]["Resources"].items() if f"{role}DefaultPolicy" in name]
        assert len(policies) == 1
        assert "ecr:BatchImportUpstreamImage" in policies[0]
        assert ":repository/docker-hub/*" in policies[0]
    assert "BatchImportUpstreamImage" not in json.dumps(plain)
    assert "an ECR pull-through cache such as" in refused(docker_hub_mirror="docker.io")


@pytest.mark.parametrize("page", ["accounts.md", "clusters.md"])
def test_the_examples_of_the_pages_are_taken(page: str) -> None:
    examples = re.findall(r"```json\n(.*?)```", (ROOT / "docs" / page).read_text(), re.DOTALL)

    assert examples
    for example in examples:
        given = {"clusters": [WEB], **json.loads(f"{{{example}}}")}
        for env in given.get("environments", {""}):
            targets_in({**CONTEXT, "environments": None, **given, "env": env})
