"""The task scheduler: it places, starts and stops tasks. Services are in `simulator.ecs.services`."""

from __future__ import annotations

import itertools
import random

from simulator.clock import Clock
from simulator.ecs.account_settings import AccountSettings
from simulator.ecs.launching import EC2, Launch, Provider
from simulator.ecs.observer import Observer
from simulator.ecs.placing import choose, fargate_host
from simulator.ecs.queries import meets
from simulator.ecs.services import Services
from simulator.ecs.starting import Starting
from simulator.ecs.state import Cluster, ContainerInstance, Task, TaskStatus
from simulator.ecs.stopping import stop_timeouts
from simulator.ecs.strategies import Strategy
from simulator.ecs.task_definition import ARN, TaskDefinition
from simulator.load_balancing import LoadBalancing
from simulator.timing import DEFAULT, Timing

# Seconds for which ECS describes a container instance that was deregistered (ECS Developer Guide, "Container agent").
INACTIVE_KEPT_S = 3600.0
# Seconds until ECS notices that an instance is gone.
LOST_INSTANCE_S = 10.0
# Odd, so that no two numbers give the same id: 2^128 divided by the golden ratio.
SPREAD = 0x9E3779B97F4A7C15F39CC0605CEDC835


class Scheduler:
    """The ECS control plane of all clusters.

    Args:
        rng: the source of start times.
        timing: how tasks start (`Timing.pull_s`, `start_tail`), how fast services launch them (`launches_a_minute`,
            `backs_off`), and how they stop (`exits`, `ignores_sigterm`, `deprovisioning_s`, `stop_task_waits`).
        seed: the seed of the tasks' exit times.
    """

    def __init__(
        self, clock: Clock, rng: random.Random, balancing: LoadBalancing, timing: Timing = DEFAULT, seed: int = 0
    ) -> None:
        self.clock = clock
        self.timing = timing
        self._seed = seed
        # Its own source, so that a task that is placed at random changes no start time.
        self._draws = random.Random(f"place {seed}")
        self.starting = Starting(clock, rng, timing, seed)
        self.balancing = balancing
        self.clusters: dict[str, Cluster] = {}
        self.definitions: dict[str, TaskDefinition] = {}
        self.providers: dict[str, Provider] = {}
        self.settings = AccountSettings()
        # Whether a task's `runtimePlatform` binds its placement: sources disagree about its architecture.
        self.binds_platform = True
        self.observer = Observer()
        self.services = Services(self, random.Random(f"stop {seed}"))
        self._ids = itertools.count(1)

    def register(self, cluster: Cluster, instance: ContainerInstance) -> None:
        """Add a booted instance to its cluster. Daemons start on it at once, other services at their next retry."""
        cluster.instances[instance.arn] = instance
        self.services.cover(instance)

    def new_arn(self, kind: str, cluster: Cluster) -> str:
        """Return an unused ARN for a thing of `kind` (`task`, `container-instance`) in `cluster`."""
        # As if drawn at random: what is listed in the order of ARNs says nothing about its age.
        return f"{ARN}:{kind}/{cluster.name}/{next(self._ids) * SPREAD % 2**128:032x}"

    def place(
        self,
        cluster: Cluster,
        definition: TaskDefinition,
        group: str,
        strategy: Strategy,
        run_s: float | None = None,
        launch: Launch = EC2,
        provider: str = "",
    ) -> Task | None:
        """Start one task where `launch` and `provider` allow it, and return it; None if there is no room."""
        fitting = [
            i
            for i in cluster.instances.values()
            if i.status == "ACTIVE" and i.agent_connected and i.has_room(definition) and launch.may_be_on(i, provider)
        ]
        fitting = [i for i in fitting if meets(i, definition, binds_platform=self.binds_platform)]
        if definition.distinct:
            fitting = [i for i in fitting if all(t.group != group or t.stopping for t in i.tasks.values())]
        if launch.is_fargate(provider):
            host = fargate_host(cluster, definition.size, "us-east-1a")
            fitting = [host] if host else []
        if not fitting:
            return None
        task = self.start(choose(fitting, cluster, group, strategy, self._draws), definition, group, run_s)
        task.launch, task.provider = launch, provider
        return task

    def start(
        self, instance: ContainerInstance, definition: TaskDefinition, group: str, run_s: float | None = None
    ) -> Task:
        """Start a task on `instance` without checking its room."""
        cluster = instance.cluster
        task = Task(self.new_arn("task", cluster), cluster, definition, instance, group, self.clock.now, run_s)
        if definition.awsvpc:
            number = next(self._ids)
            task.address = f"10.{number // 65536 % 256}.{number // 256 % 256}.{number % 256}"
        elif definition.container_port is not None:
            fixed = definition.container_port if definition.host_network else definition.host_port
            task.host_port = fixed or instance.free_port()
            instance.used_ports.add(task.host_port)
        instance.remaining = instance.remaining - definition.size
        instance.tasks[task.arn] = cluster.tasks[task.arn] = task
        if service := cluster.services.get(task.service_name):
            service.tasks[task.arn] = task
            task.revision = service.revision
        self.observer.started(task)
        self.clock.after(self.starting.takes_s(instance, definition), lambda: self._started(task))
        return task

    def stop(self, task: Task) -> None:
        """Stop a task as StopTask does: SIGTERM at once, at the same time as its targets are deregistered.

        With `Timing.stop_task_waits`, its targets leave before its SIGTERM.
        """
        if self.timing.stop_task_waits:
            self._stop_once_unused(task)
        if task.stopping:
            return
        task.stopping, task.sigterm_due_at = True, self.clock.now
        for target in task.targets:
            self.balancing.deregister(target)
        self._sigterm(task)

    def retire(self, task: Task) -> None:
        """Stop a task as the service scheduler does: once its targets are displayed as unused, it gets SIGTERM.

        The scheduler does not wait for those whom Cloud Map has told the task's address.
        """
        if not task.stopping:
            task.retired_at = self.clock.now
            self._stop_once_unused(task)

    def _stop_once_unused(self, task: Task) -> None:
        if task.stopping:
            return
        task.stopping = True
        for target in task.targets:
            self.balancing.deregister(target)
        waited_for = [t.unused_at or 0.0 for t in task.targets if t.group.is_waited_for]
        task.sigterm_due_at = max(waited_for, default=self.clock.now)
        self.clock.at(task.sigterm_due_at, lambda: self._sigterm(task))

    def _sigterm(self, task: Task) -> None:
        if task.sigterm_at is not None or task.status is TaskStatus.STOPPED or task.killed:
            return
        if not task.instance.agent_connected:
            return
        task.sigterm_at = self.clock.now
        for target in (*task.targets, *task.served_for_instance()):
            self.balancing.close_target(target)
        running = task.status is TaskStatus.RUNNING
        self.clock.after(self.exit_s(task) if running else 0.0, lambda: self._exited(task))
        if service := task.cluster.services.get(task.service_name):
            self.services.reconcile_soon(service)

    def exit_s(self, task: Task) -> float:
        """Return the seconds from the task's SIGTERM until its last container has ended."""
        takes_s = self._exits_in_s(task)
        return sum(min(takes_s, timeout_s) for timeout_s in stop_timeouts(task))

    def _exits_in_s(self, task: Task) -> float:
        times = self.timing.exits if task.definition.exit_s is None else task.definition.exit_s
        if isinstance(times, int | float):
            return times
        # Drawn from the task's name, so that the order in which tasks are stopped does not change it.
        rng = random.Random(f"exit {task.arn} {self._seed}")
        if callable(times):
            return times(rng)
        return float("inf") if rng.random() < self.timing.ignores_sigterm else rng.uniform(*times)

    def drain(self, instance: ContainerInstance) -> None:
        """Set an instance to DRAINING, and let its services replace their tasks."""
        if instance.status != "DRAINING":
            instance.status = "DRAINING"
            self.observer.drained(instance)
            # ECS: a service's tasks that are still PENDING are stopped at once.
            for task in list(instance.tasks.values()):
                if task.status is TaskStatus.PENDING and self.services.is_replica(task):
                    self.stop(task)
            services = instance.cluster.services
            for name in {task.service_name: None for task in instance.tasks.values() if task.service_name in services}:
                self.services.reconcile(services[name])
            self.services.stop_daemons_if_alone(instance)

    def undrain(self, instance: ContainerInstance) -> None:
        """Set an instance to ACTIVE. Daemons that had ended on it start again, as on a new one."""
        instance.status = "ACTIVE"
        self.services.cover(instance)

    def disconnect(self, instance: ContainerInstance) -> None:
        """Disconnect the ECS agent: the tasks run on, and no stop reaches them."""
        instance.agent_connected = False

    def reconnect(self, instance: ContainerInstance) -> None:
        """Reconnect the ECS agent. It stops the tasks that should have been stopped meanwhile."""
        instance.agent_connected = True
        for task in list(instance.tasks.values()):
            if task.sigterm_due_at is not None and task.sigterm_due_at <= self.clock.now:
                self._sigterm(task)

    def lose_instance(self, instance: ContainerInstance, *, stopped: bool = False) -> None:
        """Kill all tasks of a terminated EC2 instance. ECS notices it `LOST_INSTANCE_S` seconds later.

        The container instance of one that is only `stopped` stays registered, with its status and its attributes (ECS
        Developer Guide, "Container agent", Lifecycle: stopped, "the status remains"; started again, "the container
        agent reconnects").
        """
        instance.agent_connected = False
        if not stopped:
            self.clock.after(LOST_INSTANCE_S, lambda: self._forget(instance))
        for target in instance.targets:
            self.balancing.deregister(target)
            self.balancing.end_target(target)
        for task in [t for t in instance.tasks.values() if t.exited_at is None]:
            task.killed = True
            self.observer.killed(task)
            for target in task.targets:
                self.balancing.end_target(target)
            self.clock.after(LOST_INSTANCE_S, lambda task=task: self._ended(task))  # type: ignore[misc]

    def _forget(self, instance: ContainerInstance) -> None:
        instance.status = "INACTIVE"
        cluster = instance.cluster
        cluster.instances.pop(instance.arn, None)
        cluster.inactive[instance.arn] = instance
        self.clock.after(INACTIVE_KEPT_S, lambda: cluster.inactive.pop(instance.arn))

    def _started(self, task: Task) -> None:
        if task.stopping or task.killed:
            return
        if task.instance.fails or not task.definition.starts:
            task.stopping = True
            self._ended(task)
            return
        task.status = TaskStatus.RUNNING
        task.started_at = self.clock.now
        service = task.cluster.services.get(task.service_name)
        if service:
            service.pace.without_start = 0
        for group_arn in (*service.groups_of(task.revision), *service.hidden_groups) if service else ():
            id_, port = task.registered_in(self.balancing.groups[group_arn])
            task.targets.append(self.balancing.register(group_arn, id_, port))
        if task.run_s is not None:
            self.clock.after(task.run_s, lambda: None if task.stopping else self._exited(task))
        if task.targets and service:
            self.services.await_checks(service, task)
        elif service:
            self.services.reconcile_soon(service)

    def _exited(self, task: Task) -> None:
        """Note that the task's container has ended. The task is STOPPED after its deprovisioning."""
        if task.exited_at is not None:
            return
        task.stopping, task.exited_at = True, self.clock.now
        for target in task.targets:
            self.balancing.deregister(target)
            self.balancing.end_target(target)
        if self.timing.deprovisioning_s:
            self.clock.after(self.timing.deprovisioning_s, lambda: self._ended(task))
        else:
            self._ended(task)

    def _ended(self, task: Task) -> None:
        if task.status is TaskStatus.STOPPED:
            return
        task.cluster.keep_stopped(task, self.clock.now)
        task.stopping = True
        instance = task.instance
        instance.tasks.pop(task.arn, None)
        instance.remaining = instance.remaining + task.definition.size
        if task.host_port is not None:
            instance.used_ports.discard(task.host_port)
        for target in task.targets:
            self.balancing.deregister(target)
            self.balancing.end_target(target)
        for target in task.served_for_instance():
            self.balancing.end_target(target)
        service = task.cluster.services.get(task.service_name)
        if service:
            service.tasks.pop(task.arn, None)
        self.observer.stopped(task)
        if task.on_stopped:
            task.on_stopped(task)
        self.services.stop_daemons_if_alone(instance)
        if service and (task.instance.fails or not task.definition.starts):
            self.services.retry_after_failed_start(service)
        elif service:
            self.services.reconcile_soon(service)
