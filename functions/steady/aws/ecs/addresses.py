"""The addresses of a task's own network interface (network mode awsvpc)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steady.aws.ecs.container_instances import ENI_ATTACHMENTS

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import TaskTypeDef


def addresses_of(task: TaskTypeDef) -> tuple[str, str]:
    """Return the IPv4 and the IPv6 address of the task's own network interface; "" for one that it has not."""
    interfaces = [i for container in task.get("containers", []) for i in container.get("networkInterfaces", [])]
    details = [
        (detail.get("name"), detail.get("value", ""))
        for attachment in task.get("attachments", [])
        if attachment.get("type") in ENI_ATTACHMENTS
        for detail in attachment.get("details", [])
    ]
    ipv4 = [value for name, value in details if name == "privateIPv4Address"]
    ipv4 += [interface.get("privateIpv4Address", "") for interface in interfaces]
    ipv6 = [value for name, value in details if name == "ipv6Address"]
    ipv6 += [interface.get("ipv6Address", "") for interface in interfaces]
    return next(filter(None, ipv4), ""), next(filter(None, ipv6), "")
