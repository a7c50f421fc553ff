"""The part of the ECS API that the suite and its callers use, with AWS's shapes, pages, batch limits and errors."""

from __future__ import annotations

import itertools
import re
from collections import ChainMap
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from simulator.ecs import attributes
from simulator.ecs.launching import EC2, FARGATE_PROVIDERS, Launch
from simulator.ecs.placing import placement_failure_reason
from simulator.ecs.queries import satisfies
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
from simulator.ecs.strategies import strategy_of_run
from simulator.endpoint import Action, Params
from simulator.errors import AwsError

# ECS API Reference: the limits of one call.
MAX_INSTANCES_A_STATE_UPDATE = 10
MAX_DESCRIBED = 100
MAX_SERVICES_DESCRIBED = 10
MAX_REVISIONS_DESCRIBED = 20
MAX_PAGE = 100
DEFAULT_SERVICES_PAGE = 10
MAX_PROVIDERS_A_PAGE = 10

_FILTER = re.compile(r"ec2InstanceId in \[([^\]]*)\]")


class EcsApi:
    """Answer the calls of the service `ecs` from the scheduler's state. Each method is one action of the API."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler

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
        if "status" in params:
            found = [i for i in found if i.status == params["status"]]
        if "filter" in params:
            found = _filtered(found, params["filter"])
        return _page("containerInstanceArns", [i.arn for i in found], params, MAX_PAGE)

    def describe_container_instances(self, params: Params) -> dict[str, Any]:
        cluster = self._cluster(params)
        asked = _limited(params["containerInstances"], MAX_DESCRIBED, "container instances")
        found = [cluster.instances[arn] for arn in asked if arn in cluster.instances]
        missing = [arn for arn in asked if arn not in cluster.instances]
        described = [describe_instance(i) for i in found]
        if "CONTAINER_INSTANCE_HEALTH" in params.get("include", []):
            # ECS API, DescribeContainerInstances: the health status is left out unless it is asked for.
            for one, instance in zip(described, found, strict=True):
                one["healthStatus"] = {"overallStatus": instance.health}
        return {"containerInstances": described, "failures": _missing(missing)}

    def update_container_instances_state(self, params: Params) -> dict[str, Any]:
        cluster = self._cluster(params)
        asked = _limited(params["containerInstances"], MAX_INSTANCES_A_STATE_UPDATE, "container instances")
        found = [cluster.instances[arn] for arn in asked if arn in cluster.instances]
        change: Callable[[ContainerInstance], None] = (
            self.scheduler.drain if params["status"] == "DRAINING" else self.scheduler.undrain
        )
        for instance in found:
            change(instance)
        missing = [arn for arn in asked if arn not in cluster.instances]
        return {"containerInstances": [describe_instance(i) for i in found], "failures": _missing(missing)}

    def describe_clusters(self, params: Params) -> dict[str, Any]:
        found = [self.scheduler.clusters[n] for n in params["clusters"] if n in self.scheduler.clusters]
        return {
            "clusters": [
                {
                    "clusterArn": c.arn,
                    "clusterName": c.name,
                    "status": "ACTIVE",
                    "activeServicesCount": len(c.services),
                    **count_tasks(c.tasks.values()),
                }
                for c in found
            ],
            "failures": [],
        }

    def describe_capacity_providers(self, params: Params) -> dict[str, Any]:
        names = _limited(params["capacityProviders"], MAX_DESCRIBED, "capacity providers")
        known = self.scheduler.providers
        # ECS API: up to 10 results a page. Those of Fargate are there in every account.
        found = [known[n].described() for n in names if n in known]
        fargate = [{"name": n, "status": "ACTIVE", "type": n} for n in names if n in FARGATE_PROVIDERS]
        missing = [n for n in names if n not in known and n not in FARGATE_PROVIDERS]
        return {"capacityProviders": [*found, *fargate][:MAX_PROVIDERS_A_PAGE], "failures": _missing(missing)}

    def list_services(self, params: Params) -> dict[str, Any]:
        cluster = self._cluster(params)
        return _page("serviceArns", [s.arn for s in cluster.services.values()], params, DEFAULT_SERVICES_PAGE)

    def describe_services(self, params: Params) -> dict[str, Any]:
        cluster = self._cluster(params)
        names = [n.rsplit("/", 1)[-1] for n in _limited(params["services"], MAX_SERVICES_DESCRIBED, "services")]
        found = [cluster.services[n] for n in names if n in cluster.services]
        return {
            "services": [describe_service(s) for s in found],
            "failures": _missing(n for n in names if n not in cluster.services),
        }

    def describe_service_revisions(self, params: Params) -> dict[str, Any]:
        arns = _limited(params["serviceRevisionArns"], MAX_REVISIONS_DESCRIBED, "service revisions")
        names = {tuple(arn.split("/")[1:3]) for arn in arns}
        clusters = self.scheduler.clusters
        services = [clusters[c].services[s] for c, s in names if c in clusters and s in clusters[c].services]
        found = describe_revisions(services, arns)
        missing = set(arns) - {revision["serviceRevisionArn"] for revision in found}
        return {"serviceRevisions": found, "failures": _missing(sorted(missing))}

    def list_tasks(self, params: Params) -> dict[str, Any]:
        """List tasks by each filter of ECS API, ListTasks. Which order they come in, the API does not say."""
        cluster, wanted = self._cluster(params), params.get("desiredStatus", "RUNNING")
        if "startedBy" in params:
            raise AwsError("NotSimulated", "ListTasks with startedBy is not part of the simulated account")
        stopped: Iterable[Task] = self._stopped(cluster).values() if wanted == "STOPPED" else ()
        found: Iterable[Task] = cluster.tasks.values()
        if "containerInstance" in params:
            instance = cluster.instances.get(params["containerInstance"])
            found = instance.tasks.values() if instance else []
            stopped = [t for t in stopped if t.instance is instance]
        arns = [t.arn for t in _listed(itertools.chain(found, stopped), params) if desired_status(t) == wanted]
        return _page("taskArns", arns, params, MAX_PAGE)

    def describe_tasks(self, params: Params) -> dict[str, Any]:
        cluster = self._cluster(params)
        asked = _limited(params["tasks"], MAX_DESCRIBED, "tasks")
        known = ChainMap(cluster.tasks, self._stopped(cluster))
        return {
            "tasks": [describe_task(known[arn]) for arn in asked if arn in known],
            "failures": _missing(arn for arn in asked if arn not in known),
        }

    def describe_task_definition(self, params: Params) -> dict[str, Any]:
        definition = self.scheduler.definitions.get(params["taskDefinition"])
        if definition is None:
            raise AwsError("ClientException", "Unable to describe task definition.")
        return {"taskDefinition": describe_definition(definition)}

    def get_task_protection(self, params: Params) -> dict[str, Any]:
        cluster = self._cluster(params)
        asked = _limited(params["tasks"], MAX_DESCRIBED, "tasks")
        found = [cluster.tasks[arn] for arn in asked if arn in cluster.tasks]
        return {
            "protectedTasks": [{"taskArn": t.arn, "protectionEnabled": t.protected} for t in found],
            "failures": _missing(arn for arn in asked if arn not in cluster.tasks),
        }

    def run_task(self, params: Params) -> dict[str, Any]:
        cluster = self._cluster(params)
        definition = self.scheduler.definitions[params["taskDefinition"]]
        launch = Launch.of_run(params)
        instances = cluster.instances.values()
        if launch == EC2 and not any(i.status == "ACTIVE" and launch.may_be_on(i, "") for i in instances):
            raise AwsError("InvalidParameterException", "No Container Instances were found in your cluster.")
        tasks, failures, strategy = [], [], strategy_of_run(params)
        group = f"family:{definition.family}"
        alike = [t for t in cluster.tasks.values() if t.group == group] if launch.weights else []
        for provider in launch.providers_of_next(alike, params.get("count", 1)):
            task = self.scheduler.place(cluster, definition, group, strategy, launch=launch, provider=provider)
            if task:
                tasks.append(describe_task(task))
            else:
                failures.append({"reason": placement_failure_reason(cluster, definition, launch)})
        return {"tasks": tasks, "failures": failures}

    def stop_task(self, params: Params) -> dict[str, Any]:
        cluster, arn = self._cluster(params), params["task"]
        task = cluster.tasks.get(arn) or self._stopped(cluster).get(arn)
        if task is None:
            raise AwsError("InvalidParameterException", "The referenced task was not found.")
        if task.status is not TaskStatus.STOPPED:
            self.scheduler.stop(task)
        return {"task": describe_task(task)}

    def _stopped(self, cluster: Cluster) -> dict[str, Task]:
        return cluster.recently_stopped(self.scheduler.clock.now)

    def _cluster(self, params: Params) -> Cluster:
        name = params.get("cluster", "default").rsplit("/", 1)[-1]
        if name not in self.scheduler.clusters:
            raise AwsError("ClusterNotFoundException", "Cluster not found.")
        return self.scheduler.clusters[name]


def _limited(asked: Sequence[str], most: int, what: str) -> Sequence[str]:
    if not 1 <= len(asked) <= most:
        raise AwsError("InvalidParameterException", f"{len(asked)} {what} were given: 1 to {most} are needed")
    return asked


def _page(key: str, values: Sequence[str], params: Params, default_size: int) -> dict[str, Any]:
    size = params.get("maxResults", default_size)
    if not 1 <= size <= MAX_PAGE:
        raise AwsError("InvalidParameterException", f"maxResults is {size}: 1 to {MAX_PAGE} is needed")
    # The token is the last ARN of the page before. So a thing that goes between two pages hides no other.
    rest = [value for value in sorted(values) if value > params.get("nextToken", "")]
    page: dict[str, Any] = {key: rest[:size]}
    if len(rest) > size:
        page["nextToken"] = rest[size - 1]
    return page


def _listed(tasks: Iterable[Task], params: Params) -> Iterable[Task]:
    """Return those of `tasks` that the filters of ListTasks let through."""
    if family := params.get("family"):
        tasks = [t for t in tasks if t.definition.family == family]
    if service := params.get("serviceName", "").rpartition("/")[2]:
        tasks = [t for t in tasks if t.group == f"service:{service}"]
    if launch_type := params.get("launchType"):
        tasks = [t for t in tasks if launch_type_of(t) == launch_type]
    return tasks


def _filtered(instances: Iterable[ContainerInstance], expression: str) -> list[ContainerInstance]:
    by_id = _FILTER.fullmatch(expression)
    if by_id is None:
        return [i for i in instances if satisfies(i, expression)]
    ids = {part.strip() for part in by_id.group(1).split(",")}
    return [i for i in instances if i.ec2_id in ids]


def _missing(arns: Iterable[str]) -> list[dict[str, str]]:
    return [{"arn": arn, "reason": "MISSING"} for arn in arns]
