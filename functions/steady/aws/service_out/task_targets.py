"""The targets by which a task gets requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from steady.aws.ecs.addresses import addresses_of
from steady.aws.ecs.services import is_listed, is_primary, read_revisions, revision_arns, service_of
from steady.aws.ecs.traffic import CLOUD_MAP, NETWORK, Balanced, Traffic, traffic_of
from steady.aws.runtime import Runtime
from steady.aws.service_out.target_groups import TargetGroup, read_target_groups
from steady.service_out.doomed import Target

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import ServiceTypeDef, TaskTypeDef

# ECS, task lifecycle: before RUNNING (ACTIVATING) a task is not, or not yet, registered with its target groups.
STARTED = ("RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED")
# It may be of a Network Load Balancer.
UNREAD_GROUP = "a target group that ELB does not describe"


class TaskTargets(NamedTuple):
    """The targets of a task.

    Attributes:
        are_all_known: whether it can get no request by any other way.
        lingers: whether requests may go on for some time after the deregistration (Network Load Balancers, Cloud Map).
    """

    targets: frozenset[Target]
    are_all_known: bool
    lingers: bool = False


@dataclass(frozen=True, slots=True)
class Routing:
    """What was read of the service revisions and the target groups of services, by ARN."""

    revisions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    groups: Mapping[str, TargetGroup] = field(default_factory=dict)

    def revisions_of(self, service: ServiceTypeDef) -> list[Mapping[str, Any]]:
        """Return the service revisions of `service` that were read."""
        return [found for arn in revision_arns(service) if (found := self.revisions.get(arn))]

    def lingering(self, arn: str) -> str:
        """Return why requests may go on once a target has left the target group `arn`; "": they do not."""
        group = self.groups.get(arn)
        if group is None:
            return UNREAD_GROUP
        return NETWORK if group.lingers else ""


NOTHING_READ = Routing()


def read_routing(runtime: Runtime, services: Iterable[ServiceTypeDef]) -> Routing:
    """Read the service revisions and the target groups of `services`. What cannot be read is left out."""
    found = list(services)
    revisions = read_revisions(runtime, (arn for service in found for arn in revision_arns(service)))
    read = Routing(revisions)
    groups = {arn for service in found for arn in traffic_of(service, read.revisions_of(service)).groups}
    return Routing(revisions, read_target_groups(runtime, groups))


def targets_of(
    task: TaskTypeDef,
    service: ServiceTypeDef,
    instance_id: str,
    network_mode: str,
    routing: Routing = NOTHING_READ,
) -> TaskTargets:
    """Return the targets that ECS may have registered for `task`, in every target group of its `service`.

    A target is the instance and a host port (bridge and host networking), or the address of the task's own network
    interface and the container port (awsvpc). ELB API: DeregisterTargets succeeds for a target that is not registered.
    So a task that is in one of several target groups has a target in each of them.

    In Cloud Map a task is registered under its own id (ECS Developer Guide, "Service discovery", list-instances).
    Clients keep its address until the TTL of their DNS answer is over.
    """
    traffic = traffic_of(service, routing.revisions_of(service))
    are_all_known = not traffic.otherwise and _is_described(task, service, routing)
    found: set[Target] = set()
    for balanced in traffic.balanced:
        targets = set(_targets_behind(balanced, task, instance_id, network_mode, routing.groups))
        found |= targets
        # A port or an address that ECS has not reported (yet), or of another deployment.
        are_all_known = are_all_known and bool(targets) and task.get("lastStatus") in STARTED
    found |= {Target(arn, task["taskArn"].rpartition("/")[2], 0) for arn in traffic.registries if "taskArn" in task}
    groups = {target.group_arn for target in found} - set(traffic.registries)
    lingers = any(map(routing.lingering, groups))
    return TaskTargets(frozenset(found), are_all_known, lingers or bool(traffic.registries))


def get_no_requests(task: TaskTypeDef, service: ServiceTypeDef) -> bool:
    """Return whether no request reaches `task` of `service`, as far as the service itself tells."""
    return targets_of(task, service, "", "") == TaskTargets(frozenset(), are_all_known=True)


def report_late(
    runtime: Runtime,
    cluster: str,
    tasks: Iterable[TaskTypeDef],
    services: Mapping[str, ServiceTypeDef],
    routing: Routing,
) -> None:
    """Log once for each service of `tasks`, all of which are stopped late, why they are.

    Args:
        services: the services of `tasks`, by name.
    """
    for name, count in sorted(Counter(map(service_of, tasks)).items()):
        service = services.get(name)
        traffic = traffic_of(service, routing.revisions_of(service)) if service else Traffic()
        lingering = [way for arn in traffic.groups if (way := routing.lingering(arn))]
        ways = sorted({*traffic.otherwise, *lingering, *([CLOUD_MAP] if traffic.registries else [])})
        why = " and ".join(ways) or "tasks that start, or a service or deployment that ECS does not describe"
        runtime.telemetry.info(
            f"cluster {cluster}: service {name}: requests may still reach {count} tasks once their known targets are "
            f"deregistered ({why}): these tasks are stopped as late as batch tasks",
            cluster=cluster,
            service=name,
        )


def _is_described(task: TaskTypeDef, service: ServiceTypeDef, routing: Routing) -> bool:
    """Return whether the deployment that started `task` is one whose load balancers were read."""
    if not is_listed(task, service):
        return False
    if len(service.get("deployments", [])) < 2 or is_primary(task, service):
        return True
    # ECS: a deployment does not say which service revision it is of. So all of them must be known.
    arns = revision_arns(service)
    return len(arns) > 1 and len(routing.revisions_of(service)) == len(arns)


def _targets_behind(
    balanced: Balanced,
    task: TaskTypeDef,
    instance_id: str,
    network_mode: str,
    groups: Mapping[str, TargetGroup],
) -> Iterator[Target]:
    """Yield the targets of `task` in all target groups of one entry of `loadBalancers`."""
    ipv4, ipv6 = addresses_of(task)
    ports = set(_host_ports(balanced, task))
    if not ports and network_mode == "host":
        # amazon-ecs-agent PR 3479: in network mode host the agent reports no bindings; the ports are the container's.
        ports = {balanced.port}
    for arn in balanced.groups:
        if ipv4 or ipv6:
            group = groups.get(arn)
            address = (ipv6 or ipv4) if group and group.is_ipv6 else (ipv4 or ipv6)
            yield Target(arn, address, balanced.port)
        else:
            yield from (Target(arn, instance_id, port) for port in sorted(ports))


def _host_ports(balanced: Balanced, task: TaskTypeDef) -> Iterator[int]:
    for container in task.get("containers", []):
        if container.get("name") == balanced.container:
            for binding in container.get("networkBindings", []):
                if binding.get("containerPort") == balanced.port and "hostPort" in binding:
                    yield binding["hostPort"]
