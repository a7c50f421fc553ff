"""The ways in which requests reach the tasks of a service, as far as ECS tells them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from steady.service_out.doomed import is_of_cloud_map

CLASSIC = "a Classic Load Balancer"
CLOUD_MAP = "Cloud Map"
LATTICE = "VPC Lattice"
SERVICE_CONNECT = "Service Connect"
GATEWAY = "a gateway connector"
# Its targets are known, but it goes on sending to them (containers-roadmap #470).
NETWORK = "a Network Load Balancer"


@dataclass(frozen=True, slots=True)
class Balanced:
    """A port of a container that is registered in target groups.

    Attributes:
        groups: ARNs of target groups. The task is in one of them, or in several.
        port: the port of the container.
    """

    groups: tuple[str, ...]
    container: str
    port: int


@dataclass(frozen=True, slots=True)
class Traffic:
    """The ways in which requests reach the tasks of a service.

    Attributes:
        registries: ARNs of the services of Cloud Map in which ECS registers each task.
        otherwise: the names of those ways whose targets service-out cannot deregister.
    """

    balanced: tuple[Balanced, ...] = ()
    registries: tuple[str, ...] = ()
    otherwise: frozenset[str] = frozenset()

    @property
    def groups(self) -> frozenset[str]:
        """The ARNs of all target groups."""
        return frozenset(arn for one in self.balanced for arn in one.groups)


def traffic_of(service: Mapping[str, Any], revisions: Iterable[Mapping[str, Any]] = ()) -> Traffic:
    """Return the ways in which requests reach any task of `service`.

    ECS API: `taskSets` (CodeDeploy and EXTERNAL deployments), `deployments` and service revisions name what differs
    from the service itself, under the same names. With blue/green, linear and canary deployments the tasks are in the
    target group or in the alternate one; the two change places with each deployment (`advancedConfiguration`).

    Args:
        service: as DescribeServices describes it.
        revisions: those of its service revisions that were read, as DescribeServiceRevisions describes them.
    """
    parts = [service, *service.get("taskSets", []), *service.get("deployments", []), *revisions]
    entries = [entry for part in parts for entry in part.get("loadBalancers", [])]
    balanced = dict.fromkeys(one for entry in entries if (one := _balanced(entry)))
    otherwise = {name for part in parts for name in _otherwise(part)}
    if not all(map(_balanced, entries)):
        otherwise.add(CLASSIC)
    registries = dict.fromkeys(arn for part in parts for arn in _registries(part) if is_of_cloud_map(arn))
    return Traffic(tuple(balanced), tuple(registries), frozenset(otherwise))


def _balanced(entry: Mapping[str, Any]) -> Balanced | None:
    alternate = entry.get("advancedConfiguration", {}).get("alternateTargetGroupArn")
    groups = tuple(arn for arn in (entry.get("targetGroupArn"), alternate) if arn)
    port = entry.get("containerPort")
    return Balanced(groups, entry.get("containerName", ""), port) if groups and port is not None else None


def _registries(part: Mapping[str, Any]) -> list[str]:
    return [one.get("registryArn", "") for one in part.get("serviceRegistries", [])]


def _otherwise(part: Mapping[str, Any]) -> Iterator[str]:
    if not all(map(is_of_cloud_map, _registries(part))):
        yield CLOUD_MAP
    if part.get("vpcLatticeConfigurations"):
        yield LATTICE
    if part.get("gatewayConnectors"):
        yield GATEWAY
    connect = part.get("serviceConnectConfiguration", {})
    # ECS: without `services` the tasks are clients only, and get no requests.
    if connect.get("enabled") and connect.get("services"):
        yield SERVICE_CONNECT
