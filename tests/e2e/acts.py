"""What the tests do on the emulators, and how they see what becomes of it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.e2e.emulators import Emulators
from tests.e2e.seed import INSTANCE_TYPE

WITHIN_S = 60


def put_event(emulators: Emulators, detail_type: str, source: str, detail: dict[str, Any]) -> None:
    answer = emulators.deployed("events").put_events(
        Entries=[{"DetailType": detail_type, "Source": source, "Detail": json.dumps(detail), "Time": datetime.now(UTC)}]
    )
    assert answer["FailedEntryCount"] == 0, answer


def eventually(promise: str, holds: Callable[[], bool], within_s: float = WITHIN_S) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {within_s} s: {promise}"
        time.sleep(0.5)


def steady(emulators: Emulators, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the command on the deployed account."""
    done = subprocess.run(
        [str(Path(sys.executable).parent / "steady"), *arguments],
        env=dict(emulators.env) | emulators.beside,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == code, f"{arguments}: {done.stdout}{done.stderr}"
    return done


def status(emulators: Emulators, arn: str, cluster: str = "batch") -> str:
    answer = emulators.world("ecs").describe_container_instances(cluster=cluster, containerInstances=[arn])
    status: str = answer["containerInstances"][0]["status"]
    return status


def registered_cpu(emulators: Emulators) -> int:
    ecs = emulators.world("ecs")
    arns = ecs.list_container_instances(cluster="web")["containerInstanceArns"]
    instance = ecs.describe_container_instances(cluster="web", containerInstances=arns)["containerInstances"][0]
    cpu: int = next(r["integerValue"] for r in instance["registeredResources"] if r["name"] == "CPU")
    return cpu


def desired_capacity(emulators: Emulators) -> int:
    groups = emulators.world("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=["web"])
    capacity: int = groups["AutoScalingGroups"][0]["DesiredCapacity"]
    return capacity


def statuses(emulators: Emulators, cluster: str) -> dict[str, str]:
    ecs = emulators.world("ecs")
    arns = ecs.list_container_instances(cluster=cluster)["containerInstanceArns"]
    found = ecs.describe_container_instances(cluster=cluster, containerInstances=arns)["containerInstances"]
    return {i["ec2InstanceId"]: i["status"] for i in found}


def registered_targets(emulators: Emulators, target_group_arn: str) -> list[str]:
    health = emulators.world("elbv2").describe_target_health(TargetGroupArn=target_group_arn)
    return [d["Target"]["Id"] for d in health["TargetHealthDescriptions"] if d["TargetHealth"]["State"] != "draining"]


def desired_status(emulators: Emulators, arn: str) -> str:
    tasks = emulators.world("ecs").describe_tasks(cluster="batch", tasks=[arn])["tasks"]
    status: str = tasks[0]["desiredStatus"]
    return status


def define(emulators: Emulators, family: str, cpu: int) -> None:
    """Register a task definition of one container."""
    app = {"name": "app", "image": family, "cpu": cpu, "memory": 64}
    emulators.world("ecs").register_task_definition(family=family, containerDefinitions=[app])


def base_of(emulators: Emulators) -> tuple[int, int]:
    """The on-demand base of the group `stream`, and how many of its instances are on-demand."""
    found = emulators.world("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=["stream"])
    [group] = found["AutoScalingGroups"]
    # Of the policy, the call changes nothing else.
    assert group["MixedInstancesPolicy"]["LaunchTemplate"]["Overrides"][0]["InstanceType"] == INSTANCE_TYPE
    ids = [i["InstanceId"] for i in group["Instances"]]
    described = emulators.world("ec2").describe_instances(InstanceIds=ids)["Reservations"]
    bought = [i.get("InstanceLifecycle") for r in described for i in r["Instances"]]
    distribution = group["MixedInstancesPolicy"]["InstancesDistribution"]
    assert distribution["OnDemandPercentageAboveBaseCapacity"] == 0
    return distribution["OnDemandBaseCapacity"], bought.count(None)
