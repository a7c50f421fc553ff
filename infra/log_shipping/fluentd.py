"""A fluentd container. Its configuration, a file of `fluentd/`, comes in its task definition."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ecs as ecs

from infra.packed_files import FOLDER, container_with

CONFIGURATIONS = Path(__file__).parents[2] / "fluentd"
BUFFER = "/buffer"
FILE = "fluentd.yaml"


def add_fluentd(
    task: ecs.Ec2TaskDefinition,
    *,
    image: str,
    configuration: str,
    environment: Mapping[str, str],
    buffer_on_host: str,
    stop_timeout_s: int,
    mounts: Mapping[str, str] | None = None,
    **props: Any,
) -> ecs.ContainerDefinition:
    """Add the fluentd container to a task definition.

    Args:
        image: any that has `fluentd` in its path, with the plugins that the configuration names.
        configuration: the file's name.
        buffer_on_host: the folder of the instance that holds unsent lines; it outlives the task.
        mounts: folders of the instance that it reads, each with its place in the container.
        props: of the container, its limits of CPU units and MiB among them.
    """
    text = (CONFIGURATIONS / configuration).read_text()
    process = ecs.LinuxParameters(task, "Process", init_process_enabled=True)
    # fluentd runs as root to read root's log files, without any other capability.
    process.drop_capabilities(ecs.Capability.ALL)
    container = task.add_container(
        "fluentd",
        image=ecs.ContainerImage.from_registry(image),
        user="0",
        **container_with({FILE: text}, f"fluentd --config {FOLDER}/{FILE}", environment),
        stop_timeout=cdk.Duration.seconds(stop_timeout_s),
        linux_parameters=process,
        # Not shipped by itself: each failed delivery would be logged as another line to deliver.
        logging=ecs.JsonFileLogDriver(max_size="10m", max_file=3),
        docker_security_options=["no-new-privileges"],
        **props,
    )
    for number, (source, target) in enumerate({buffer_on_host: BUFFER, **(mounts or {})}.items()):
        name = f"host-{number}"
        task.add_volume(name=name, host=ecs.Host(source_path=source))
        container.add_mount_points(
            ecs.MountPoint(source_volume=name, container_path=target, read_only=target != BUFFER)
        )
    return container
