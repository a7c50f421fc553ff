"""The service scheduler: it keeps each service at its desired count, and moves its tasks off draining instances."""

from __future__ import annotations

import math
import random
from collections import Counter
from typing import Protocol

from simulator.clock import Clock
from simulator.ecs.launching import Launch
from simulator.ecs.observer import Observer
from simulator.ecs.pace import FIRST_RETRY_S
from simulator.ecs.placing import excess, placement_failure_reason
from simulator.ecs.queries import meets
from simulator.ecs.state import Cluster, ContainerInstance, Service, Task, TaskStatus
from simulator.ecs.strategies import Strategy
from simulator.ecs.task_definition import TaskDefinition
from simulator.load_balancing import LoadBalancing
from simulator.timing import Timing

# Seconds until a service whose tasks do not start tries again, if it does not back off (`Timing.backs_off`).
CRASH_BACKOFF_S = 120.0
# Seconds between two looks at the balance of a service over the zones; an assumption.
REBALANCE_EVERY_S = 60.0
# Seconds between two placement failure events of one service.
FAILURE_EVENT_EVERY_S = 300.0


class TaskScheduler(Protocol):
    """The part of `simulator.ecs.scheduler.Scheduler` that the service scheduler uses."""

    clock: Clock
    observer: Observer
    balancing: LoadBalancing
    timing: Timing
    binds_platform: bool

    def place(
        self,
        cluster: Cluster,
        definition: TaskDefinition,
        group: str,
        strategy: Strategy,
        *,
        launch: Launch,
        provider: str,
    ) -> Task | None: ...

    def start(self, instance: ContainerInstance, definition: TaskDefinition, group: str) -> Task: ...

    def retire(self, task: Task) -> None: ...


class Services:
    """The service scheduler. It lets the task scheduler place and stop tasks."""

    def __init__(self, scheduler: TaskScheduler, draws: random.Random) -> None:
        self.scheduler = scheduler
        # Of the tasks that are equally good to stop.
        self._draws = draws
        self.clock = scheduler.clock
        self.timing = scheduler.timing
        # The ARNs of the tasks that are replaced so that their service is balanced over the zones.
        self._moving: set[str] = set()
        # The ARNs of the services whose balance is looked at later.
        self._watched: set[str] = set()

    def set_desired(self, service: Service, desired: int) -> None:
        """Set the service's desired count, and act on it at once."""
        service.desired = desired
        service.pace.begin_anew()
        for arn in service.target_groups:
            self.scheduler.balancing.look(arn)
        self.reconcile(service)

    def deploy(self, service: Service, definition: TaskDefinition, launch: Launch | None = None) -> None:
        """Begin a deployment of `definition`: tasks of it replace all others, within the service's two percentages.

        `launch` is on what it runs; None: on the same as before.

        ECS Developer Guide, "Rolling update": up to the maximum percent are started before any is stopped. "Amazon ECS
        service throttle logic": a service with a new task definition is not throttled any more.
        """
        service.pace.begin_anew()
        service.earlier[service.revision] = service.target_groups
        service.earlier_launches[service.revision] = service.launch
        service.revision += 1
        service.launch = launch or service.launch
        service.definition, service.replaces_before = definition, service.revision
        self.reconcile(service)

    def reconcile(self, service: Service) -> None:
        """Place the missing tasks of a service, stop its excess tasks, and replace those on draining instances."""
        if service.daemon:
            self._reconcile_daemon(service)
            return
        alive = [t for t in service.tasks.values() if not t.stopping]
        draining = [t for t in alive if self._leaves(service, t)]
        staying = len(alive) - len(draining)
        ceiling = service.desired * service.maximum_percent // 100
        wanted = max(0, min(service.desired - staying, ceiling - len(alive)))
        self._note_missing(service, max(0, service.desired - len(alive)))
        if wanted:
            self._launch(service, alive, wanted)
        self._stop_excess(service)
        self._stop_replaced(service)
        if service.rebalances:
            self._rebalance(service)

    def _launch(self, service: Service, alive: list[Task], wanted: int) -> None:
        """Launch `wanted` tasks beside those that are `alive`, as fast as the service may, and as far as there is room.

        What is left is tried again later.
        """
        pace, now = service.pace, self.clock.now
        if now < pace.waits_until:
            self.retry_later(service, pace.waits_until - now)
            return
        allowed = pace.allowed(now, self.timing.launches_a_minute, wanted)
        found_room = True
        for provider, tasks in Counter(service.launch.providers_of_next(alive, allowed)).items():
            found_room = all(self._place_for(service, provider) for _ in range(tasks)) and found_room
        if not found_room:
            self.retry_later(service, pace.found_no_room(now) if self.timing.backs_off else FIRST_RETRY_S)
            self._send_failure_event(service)
        if allowed < wanted and pace.launched_at:
            self.retry_later(service, pace.more_allowed_at() - now)

    def retry_after_failed_start(self, service: Service) -> None:
        """Try again later: a task of the service did not start."""
        backs_off = self.timing.backs_off
        self.retry_later(service, service.pace.did_not_start(self.clock.now) if backs_off else CRASH_BACKOFF_S)

    def _leaves(self, service: Service, task: Task) -> bool:
        """Return whether a task is to be replaced: its instance drains, a deployment or a rebalancing replaces it."""
        is_old = task.revision < service.replaces_before
        return is_old or task.instance.status == "DRAINING" or task.arn in self._moving

    def _rebalance(self, service: Service) -> None:
        """Move a task from the zone with the most to the one with the fewest, once the service is steady.

        ECS Developer Guide, "Balancing an Amazon ECS service across Availability Zones": it starts a task in the zone
        with the fewest, waits until that is healthy, and stops one in the zone with the most. Without room there, it
        sends a placement failure event ("Track Amazon ECS Availability Zone rebalancing").
        """
        self._look_later(service)
        alive = [t for t in service.tasks.values() if not t.stopping]
        is_steady = len(alive) == service.desired and all(t.status is TaskStatus.RUNNING for t in alive)
        hosts = [i for i in service.cluster.instances.values() if i.status == "ACTIVE" and i.agent_connected]
        if not is_steady or not hosts or any(self._leaves(service, t) for t in alive):
            return
        zones = Counter({i.zone: 0 for i in hosts})
        zones.update(t.instance.zone for t in alive)
        most, fewest = max(zones, key=lambda z: (zones[z], z)), min(zones, key=lambda z: (zones[z], z))
        movable = [t.arn for t in alive if t.instance.zone == most and not t.protected]
        if zones[most] - zones[fewest] <= 1 or not movable:
            return
        if any(i.zone == fewest and i.has_room(service.definition) for i in hosts):
            self._moving.add(max(movable))
            self.reconcile_soon(service)
        else:
            self._send_failure_event(service)

    def _look_later(self, service: Service) -> None:
        def look() -> None:
            self._watched.discard(service.arn)
            self.reconcile(service)

        if service.arn not in self._watched:
            self._watched.add(service.arn)
            self.clock.after(REBALANCE_EVERY_S, look)

    def _place_for(self, service: Service, provider: str) -> bool:
        group = f"service:{service.name}"
        task = self.scheduler.place(
            service.cluster, service.definition, group, service.strategy, launch=service.launch, provider=provider
        )
        if task is None:
            return False
        service.pace.without_room = 0
        service.pace.launched_at.append(self.clock.now)
        waited_s = self.clock.now - service.missing_since.pop(0) if service.missing_since else 0.0
        self.scheduler.observer.placed(task, waited_s)
        return True

    def _stop_excess(self, service: Service) -> None:
        alive = [t for t in service.tasks.values() if not t.stopping]
        staying = [t for t in alive if not self._leaves(service, t)]
        for task in excess(staying, len(staying) - service.desired, service.strategy, self._draws):
            self.scheduler.retire(task)

    def _stop_replaced(self, service: Service) -> None:
        """Stop as many tasks that are replaced as the minimum healthy percent allows."""
        running = [t for t in service.tasks.values() if not t.stopping and t.status is TaskStatus.RUNNING]
        healthy = [t for t in running if all(x.healthy_at <= self.clock.now for x in t.targets)]
        floor = math.ceil(service.desired * service.minimum_healthy_percent / 100)
        movable = [t for t in healthy if self._leaves(service, t) and not t.protected]
        for task in movable[: max(0, len(healthy) - floor)]:
            self.scheduler.retire(task)

    def await_checks(self, service: Service, task: Task) -> None:
        """Reconcile the service once the targets of a task are healthy: a replacement counts from then on.

        A task with an unhealthy target is stopped, after the grace period. ECS API, Service,
        `healthCheckGracePeriodSeconds`: for so long the scheduler ignores unhealthy checks "after a task has first
        started". Developer Guide, "Stopped tasks error codes": "Task failed ELB health checks in (target-group ...)".
        """
        at = max(min(t.healthy_at, t.unhealthy_at) for t in task.targets)
        self.clock.at(at, lambda: self.reconcile_soon(service))
        unhealthy_at = min(t.unhealthy_at for t in task.targets)
        if math.isfinite(unhealthy_at):
            ends = max(unhealthy_at, self.clock.now + service.health_check_grace_s)
            self.clock.at(ends, lambda: None if task.stopping else self._replace_unhealthy(service, task))

    def _replace_unhealthy(self, service: Service, task: Task) -> None:
        self.scheduler.retire(task)
        self.reconcile_soon(service)

    def cover(self, instance: ContainerInstance) -> None:
        """Start each daemon on an instance that is ACTIVE now: one task on each (ECS guide, "Daemon scheduling")."""
        for service in instance.cluster.services.values():
            if service.daemon:
                self.reconcile(service)

    def _reconcile_daemon(self, service: Service) -> None:
        covered = {t.instance.arn for t in service.tasks.values() if not t.stopping}
        definition = service.definition
        [provider] = service.launch.providers_of_next((), 1)
        for instance in list(service.cluster.instances.values()):
            is_free = instance.arn not in covered and instance.status == "ACTIVE" and instance.has_room(definition)
            is_for_it = is_free and service.launch.may_be_on(instance, provider)
            if is_for_it and meets(instance, definition, binds_platform=self.scheduler.binds_platform):
                self.scheduler.start(instance, definition, f"service:{service.name}")

    def reconcile_soon(self, service: Service) -> None:
        """Reconcile the service in a second. Further changes within that second are handled together."""
        if service.reconcile_pending:
            return
        service.reconcile_pending = True

        def reconcile() -> None:
            service.reconcile_pending = False
            self.reconcile(service)

        self.clock.after(1.0, reconcile)

    def is_replica(self, task: Task) -> bool:
        """Return whether a service other than a daemon started the task."""
        service = task.cluster.services.get(task.service_name)
        return service is not None and not service.daemon

    def stop_daemons_if_alone(self, instance: ContainerInstance) -> None:
        """Stop the daemons of a draining instance if no other task is left on it."""
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
        """Reconcile the service after `delay_s` seconds, unless that is booked for an earlier time already."""
        if service.retry:
            if service.retry.at <= self.clock.now + delay_s:
                return
            service.retry.cancel()

        def retry() -> None:
            service.retry = None
            self.reconcile(service)

        service.retry = self.clock.after(delay_s, retry)

    def _send_failure_event(self, service: Service) -> None:
        sent_at, now = service.failure_event_at, self.clock.now
        if sent_at is not None and now - sent_at < FAILURE_EVENT_EVERY_S:
            return
        service.failure_event_at = now
        self.scheduler.observer.service_event(
            {
                "detail-type": "ECS Service Action",
                "source": "aws.ecs",
                "resources": [service.arn],
                "detail": {
                    "eventType": "ERROR",
                    "eventName": "SERVICE_TASK_PLACEMENT_FAILURE",
                    "clusterArn": service.cluster.arn,
                    "reason": placement_failure_reason(service.cluster, service.definition, service.launch),
                },
            }
        )
