"""The services of a cluster of which half of the instances are taken away: their kinds, and where their tasks run."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.fitness import DELAY_S, SHORTEST_DELAY_S, longest_delay_s
from simulator.bench.interruption import KINDS, TARGET_GROUPS
from simulator.ecs.state import ContainerInstance, Service
from simulator.instance_types import registered_size
from simulator.load_balancing import LINGERS_S, LONGEST_REQUEST_S
from simulator.service_kinds import KINDS as SERVICE_KINDS
from simulator.world import SimulatedCluster

# On each instance a task that is its whole service; the other tasks are of rolling services.
SINGLE_TASK = "single-task"
SERVICES = (
    "rolling",
    "blue-green",
    "code-deploy",
    "external",
    "host",
    "awsvpc",
    "nlb",
    "lattice",
    "cloud-map",
    SINGLE_TASK,
)
# A batch task ends by itself after this many seconds, where there is time.
BATCH_RUN_S = 600.0
# Each service listens on a port of its own: on the host's network, its tasks share an instance with others'.
FIRST_PORT = 8000
REQUESTS_PER_S = 2.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What runs in the cluster.

    Attributes:
        services: the kind of its services that take requests: one of `SERVICES`, or of `service_kinds.KINDS`.
        room: whether the instances that stay have room for what moves. Otherwise they are as full as the others.
        has_time: whether a replacement can boot before an instance goes.
        groups: over how many services the tasks that take requests are spread, each with its own target group.
        stop_timeout_s: the stop timeout of these tasks.
        more: further arguments of `SimulatedCluster.service`, beside those of the kind.
    """

    services: str
    room: bool
    has_time: bool
    groups: int = TARGET_GROUPS
    stop_timeout_s: int = 30
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def delay_s(self) -> float:
        """The deregistration delay of its target groups, as an operator sets it, in seconds.

        ECS sends SIGTERM at the end of the delay. On Spot that has to be soon enough (`infra.fitness`). Where there is
        time, it has to outlast a Network Load Balancer that goes on sending for two minutes.
        """
        protocol = {**SERVICE_KINDS.get(self.services, {}), **self.more}.get("protocol")
        if protocol == "TCP" and self.has_time:
            return LINGERS_S[1] + LONGEST_REQUEST_S
        return float(min(DELAY_S, max(SHORTEST_DELAY_S, longest_delay_s(self.stop_timeout_s))))

    def fill(self, cluster: SimulatedCluster, doomed: Collection[str]) -> None:
        """Fill the cluster. Each service that takes requests has all its tasks on `doomed` instances (ids), or none."""
        _Filling(self, cluster).fill(doomed)


class _Filling:
    def __init__(self, plan: Plan, cluster: SimulatedCluster) -> None:
        self.plan, self.cluster = plan, cluster
        whole = registered_size("m5.2xlarge")
        self.cpu, self.memory = whole.cpu_units // len(KINDS), whole.memory_mib // len(KINDS)
        cluster.daemon("fluentd", cpu=self.cpu, memory=self.memory)
        self.worker = cluster.service("worker", 0, cpu=self.cpu, memory=self.memory)
        self.batch = cluster.define("batch", self.cpu, self.memory)
        self.ports = itertools.count(FIRST_PORT)
        groups = range(self.plan.groups)
        self.leaving = itertools.cycle([self.service(f"api-{number}") for number in groups])
        self.staying = itertools.cycle([self.service(f"other-{number}") for number in groups])

    def fill(self, doomed: Collection[str]) -> None:
        for instance in self.cluster.instances():
            if instance.ec2_id in doomed:
                self.fill_doomed(instance)
            else:
                # What moves finds room for all tasks of one instance, or none.
                for _ in range(1 if self.plan.room else len(KINDS) - 1):
                    self.start(instance, next(self.staying))

    def fill_doomed(self, instance: ContainerInstance) -> None:
        for number, kind in enumerate(KINDS[:-1]):
            if kind == "batch":
                self.cluster.world.account.scheduler.start(instance, self.batch, "family:batch", BATCH_RUN_S)
            elif kind == "plain":
                self.start(instance, self.worker)
            elif self.plan.services == SINGLE_TASK and not number:
                self.start(instance, self.service(f"one-{instance.ec2_id}"))
            else:
                self.start(instance, next(self.leaving))

    def service(self, name: str) -> Service:
        return self.cluster.service(
            name,
            0,
            cpu=self.cpu,
            memory=self.memory,
            requests_per_s=REQUESTS_PER_S,
            delay_s=self.plan.delay_s,
            container_port=next(self.ports),
            stop_timeout_s=self.plan.stop_timeout_s,
            **{**SERVICE_KINDS.get(self.plan.services, {}), **self.plan.more},
        )

    def start(self, instance: ContainerInstance, service: Service) -> None:
        service.desired += 1
        self.cluster.world.account.scheduler.start(instance, service.definition, f"service:{service.name}")
