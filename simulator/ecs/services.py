"""What the service scheduler does: it keeps each service at its count, and moves it off draining instances."""

from __future__ import annotations

import math
from typing import Protocol

from simulator.clock import Clock
from simulator.ecs.observer import Observer
from simulator.ecs.state import (
    Cluster,
    ContainerInstance,
    Service,
    Strategy,
    Task,
    TaskDefinition,
    TaskStatus,
    why_no_room,
)

# How often a service tries again to place what it lacks, and how often it says that it cannot.
RETRY_S = 15.0
FAILURE_SAID_EVERY_S = 300.0


class TaskScheduler(Protocol):
    """What the service scheduler needs of the one that places and retires tasks."""

    clock: Clock
    observer: Observer

    def place(self, cluster: Cluster, definition: TaskDefinition, group: str, strategy: Strategy) -> Task | None: ...

    def start(self, instance: ContainerInstance, definition: TaskDefinition, group: str) -> Task: ...

    def retire(self, task: Task) -> None: ...


class Services:
    """The service scheduler, on top of the one that places tasks."""

    def __init__(self, scheduler: TaskScheduler) -> None:
        self.scheduler = scheduler
        self.clock = scheduler.clock

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
        task = self.scheduler.place(service.cluster, service.definition, f"service:{service.name}", service.strategy)
        if task is None:
            self.retry_later(service, RETRY_S)
            self._say_failure(service)
            return False
        waited_s = self.clock.now - service.missing_since.pop(0) if service.missing_since else 0.0
        self.scheduler.observer.placed(task, waited_s)
        return True

    def _stop_excess(self, service: Service) -> None:
        alive = [t for t in service.tasks.values() if not t.stopping]
        staying = [t for t in alive if t.instance.status != "DRAINING"]
        for task in sorted(staying, key=lambda t: (-t.created_at, t.arn))[: max(0, len(staying) - service.desired)]:
            self.scheduler.retire(task)

    def _stop_replaced(self, service: Service) -> None:
        """Stops tasks on draining instances as far as the minimum healthy percent allows."""
        running = [t for t in service.tasks.values() if not t.stopping and t.status is TaskStatus.RUNNING]
        healthy = [t for t in running if all(x.healthy_at <= self.clock.now for x in t.targets)]
        floor = math.ceil(service.desired * service.minimum_healthy_percent / 100)
        movable = [t for t in healthy if t.instance.status == "DRAINING" and not t.protected]
        for task in movable[: max(0, len(healthy) - floor)]:
            self.scheduler.retire(task)

    def _reconcile_daemon(self, service: Service) -> None:
        covered = {t.instance.arn for t in service.tasks.values() if not t.stopping}
        for instance in list(service.cluster.instances.values()):
            if instance.status == "ACTIVE" and instance.arn not in covered and instance.has_room(service.definition):
                self.scheduler.start(instance, service.definition, f"service:{service.name}")

    def reconcile_soon(self, service: Service) -> None:
        # ECS works through its services: what happens to one within a second is looked at together.
        if service.look_pending:
            return
        service.look_pending = True

        def look() -> None:
            service.look_pending = False
            self.reconcile(service)

        self.clock.after(1.0, look)

    def is_replica(self, task: Task) -> bool:
        service = task.cluster.services.get(task.service_name)
        return service is not None and not service.daemon

    def stop_daemons_if_alone(self, instance: ContainerInstance) -> None:
        if instance.status != "DRAINING":
            return
        services = instance.cluster.services
        daemons = [t for t in instance.tasks.values() if t.service_name and services[t.service_name].daemon]
        if len(daemons) == len(instance.tasks):
            for task in daemons:
                self.scheduler.retire(task)

    def _note_missing(self, service: Service, missing: int) -> None:
        since = service.missing_since
        since += [self.clock.now] * (missing - len(since))
        del since[missing:]

    def retry_later(self, service: Service, delay_s: float) -> None:
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
        self.scheduler.observer.service_event(
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
