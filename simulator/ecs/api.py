"""The part of the ECS API that the suite and its callers use, with AWS's shapes, pages, batch limits and errors."""

from __future__ import annotations

import itertools
import re
from collections import ChainMap
from collections.abc import Callable, Iterable
from typing import Any

from simulator.ecs import attributes
from simulator.ecs.arguments import (
    MAX_PAGE,
    cluster_arns,
    cluster_of,
    full_arn,
    full_arns,
    limited,
    missing,
    one_of,
    page,
)
from simulator.ecs.launching import FARGATE_PROVIDERS
from simulator.ecs.queries import satisfies
from simulator.ecs.runs import run
from simulator.ecs.scheduler import Scheduler
from simulator.ecs.service_shapes import describe_revisions, describe_service
from simulator.ecs.shapes import (
    count_tasks,
    describe_definition,
    describe_instance,
    describe_task,
    desired_status,
    launch_type_of,
)
from simulator.ecs.state import (
    Cluster,
    ContainerInstance,
    Task,
    TaskStatus,
)
from simulator.ecs.task_definition import TaskDefinition
from simulator.endpoint import Action, Params
from simulator.errors import AwsError, NotSimulated

# ECS API Reference: the limits of one call.
MAX_INSTANCES_A_STATE_UPDATE = 10
MAX_DESCRIBED = 100
MAX_SERVICES_DESCRIBED = 10
MAX_REVISIONS_DESCRIBED = 20
DEFAULT_SERVICES_PAGE = 10
MAX_PROVIDERS_A_PAGE = 10
# ECS API Reference: the enumerations of these calls.
LISTED_STATUSES = ("ACTIVE", "DRAINING", "REGISTERING", "DEREGISTERING", "REGISTRATION_FAILED")
SET_STATUSES = ("ACTIVE", "DRAINING")
DESIRED_STATUSES = ("RUNNING", "PENDING", "STOPPED")
LAUNCH_TYPES = ("EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES")

_FILTER = re.compile(r"ec2InstanceId in \[([^\]]*)\]")


class EcsApi:
    """Answer the calls of the service `ecs` from the scheduler's state. Each method is one action of the API."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self._runs: dict[tuple[str, str], tuple[Params, dict[str, Any]]] = {}

    def actions(self) -> dict[str, Action]:
        """Return the actions by their names, such as `ecs:StopTask`."""
        return {
            "ecs:ListContainerInstances": self.list_container_instances,
            "ecs:DescribeContainerInstances": self.describe_container_instances,
            "ecs:UpdateContainerInstancesState": self.update_container_instances_state,
            "ecs:DescribeClusters": self.describe_clusters,
            "ecs:DescribeCapacityProviders": self.describe_capacity_providers,
            "ecs:ListAccountSettings": self.scheduler.settings.list_account_settings,
            "ecs:ListServices": self.list_services,
            "ecs:DescribeServices": self.describe_services,
            "ecs:DescribeServiceRevisions": self.describe_service_revisions,
            "ecs:ListTasks": self.list_tasks,
            "ecs:DescribeTasks": self.describe_tasks,
            "ecs:DescribeTaskDefinition": self.describe_task_definition,
            "ecs:GetTaskProtection": self.get_task_protection,
            "ecs:RunTask": self.run_task,
            "ecs:StopTask": self.stop_task,
            **attributes.actions(self._cluster),
        }

    def list_container_instances(self, params: Params) -> dict[str, Any]:
        cluster = self._cluster(params)
        found: Iterable[ContainerInstance] = cluster.instances.values()
        if status := one_of(params, "status", LISTED_STATUSES):
            found = [i for i in found if i.status == status]
        if "filter" in params:
            found = _filtered(found, params["filter"])
        return page("containerInstanceArns", [i.arn for i in found], params, MAX_PAGE)

    def describe_container_instances(self, params: Params) -> dict[str, Any]:
        cluster = self._cluster(params)
        asked = full_arns(
            "container-instance", cluster, params["containerInstances"], MAX_DESCRIBED, "container instances"
        )
        # ECS Developer Guide, "Container agent": one that is deregistered is INACTIVE, no longer listed, and still
        # described for an hour.
        known = ChainMap(cluster.instances, cluster.inactive)
        found = [known[arn] for arn in asked if arn in known]
        described = [describe_instance(i) for i in found]
        if "CONTAINER_INSTANCE_HEALTH" in params.get("include", []):
            # ECS API, DescribeContainerInstances: the health status is left out unless it is asked for.
            for one, instance in zip(described, found, strict=True):
                one["healthStatus"] = {"overallStatus": instance.health}
        return {"containerInstances": described, "failures": missing(arn for arn in asked if arn not in known)}

    def update_container_instances_state(self, params: Params) -> dict[str, Any]:
        cluster = self._cluster(params)
        named, most = params["containerInstances"], MAX_INSTANCES_A_STATE_UPDATE
        asked = full_arns("container-instance", cluster, named, most, "container instances")
        found = [cluster.instances[arn] for arn in asked if arn in cluster.instances]
        if not_yet := [i.arn for i in found if i.status not in SET_STATUSES]:
            # ECS API: a container instance "can't be changed to DRAINING until it has reached an ACTIVE status. If the
            # instance is in any other status, an error will be received." Whether the others of the call are changed,
            # no document says: here none is.
            raise AwsError("InvalidParameterException", f"The container instance {not_yet[0]} is not ACTIVE.")
        change: Callable[[ContainerInstance], None] = (
            self.scheduler.drain if one_of(params, "status", SET_STATUSES) == "DRAINING" else self.scheduler.undrain
        )
        for instance in found:
            change(instance)
        gone = [arn for arn in asked if arn not in cluster.instances]
        failures = [one for arn in gone for one in missing([arn], "INACTIVE" if arn in cluster.inactive else "MISSING")]
        return {"containerInstances": [describe_instance(i) for i in found], "failures": failures}

    def describe_clusters(self, params: Params) -> dict[str, Any]:
        asked = cluster_arns(limited(params.get("clusters", ["default"]), MAX_DESCRIBED, "clusters"))
        found = [self.scheduler.clusters[name] for name in asked if name in self.scheduler.clusters]
        return {
            "clusters": [
                {
                    "clusterArn": c.arn,
                    "clusterName": c.name,
                    "status": "ACTIVE",
                    "registeredContainerInstancesCount": len(c.instances),
                    "activeServicesCount": len(c.services),
                    "defaultCapacityProviderStrategy": c.default_launch.described().get("capacityProviderStrategy", []),
                    **count_tasks(c.tasks.values()),
                }
                for c in found
            ],
            "failures": missing(arn for name, arn in asked.items() if name not in self.scheduler.clusters),
        }

    def describe_capacity_providers(self, params: Params) -> dict[str, Any]:
        names = limited(params["capacityProviders"], MAX_DESCRIBED, "capacity providers")
        known = self.scheduler.providers
        # ECS API: up to 10 results a page. Those of Fargate are there in every account.
        found = [known[n].described() for n in names if n in known]
        fargate = [{"name": n, "status": "ACTIVE", "type": n} for n in names if n in FARGATE_PROVIDERS]
        gone = [n for n in names if n not in known and n not in FARGATE_PROVIDERS]
        return {"capacityProviders": [*found, *fargate][:MAX_PROVIDERS_A_PAGE], "failures": missing(gone)}

    def list_services(self, params: Params) -> dict[str, Any]:
        cluster = self._cluster(params)
        return page("serviceArns", [s.arn for s in cluster.services.values()], params, DEFAULT_SERVICES_PAGE)

    def describe_services(self, params: Params) -> dict[str, Any]:
        cluster = self._cluster(params)
        asked = full_arns("service", cluster, params["services"], MAX_SERVICES_DESCRIBED, "services")
        names = [arn.rsplit("/", 1)[-1] for arn in asked]
        found = [cluster.services[n] for n in names if n in cluster.services]
        return {
            "services": [describe_service(s) for s in found],
            "failures": missing(full_arn("service", cluster, n) for n in names if n not in cluster.services),
        }

    def describe_service_revisions(self, params: Params) -> dict[str, Any]:
        arns = limited(params["serviceRevisionArns"], MAX_REVISIONS_DESCRIBED, "service revisions")
        names = {tuple(arn.split("/")[1:3]) for arn in arns if arn.count("/") == 3}
        clusters = self.scheduler.clusters
        services = [clusters[c].services[s] for c, s in names if c in clusters and s in clusters[c].services]
        found = describe_revisions(services, arns)
        gone = set(arns) - {revision["serviceRevisionArn"] for revision in found}
        return {"serviceRevisions": found, "failures": missing(sorted(gone))}

    def list_tasks(self, params: Params) -> dict[str, Any]:
        """List tasks by each filter of ECS API, ListTasks. Which order they come in, the API does not say."""
        cluster, wanted = self._cluster(params), one_of(params, "desiredStatus", DESIRED_STATUSES) or "RUNNING"
        if "startedBy" in params:
            raise NotSimulated("ListTasks with startedBy")
        stopped: Iterable[Task] = self._stopped(cluster).values() if wanted == "STOPPED" else ()
        found: Iterable[Task] = cluster.tasks.values()
        if "containerInstance" in params:
            arn = full_arn("container-instance", cluster, params["containerInstance"])
            instance = cluster.instances.get(arn)
            found = instance.tasks.values() if instance else []
            stopped = [t for t in stopped if t.instance.arn == arn]
        listed = _listed(cluster, itertools.chain(found, stopped), params)
        arns = [t.arn for t in listed if desired_status(t) == wanted]
        return page("taskArns", arns, params, MAX_PAGE)

    def describe_tasks(self, params: Params) -> dict[str, Any]:
        cluster = self._cluster(params)
        asked = full_arns("task", cluster, params["tasks"], MAX_DESCRIBED, "tasks")
        known = ChainMap(cluster.tasks, self._stopped(cluster))
        return {
            "tasks": [describe_task(known[arn]) for arn in asked if arn in known],
            "failures": missing(arn for arn in asked if arn not in known),
        }

    def describe_task_definition(self, params: Params) -> dict[str, Any]:
        return {"taskDefinition": describe_definition(self._definition(params))}

    def get_task_protection(self, params: Params) -> dict[str, Any]:
        cluster = self._cluster(params)
        asked = full_arns("task", cluster, params["tasks"], MAX_DESCRIBED, "tasks")
        found = [cluster.tasks[arn] for arn in asked if arn in cluster.tasks]
        return {
            "protectedTasks": [{"taskArn": t.arn, "protectionEnabled": t.protected} for t in found],
            "failures": missing(arn for arn in asked if arn not in cluster.tasks),
        }

    def run_task(self, params: Params) -> dict[str, Any]:
        """Start tasks. A call with the token of an earlier one has its answer (ECS Developer Guide, "Idempotency")."""
        cluster, token = self._cluster(params), params.get("clientToken", "")
        same, answer = self._runs.get((cluster.name, token), (None, None)) if token else (None, None)
        if answer is None:
            answer = run(self.scheduler, cluster, self._definition(params), params)
        elif same != {name: params[name] for name in params}:
            raise AwsError("ConflictException", "The clientToken was used with other parameters.")
        if token:
            self._runs[cluster.name, token] = (dict(params), answer)
        return answer

    def stop_task(self, params: Params) -> dict[str, Any]:
        cluster = self._cluster(params)
        arn = full_arn("task", cluster, params["task"])
        task = cluster.tasks.get(arn) or self._stopped(cluster).get(arn)
        if task is None:
            raise AwsError("InvalidParameterException", "The referenced task was not found.")
        if task.status is not TaskStatus.STOPPED:
            self.scheduler.stop(task)
        return {"task": describe_task(task)}

    def _stopped(self, cluster: Cluster) -> dict[str, Task]:
        return cluster.recently_stopped(self.scheduler.clock.now)

    def _cluster(self, params: Params) -> Cluster:
        return cluster_of(self.scheduler.clusters, params)

    def _definition(self, params: Params) -> TaskDefinition:
        """Return a task definition by its ARN, its family and revision, or its family alone: the newest (ECS API)."""
        known = self.scheduler.definitions
        if found := known.get(params["taskDefinition"]):
            return found
        family, _, revision = params["taskDefinition"].rsplit("/", 1)[-1].partition(":")
        of_family = [d for d in known.values() if d.family == family and revision in ("", str(d.revision))]
        if not of_family:
            raise AwsError("ClientException", "Unable to describe task definition.")
        return max(of_family, key=lambda definition: definition.revision)


def _listed(cluster: Cluster, tasks: Iterable[Task], params: Params) -> Iterable[Task]:
    """Return those of `tasks` that the filters of ListTasks let through."""
    if family := params.get("family"):
        tasks = [t for t in tasks if t.definition.family == family]
    if service := params.get("serviceName", "").rpartition("/")[2]:
        if service not in cluster.services:
            raise AwsError("ServiceNotFoundException", "Service not found.")
        tasks = [t for t in tasks if t.group == f"service:{service}"]
    if launch_type := one_of(params, "launchType", LAUNCH_TYPES):
        tasks = [t for t in tasks if launch_type_of(t) == launch_type]
    return tasks


def _filtered(instances: Iterable[ContainerInstance], expression: str) -> list[ContainerInstance]:
    by_id = _FILTER.fullmatch(expression)
    if by_id is None:
        return [i for i in instances if satisfies(i, expression)]
    ids = {part.strip() for part in by_id.group(1).split(",")}
    return [i for i in instances if i.ec2_id in ids]
