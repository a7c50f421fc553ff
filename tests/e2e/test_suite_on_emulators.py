"""The deployed functions do it: real events through what `cdk deploy` made, on local emulators."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.e2e import seed
from tests.e2e.emulators import ROOT, Emulators

pytestmark = pytest.mark.e2e

WITHIN_S = 60


@pytest.fixture(scope="module")
def spot(emulators: Emulators) -> seed.SpotCluster:
    seed.on_demand_cluster(emulators, "web", instances=1)
    return seed.spot_cluster(emulators, "batch")


@pytest.fixture(scope="module")
def outputs(emulators: Emulators, spot: seed.SpotCluster) -> dict[str, dict[str, str]]:
    """The suite, deployed by the real CDK CLI; each stack's outputs."""
    clusters = [
        {"name": "web", "capacity": "auto-scaling-group:web"},
        {"name": "batch", "capacity": f"spot-fleet:{spot.fleet_id}"},
    ]
    where = ROOT / "build" / "e2e"
    where.mkdir(parents=True, exist_ok=True)
    # 0: no layer; the emulator's interpreter has Powertools itself.
    context = ["-c", f"clusters={json.dumps(clusters)}", "-c", "powertools_layer_version=0"]
    _cdk(emulators, "bootstrap", "aws://000000000000/us-east-1", *context, "--output", str(where / "cdk.out"))
    outputs_file = where / "outputs.json"
    _cdk(
        emulators,
        "deploy",
        "--all",
        "--require-approval=never",
        *context,
        "--outputs-file",
        str(outputs_file),
        "--output",
        str(where / "cdk.out"),
    )
    found: dict[str, dict[str, str]] = json.loads(outputs_file.read_text())
    return found


def test_a_spot_warning_drains_deregisters_and_stops(
    emulators: Emulators, spot: seed.SpotCluster, outputs: dict[str, dict[str, str]]
) -> None:
    assert outputs
    assert _registered_targets(emulators, spot), "the task's target must be there before the warning"

    _put_event(
        emulators,
        "EC2 Spot Instance Interruption Warning",
        "aws.ec2",
        {"instance-id": spot.instance_id, "instance-action": "terminate"},
    )

    _eventually("the instance is DRAINING", lambda: _status(emulators, spot.container_instance_arn) == "DRAINING")
    _eventually("its targets are deregistered", lambda: not _registered_targets(emulators, spot))
    _eventually("its task is stopped", lambda: _desired_status(emulators, spot.service_task_arn) == "STOPPED")
    assert _statuses(emulators, "batch")[spot.spared_instance_id] == "ACTIVE"


def test_hakos_message_raises_the_groups_desired_capacity(
    emulators: Emulators, outputs: dict[str, dict[str, str]]
) -> None:
    before = _desired_capacity(emulators)
    # Each fills an instance, and there is one more of them than there are instances.
    for number in range(before + 1):
        message = {
            "group_name": "web",
            "cluster": "web",
            "cpu": _registered_cpu(emulators),
            "memory": 2048,
            "hako_task_id": f"9c2e1a50-0000-0000-0000-{number:012d}",
        }
        emulators.deployed("sns").publish(
            TopicArn=outputs["steady-scaling"]["RunTaskFailureTopic"], Message=json.dumps(message)
        )

    _eventually("the desired capacity rose", lambda: _desired_capacity(emulators) > before)


def test_a_malformed_message_is_in_the_dead_letter_queue_with_its_reason(
    emulators: Emulators, outputs: dict[str, dict[str, str]]
) -> None:
    emulators.deployed("sns").publish(
        TopicArn=outputs["steady-scaling"]["RunTaskFailureTopic"],
        Message='{"cluster": "web", "cpu": "lots", "memory": 512, "hako_task_id": "x"}',
    )
    sqs = emulators.deployed("sqs")
    dead_letters = next(u for u in sqs.list_queues()["QueueUrls"] if "RunTaskFailureDeadLetters" in u)

    def reason() -> str:
        messages = sqs.receive_message(QueueUrl=dead_letters, MessageAttributeNames=["All"], VisibilityTimeout=1).get(
            "Messages", []
        )
        return messages[0]["MessageAttributes"]["error"]["StringValue"] if messages else ""

    _eventually("the message was set aside", lambda: "cpu is 'lots'" in reason())


def _cdk(emulators: Emulators, *arguments: str) -> None:
    done = subprocess.run(
        [str(ROOT / "node_modules/.bin/cdk"), *arguments],
        cwd=ROOT,
        env=dict(emulators.env),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"cdk {arguments[0]} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


def _put_event(emulators: Emulators, detail_type: str, source: str, detail: dict[str, Any]) -> None:
    answer = emulators.deployed("events").put_events(
        Entries=[{"DetailType": detail_type, "Source": source, "Detail": json.dumps(detail), "Time": datetime.now(UTC)}]
    )
    assert answer["FailedEntryCount"] == 0, answer


def _eventually(promise: str, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, f"not within {WITHIN_S} s: {promise}"
        time.sleep(0.5)


def _status(emulators: Emulators, arn: str) -> str:
    answer = emulators.world("ecs").describe_container_instances(cluster="batch", containerInstances=[arn])
    status: str = answer["containerInstances"][0]["status"]
    return status


def _statuses(emulators: Emulators, cluster: str) -> dict[str, str]:
    ecs = emulators.world("ecs")
    arns = ecs.list_container_instances(cluster=cluster)["containerInstanceArns"]
    found = ecs.describe_container_instances(cluster=cluster, containerInstances=arns)["containerInstances"]
    return {i["ec2InstanceId"]: i["status"] for i in found}


def _registered_cpu(emulators: Emulators) -> int:
    ecs = emulators.world("ecs")
    arns = ecs.list_container_instances(cluster="web")["containerInstanceArns"]
    instance = ecs.describe_container_instances(cluster="web", containerInstances=arns)["containerInstances"][0]
    cpu: int = next(r["integerValue"] for r in instance["registeredResources"] if r["name"] == "CPU")
    return cpu


def _registered_targets(emulators: Emulators, spot: seed.SpotCluster) -> list[str]:
    health = emulators.world("elbv2").describe_target_health(TargetGroupArn=spot.target_group_arn)
    return [d["Target"]["Id"] for d in health["TargetHealthDescriptions"] if d["TargetHealth"]["State"] != "draining"]


def _desired_status(emulators: Emulators, arn: str) -> str:
    tasks = emulators.world("ecs").describe_tasks(cluster="batch", tasks=[arn])["tasks"]
    status: str = tasks[0]["desiredStatus"]
    return status


def _desired_capacity(emulators: Emulators) -> int:
    groups = emulators.world("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=["web"])
    capacity: int = groups["AutoScalingGroups"][0]["DesiredCapacity"]
    return capacity
