"""The first boot of an instance: write the ECS agent's settings and, on Ubuntu, install the agent."""

from __future__ import annotations

import json
from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2

from infra.settings.images import Distribution, Image
from steady.cluster import DEFAULT_STOP_TIMEOUT_S

# Amazon ECS: "Amazon ECS container agent configuration".
AGENT: Mapping[str, str] = {
    # The suite assumes this stop timeout for a container that sets none.
    "ECS_CONTAINER_STOP_TIMEOUT": f"{DEFAULT_STOP_TIMEOUT_S}s",
    # The interruption handler drains, deregisters and stops, in that order. The agent would only drain.
    "ECS_ENABLE_SPOT_INSTANCE_DRAINING": "false",
    # Without these, old images and stopped containers fill the disk of an instance that runs for weeks.
    "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION": "30m",
    "ECS_IMAGE_CLEANUP_INTERVAL": "30m",
    "ECS_IMAGE_MINIMUM_CLEANUP_AGE": "1h",
    "ECS_NUM_IMAGES_DELETE_PER_CYCLE": "20",
    "ECS_AVAILABLE_LOGGING_DRIVERS": '["json-file","fluentd","awslogs","none"]',
    # Tasks have their own roles, and cannot use the instance's role.
    "ECS_ENABLE_TASK_IAM_ROLE": "true",
    "ECS_ENABLE_TASK_IAM_ROLE_NETWORK_HOST": "true",
    "ECS_AWSVPC_BLOCK_IMDS": "true",
}
_CONFIG = "/etc/ecs/ecs.config"


def user_data(cluster: str, image: Image, attributes: Mapping[str, str]) -> ec2.UserData:
    """Return the user data of an instance of `cluster` that starts from `image` and has these custom attributes."""
    settings = {"ECS_CLUSTER": cluster, **AGENT}
    if image.distribution is Distribution.UBUNTU:
        # ecs-init says that an instance mounts EFS with access points and encryption, wherever it is installed. Ubuntu
        # has no package of EFS's mount helper, and a task that needs it would be placed and fail (aws/efs-utils #134).
        settings["ECS_VOLUME_PLUGIN_CAPABILITIES"] = "[]"
    if image.gpu:
        settings["ECS_ENABLE_GPU_SUPPORT"] = "true"
    if attributes:
        settings["ECS_INSTANCE_ATTRIBUTES"] = json.dumps(attributes)
    script = ec2.UserData.for_linux()
    script.add_commands(
        "set -euo pipefail",
        "mkdir -p /etc/ecs",
        f"cat > {_CONFIG} <<'SETTINGS'",
        *(f"{name}={value}" for name, value in settings.items()),
        "SETTINGS",
    )
    if image.distribution is Distribution.UBUNTU:
        script.add_commands(*_agent_on_ubuntu(image))
    else:
        # The ECS agent starts when this script has ended. An operator's own image may lack the SSM agent.
        script.add_commands(
            "rpm -q amazon-ssm-agent || dnf install -y amazon-ssm-agent",
            "systemctl enable --now amazon-ssm-agent",
        )
    return script


def _agent_on_ubuntu(image: Image) -> list[str]:
    """List the commands that install Docker from Ubuntu, and the ECS agent from AWS's bucket of the Region.

    Ubuntu's images have the SSM agent already.
    """
    architecture = {"x86_64": "amd64", "arm64": "arm64"}[image.architecture]
    package = f"amazon-ecs-init-latest.{architecture}.deb"
    bucket = f"https://s3.{cdk.Aws.REGION}.amazonaws.com/amazon-ecs-agent-{cdk.Aws.REGION}"
    return [
        "export DEBIAN_FRONTEND=noninteractive",
        "apt-get update -q",
        "apt-get install -qy docker.io curl",
        f"curl -fsS --retry 5 -o /tmp/{package} {bucket}/{package}",
        f"dpkg -i /tmp/{package}",
        # The agent's unit waits for cloud-init, which waits for this script.
        "systemctl enable --now --no-block ecs",
        "snap start --enable amazon-ssm-agent",
    ]
