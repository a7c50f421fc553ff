"""The shapes in which the ECS API describes services, with their deployments, service revisions and task sets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from simulator.clients import REGION
from simulator.ecs.state import Deploys, Otherwise, Service
from simulator.ecs.strategies import DESCRIBED
from simulator.ecs.task_definition import ARN
from simulator.endpoint import ACCOUNT_ID

LATTICE_GROUP = f"arn:aws:vpc-lattice:{REGION}:{ACCOUNT_ID}:targetgroup/tg-0123456789abcdef0"
# How each way is described, and in which parts: a service, a deployment, a service revision.
_OTHERWISE: Mapping[Otherwise, Mapping[str, Any]] = {
    Otherwise.LATTICE: {"vpcLatticeConfigurations": [{"targetGroupArn": LATTICE_GROUP, "portName": "http"}]},
    Otherwise.SERVICE_CONNECT: {"serviceConnectConfiguration": {"enabled": True, "services": [{"portName": "http"}]}},
    Otherwise.GATEWAY: {"gatewayConnectors": [{"portName": "http"}]},
    Otherwise.CLASSIC: {"loadBalancers": [{"loadBalancerName": "classic", "containerName": "app"}]},
}
_OF_SERVICE = ("loadBalancers", "serviceRegistries")
_OF_DEPLOYMENT = ("vpcLatticeConfigurations", "serviceConnectConfiguration")


def deployment_id(service: Service, revision: int) -> str:
    """Return the id of the deployment, or of the task set, that starts the tasks of a service revision."""
    number = int.from_bytes(service.name.encode()[:6], "big")
    return f"ecs-svc/{number:015d}{revision:04d}"


def revision_arn(service: Service, revision: int) -> str:
    """Return the ARN of a service revision."""
    return f"{ARN}:service-revision/{service.cluster.name}/{service.name}/{revision:016d}"


def describe_service(service: Service) -> dict[str, Any]:
    """Describe a service as DescribeServices does."""
    running, pending = service.counts()
    described: dict[str, Any] = {
        "serviceName": service.name,
        "serviceArn": service.arn,
        "clusterArn": service.cluster.arn,
        "status": "ACTIVE",
        "desiredCount": 0 if service.daemon else service.desired,
        "runningCount": running,
        "pendingCount": pending,
        "taskDefinition": service.definition.arn,
        # ECS API, CreateService: distinctInstance is a constraint of the service, and not of its task definition.
        "placementConstraints": [{"type": "distinctInstance"}] if service.definition.distinct else [],
        "placementStrategy": [] if service.daemon else [*DESCRIBED[service.strategy]],
        "schedulingStrategy": "DAEMON" if service.daemon else "REPLICA",
        "deploymentController": {"type": _controller(service)},
        **service.launch.described(),
        "availabilityZoneRebalancing": "ENABLED" if service.rebalances else "DISABLED",
        # ECS API, DeploymentConfiguration: of a daemon service 0 and 100; of every other one what limits its drains.
        "deploymentConfiguration": {
            "minimumHealthyPercent": 0 if service.daemon else service.minimum_healthy_percent,
            "maximumPercent": 100 if service.daemon else service.maximum_percent,
        },
        "loadBalancers": _load_balancers(service, service.target_groups),
        "healthCheckGracePeriodSeconds": int(service.health_check_grace_s),
        **_other_ways(service, _OF_SERVICE),
    }
    if service.deploys is Deploys.EXTERNAL:
        # ECS API, CreateService: an EXTERNAL service has no task definition; its task sets have.
        for member in ("taskDefinition", "loadBalancers", *service.launch.described()):
            del described[member]
    if service.deploys is Deploys.CODE_DEPLOY:
        described["loadBalancers"] = _entries(service, service.idle_groups)
    if service.deploys.by_task_sets:
        described["taskSets"] = _task_sets(service)
        return described
    revisions = sorted({service.revision, *(t.revision for t in service.tasks.values())}, reverse=True)
    described["deployments"] = [
        {
            "id": deployment_id(service, revision),
            "status": "PRIMARY" if revision == service.revision else "ACTIVE",
            "taskDefinition": _definition_of(service, revision),
            **service.earlier_launches.get(revision, service.launch).described(),
            **_counts(service, revision),
            **_other_ways(service, _OF_DEPLOYMENT),
        }
        for revision in revisions
    ]
    described["currentServiceRevisions"] = [{"arn": revision_arn(service, revision)} for revision in revisions]
    return described


def describe_revisions(services: Iterable[Service], arns: Iterable[str]) -> list[dict[str, Any]]:
    """Describe those of the service revisions `arns` that are of `services` as DescribeServiceRevisions does."""
    known = {revision_arn(s, number): (s, number) for s in services for number in range(1, s.revision + 1)}
    return [
        {
            "serviceRevisionArn": arn,
            "serviceArn": service.arn,
            "clusterArn": service.cluster.arn,
            "loadBalancers": _load_balancers(service, service.groups_of(number)),
            **_other_ways(service, (*_OF_SERVICE, *_OF_DEPLOYMENT, "gatewayConnectors")),
        }
        for arn, (service, number) in ((arn, known[arn]) for arn in arns if arn in known)
    ]


def _definition_of(service: Service, revision: int) -> str:
    found = (t.definition.arn for t in service.tasks.values() if t.revision == revision != service.revision)
    return next(found, service.definition.arn)


def _counts(service: Service, revision: int) -> dict[str, int]:
    """Return the counts of a deployment; what an earlier one still wants are the tasks that it has."""
    running, pending = service.counts(revision)
    newest = revision == service.revision and service.replaces_before == revision
    # A service whose tasks stay where they are (`Service.deploy`) wants no more of its newest deployment.
    desired = service.desired if newest else running + pending
    return {"desiredCount": desired, "runningCount": running, "pendingCount": pending}


def _set_counts(service: Service, revision: int) -> dict[str, int]:
    """Return the counts of a task set (ECS API, TaskSet: `computedDesiredCount` is the desired count by its scale)."""
    counts = _counts(service, revision)
    return {"computedDesiredCount": counts.pop("desiredCount"), **counts}


def _controller(service: Service) -> str:
    return {Deploys.CODE_DEPLOY: "CODE_DEPLOY", Deploys.EXTERNAL: "EXTERNAL"}.get(service.deploys, "ECS")


def _load_balancers(service: Service, groups: Iterable[str]) -> list[dict[str, Any]]:
    if service.deploys is not Deploys.BLUE_GREEN:
        return _entries(service, groups)
    # After the first deployment all tasks are in the alternate target groups.
    return [
        {**idle, "advancedConfiguration": {"alternateTargetGroupArn": live["targetGroupArn"]}}
        for idle, live in zip(_entries(service, service.idle_groups), _entries(service, groups), strict=True)
    ]


def _entries(service: Service, groups: Iterable[str]) -> list[dict[str, Any]]:
    container, port = service.definition.container, service.definition.container_port
    return [{"targetGroupArn": arn, "containerName": container, "containerPort": port} for arn in groups]


def _task_sets(service: Service) -> list[dict[str, Any]]:
    """Describe the task set that serves, and for CodeDeploy the one before it, which is kept for some time."""
    sets = [("PRIMARY", service.revision, service.target_groups)]
    if service.idle_groups:
        sets.append(("ACTIVE", service.revision - 1, service.idle_groups))
    return [
        {
            "id": deployment_id(service, revision),
            "status": status,
            "taskDefinition": service.definition.arn,
            **service.launch.described(),
            "loadBalancers": _entries(service, groups),
            **_set_counts(service, revision),
        }
        for status, revision, groups in sets
    ]


def _other_ways(service: Service, members: Iterable[str]) -> dict[str, Any]:
    if service.otherwise is Otherwise.CLOUD_MAP:
        ways: Mapping[str, Any] = {"serviceRegistries": [{"registryArn": arn} for arn in service.hidden_groups]}
    else:
        ways = _OTHERWISE[service.otherwise] if service.otherwise else {}
    return {member: ways[member] for member in members if member in ways}
