"""Submit the work: a batch launcher that behaves like hako, deployments of services, and the Spot market."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable
from dataclasses import dataclass

from infra.fitness import DELAY_S
from simulator.ecs.state import Task
from simulator.ecs.task_definition import TaskDefinition
from simulator.errors import AwsError
from simulator.suite import FAILURE_TOPIC
from simulator.workload.plan import Job, ServiceChange, SpotMarket
from simulator.workload.pool_plan import constraints
from simulator.world import SimulatedCluster
from steady.cluster import Size

# hako, lib/hako/schedulers/ecs.rb: 10 s between two tries.
TRY_AGAIN_S = 10.0
CALLER = "hako"


@dataclass(eq=False, slots=True)
class Run:
    """One `hako oneshot`: a job that waits to be placed. `since` is in seconds since the epoch."""

    job: Job
    definition: TaskDefinition
    hako_task_id: str
    since: float


class Launcher:
    """A batch launcher. A job that is not placed is reported on the failure topic and tried again until it is placed.

    A job whose task was interrupted is submitted again: batch applications on Spot are idempotent.

    Args:
        placed: called with a job that is placed, the seconds that it waited, and its task.
        group: the Auto Scaling group that it is configured with; "": one of the cluster's name.
    """

    def __init__(
        self, cluster: SimulatedCluster, seed: int, placed: Callable[[Job, float, Task], None], group: str = ""
    ) -> None:
        self._group = group or cluster.name
        self.waiting: set[Run] = set()
        self._cluster = cluster
        self._account = cluster.world.account
        self._placed = placed
        self._rng = random.Random(f"hako {cluster.name} {seed}")
        self._ids = itertools.count(1)
        self._definitions: dict[tuple[str, Size, int, str], TaskDefinition] = {}

    def submit(self, jobs: tuple[Job, ...]) -> None:
        """Submit each job at its time, counted from now."""
        start = self._account.clock.now
        for job in jobs:
            self._account.clock.at(start + job.submit_s, lambda job=job: self._begin(job))  # type: ignore[misc]

    def _begin(self, job: Job) -> None:
        name = f"{self._cluster.name}-{next(self._ids)}"
        run = Run(job, self._definition(job), name, self._account.clock.now)
        self.waiting.add(run)
        self._try(run)

    def _try(self, run: Run) -> None:
        params = {"cluster": self._cluster.name, "taskDefinition": run.definition.arn, "count": 1}
        try:
            answer = self._account.endpoint.answer(CALLER, "ecs:RunTask", params)
        except AwsError as error:
            if error.code == "ThrottlingException":
                # The SDK retries within one try of hako.
                self._account.clock.after(self._rng.uniform(0.3, 3.0), lambda: self._try(run))
                return
            self._failed(run)
            return
        if not answer["tasks"]:
            self._failed(run)
            return
        self.waiting.discard(run)
        task = self._cluster.state.tasks[answer["tasks"][0]["taskArn"]]
        self._placed(run.job, self._account.clock.now - run.since, task)
        task.run_s = run.job.run_s
        task.on_stopped = lambda task: self._stopped(run, task)

    def _failed(self, run: Run) -> None:
        message = {
            "group_name": self._group,
            "cluster": self._cluster.name,
            "cpu": run.job.size.cpu_units,
            "memory": run.job.size.memory_mib,
            "hako_task_id": run.hako_task_id,
            # hako tells of CPU and memory alone; a launcher of tasks that need more tells what they are made from.
            **({"task_definition": run.definition.arn} if run.job.gpus or run.job.architecture else {}),
        }
        self._account.messaging.publish(FAILURE_TOPIC, json.dumps(message))
        self._account.clock.after(TRY_AGAIN_S, lambda: self._try(run))

    def _stopped(self, run: Run, task: Task) -> None:
        if task.killed or task.sigterm_at is not None:
            self._begin(run.job)

    def _definition(self, job: Job) -> TaskDefinition:
        key = (job.family, job.size, job.gpus, job.architecture)
        if key not in self._definitions:
            family = f"{job.family}-{job.size.cpu_units}-{job.size.memory_mib}"
            self._definitions[key] = self._cluster.define(
                family,
                job.size.cpu_units,
                job.size.memory_mib,
                image=job.family,
                gpus=job.gpus,
                member_of=constraints(job.architecture),
            )
        return self._definitions[key]


def deploy(cluster: SimulatedCluster, changes: tuple[ServiceChange, ...], requests_per_s: float) -> None:
    """Apply each change of a service's desired count at its time. Each service has its own target group.

    Its deregistration delay is the one that the doctor wants. With ELB's default of 300 s, a task that ECS itself stops
    in an interruption notice gets no SIGTERM: the instance goes first.
    """
    clock = cluster.world.clock
    start = clock.now

    def apply(change: ServiceChange) -> None:
        service = cluster.state.services.get(change.service)
        if service:
            cluster.world.account.scheduler.services.set_desired(service, change.desired)
            return
        cluster.service(
            change.service,
            change.desired,
            cpu=change.size.cpu_units,
            memory=change.size.memory_mib,
            requests_per_s=requests_per_s,
            delay_s=DELAY_S,
            gpus=change.gpus,
            member_of=constraints(change.architecture),
        )

    for change in changes:
        if change.at_s <= 0:
            apply(change)
        else:
            clock.at(start + change.at_s, lambda change=change: apply(change))  # type: ignore[misc]


def follow_market(cluster: SimulatedCluster, market: SpotMarket, until_s: float) -> None:
    """Let the cluster's pool hold only what `market` has, in each of its steps up to `until_s`."""
    pool, spot, clock = cluster.pool, cluster.world.account.spot, cluster.world.clock
    start = clock.now
    before = market.most
    for index, available in enumerate(market.available):
        if index * market.gap_s > until_s:
            break
        if available != before:
            share = available / market.most
            clock.at(start + index * market.gap_s, lambda share=share: spot.set_available(pool, share))  # type: ignore[misc]
        before = available
