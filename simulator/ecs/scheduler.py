"""How ECS places, starts, replaces and stops tasks."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulator.clock import Clock
from simulator.ecs.state import (
    ARN,
    Cluster,
    ContainerInstance,
    Service,
    Strategy,
    Task,
    TaskDefinition,
    TaskStatus,
)
from simulator.load_balancing import LoadBalancing

# From placement to RUNNING: the agent's poll, the image, the start.
START_S = 4.0
# How often a service tries again to place what it lacks, and how often it says that it cannot.
RETRY_S = 15.0
FAILURE_SAID_EVERY_S = 300.0
# ECS backs off for a service whose tasks do not start.
CRASH_BACKOFF_S = 120.0
# How soon ECS notices that an instance is gone with the tasks that it had.
LOST_INSTANCE_S = 10.0


@dataclass
class Observer:
    """What others learn of tasks: each is called as it happens."""

    # A service's task or a RunTask was placed, having waited so many seconds.
    placed: Callable[[Task, float], None] = lambda task, waited_s: None
    stopped: Callable[[Task], None] = lambda task: None
    # A task that ran, or was still stopping, when its instance was terminated.
    killed: Callable[[Task], None] = lambda task: None
    service_event: Callable[[dict[str, Any]], None] = lambda event: None


class Scheduler:
    """The ECS control plane: one for all clusters."""

    def __init__(self, clock: Clock, rng: random.Random, balancing: LoadBalancing) -> None:
        self.clock = clock
        self.rng = rng
        self.balancing = balancing
        self.clusters: dict[str, Cluster] = {}
        self.definitions: dict[str, TaskDefinition] = {}
        self.observer = Observer()
        self._ids = itertools.count(1)

    def register(self, cluster: Cluster, instance: ContainerInstance) -> None:
        """A booted instance joins its cluster: daemons start on it at once, others find it at their next try."""
        cluster.instances[instance.arn] = instance
        for service in cluster.services.values():
            if service.daemon:
                self.reconcile(service)

    def new_arn(self, kind: str, cluster: Cluster) -> str:
        return f"{ARN}:{kind}/{cluster.name}/{next(self._ids):032x}"

    def place(
        self,
        cluster: Cluster,
        definition: TaskDefinition,
        group: str,
        strategy: Strategy,
        run_s: float | None = None,
    ) -> Task | None:
        """Starts one task on an ACTIVE instance that has room for it; None if there is none."""
        fitting = [
            i
            for i in cluster.instances.values()
            if i.status == "ACTIVE" and i.agent_connected and i.has_room(definition)
        ]
        if not fitting:
            return None
        if strategy is Strategy.BINPACK:
            chosen = min(fitting, key=lambda i: (i.remaining.memory_mib, i.remaining.cpu_units, i.arn))
        else:
            chosen = min(fitting, key=lambda i: (sum(t.group == group for t in i.tasks.values()), len(i.tasks), i.arn))
        return self.start(chosen, definition, group, run_s)

    def start(
        self, instance: ContainerInstance, definition: TaskDefinition, group: str, run_s: float | None = None
    ) -> Task:
        cluster = instance.cluster
        task = Task(self.new_arn("task", cluster), cluster, definition, instance, group, self.clock.now, run_s)
        if definition.awsvpc:
            number = next(self._ids)
            task.address = f"10.{number // 65536 % 256}.{number // 256 % 256}.{number % 256}"
        elif definition.container_port is not None:
            task.host_port = definition.host_port or instance.free_port()
            instance.used_ports.add(task.host_port)
        instance.remaining = instance.remaining - definition.size
        instance.tasks[task.arn] = cluster.tasks[task.arn] = task
        if service := cluster.services.get(task.service_name):
            service.tasks[task.arn] = task
        self.clock.after(START_S * self.rng.uniform(0.7, 1.3), lambda: self._started(task))
        return task

    def stop(self, task: Task) -> None:
        """StopTask: SIGTERM at once, SIGKILL after the stop timeout; its targets are deregistered as it goes."""
        if task.stopping:
            return
        task.stopping = True
        for target in task.targets:
            self.balancing.deregister(target)
        self._sigterm(task)

    def retire(self, task: Task) -> None:
        """What the service scheduler does with a task that it no longer wants: its targets leave before its SIGTERM."""
        if task.stopping:
            return
        task.stopping = True
        for target in task.targets:
            self.balancing.deregister(target)
        left_at = max((t.left_at or 0.0 for t in task.targets), default=self.clock.now)
        self.clock.at(left_at, lambda: self._sigterm(task))

    def _sigterm(self, task: Task) -> None:
        if task.sigterm_at is not None or task.status is TaskStatus.STOPPED or task.killed:
            return
        task.sigterm_at = self.clock.now
        for target in task.targets:
            self.balancing.task_deaf(target)
        running = task.status is TaskStatus.RUNNING
        ends_in_s = min(task.definition.exit_s, task.definition.stop_timeout_s) if running else 0.0
        self.clock.after(ends_in_s, lambda: self._ended(task))
        if service := task.cluster.services.get(task.service_name):
            self._reconcile_soon(service)

    def drain(self, instance: ContainerInstance) -> None:
        if instance.status != "DRAINING":
            instance.status = "DRAINING"
            # ECS: a service's tasks that are still PENDING are stopped at once.
            for task in list(instance.tasks.values()):
                if task.status is TaskStatus.PENDING and self._is_replica(task):
                    self.stop(task)
            for service in list(instance.cluster.services.values()):
                self.reconcile(service)
            self._stop_daemons_if_alone(instance)

    def undrain(self, instance: ContainerInstance) -> None:
        instance.status = "ACTIVE"

    def instance_gone(self, instance: ContainerInstance) -> None:
        """The EC2 instance was terminated: whatever was left on it is killed, and ECS notices a moment later."""
        instance.cluster.instances.pop(instance.arn, None)
        instance.status = "INACTIVE"
        for task in list(instance.tasks.values()):
            task.killed = True
            self.observer.killed(task)
            for target in task.targets:
                self.balancing.task_gone(target)
            self.clock.after(LOST_INSTANCE_S, lambda task=task: self._ended(task))  # type: ignore[misc]

    def set_desired(self, service: Service, desired: int) -> None:
        service.desired = desired
        self.reconcile(service)

    def reconcile(self, service: Service) -> None:
        """One look of the service's scheduler: places what is missing, stops what is too much, replaces what drains."""
        if service.daemon:
            self._reconcile_daemon(service)
            return
        alive = [t for t in service.tasks.values() if not t.stopping]
        draining = [t for t in alive if t.instance.status == "DRAINING"]
        staying = len(alive) - len(draining)
        ceiling = service.desired * service.maximum_percent // 100
        wanted = max(0, min(service.desired - staying, ceiling - len(alive)))
        self._note_missing(service, max(0, service.desired - len(alive)))
        for _ in range(wanted):
            if not self._place_for(service):
                break
        self._stop_excess(service)
        self._stop_replaced(service)

    def _place_for(self, service: Service) -> bool:
        task = self.place(service.cluster, service.definition, f"service:{service.name}", service.strategy)
        if task is None:
            self._retry_later(service, RETRY_S)
            self._say_failure(service)
            return False
        waited_s = self.clock.now - service.missing_since.pop(0) if service.missing_since else 0.0
        self.observer.placed(task, waited_s)
        return True

    def _stop_excess(self, service: Service) -> None:
        alive = [t for t in service.tasks.values() if not t.stopping]
        staying = [t for t in alive if t.instance.status != "DRAINING"]
        for task in sorted(staying, key=lambda t: (-t.created_at, t.arn))[: max(0, len(staying) - service.desired)]:
            self.retire(task)

    def _stop_replaced(self, service: Service) -> None:
        """Stops tasks on draining instances as far as the minimum healthy percent allows."""
        running = [t for t in service.tasks.values() if not t.stopping and t.status is TaskStatus.RUNNING]
        healthy = [t for t in running if all(x.healthy_at <= self.clock.now for x in t.targets)]
        floor = math.ceil(service.desired * service.minimum_healthy_percent / 100)
        for task in [t for t in healthy if t.instance.status == "DRAINING"][: max(0, len(healthy) - floor)]:
            self.retire(task)

    def _reconcile_daemon(self, service: Service) -> None:
        covered = {t.instance.arn for t in service.tasks.values() if not t.stopping}
        for instance in list(service.cluster.instances.values()):
            if instance.status == "ACTIVE" and instance.arn not in covered and instance.has_room(service.definition):
                self.start(instance, service.definition, f"service:{service.name}")

    def _started(self, task: Task) -> None:
        if task.stopping or task.killed:
            return
        if not task.definition.starts:
            task.stopping = True
            self._ended(task)
            return
        task.status = TaskStatus.RUNNING
        task.started_at = self.clock.now
        service = task.cluster.services.get(task.service_name)
        for group_arn in service.target_groups if service else ():
            id_, port = task.instance.ec2_id, task.host_port
            if task.address:
                id_, port = task.address, task.definition.container_port
            assert port is not None, f"{task.definition.family} has target groups but no container port"
            task.targets.append(self.balancing.register(group_arn, id_, port))
        if task.run_s is not None:
            self.clock.after(task.run_s, lambda: None if task.stopping else self._ended(task))
        if task.targets and service:
            # Its replacement of a draining task counts once it is healthy.
            self.clock.at(max(t.healthy_at for t in task.targets), lambda: self._reconcile_soon(service))
        elif service:
            self._reconcile_soon(service)

    def _ended(self, task: Task) -> None:
        if task.status is TaskStatus.STOPPED:
            return
        task.status = TaskStatus.STOPPED
        task.stopping = True
        instance = task.instance
        instance.tasks.pop(task.arn, None)
        instance.remaining = instance.remaining + task.definition.size
        if task.host_port is not None:
            instance.used_ports.discard(task.host_port)
        for target in task.targets:
            self.balancing.deregister(target)
            self.balancing.task_gone(target)
        service = task.cluster.services.get(task.service_name)
        if service:
            service.tasks.pop(task.arn, None)
        del task.cluster.tasks[task.arn]
        self.observer.stopped(task)
        if task.on_stopped:
            task.on_stopped(task)
        self._stop_daemons_if_alone(instance)
        if service and not task.definition.starts:
            self._retry_later(service, CRASH_BACKOFF_S)
        elif service:
            self._reconcile_soon(service)

    def _reconcile_soon(self, service: Service) -> None:
        # ECS works through its services: what happens to one within a second is looked at together.
        if service.look_pending:
            return
        service.look_pending = True

        def look() -> None:
            service.look_pending = False
            self.reconcile(service)

        self.clock.after(1.0, look)

    def _is_replica(self, task: Task) -> bool:
        service = task.cluster.services.get(task.service_name)
        return service is not None and not service.daemon

    def _stop_daemons_if_alone(self, instance: ContainerInstance) -> None:
        if instance.status != "DRAINING":
            return
        services = instance.cluster.services
        daemons = [t for t in instance.tasks.values() if t.service_name and services[t.service_name].daemon]
        if len(daemons) == len(instance.tasks):
            for task in daemons:
                self.retire(task)

    def _note_missing(self, service: Service, missing: int) -> None:
        since = service.missing_since
        since += [self.clock.now] * (missing - len(since))
        del since[missing:]

    def _retry_later(self, service: Service, delay_s: float) -> None:
        if service.retry_pending:
            return
        service.retry_pending = True

        def retry() -> None:
            service.retry_pending = False
            self.reconcile(service)

        self.clock.after(delay_s, retry)

    def _say_failure(self, service: Service) -> None:
        said_at, now = service.failure_said_at, self.clock.now
        if said_at is not None and now - said_at < FAILURE_SAID_EVERY_S:
            return
        service.failure_said_at = now
        self.observer.service_event(
            {
                "detail-type": "ECS Service Action",
                "source": "aws.ecs",
                "resources": [service.arn],
                "detail": {
                    "eventType": "ERROR",
                    "eventName": "SERVICE_TASK_PLACEMENT_FAILURE",
                    "clusterArn": service.cluster.arn,
                    "reason": why_no_room(service.cluster, service.definition),
                },
            }
        )


def why_no_room(cluster: Cluster, definition: TaskDefinition) -> str:
    """The reason that ECS gives for a task that found no place."""
    active = [i for i in cluster.instances.values() if i.status == "ACTIVE"]
    if not active:
        return "NO_CONTAINER_INSTANCES"
    if not any(i.remaining.memory_mib >= definition.size.memory_mib for i in active):
        return "RESOURCE:MEMORY"
    if not any(i.remaining.cpu_units >= definition.size.cpu_units for i in active):
        return "RESOURCE:CPU"
    return "RESOURCE:PORTS" if definition.host_port else "RESOURCE:MEMORY"
