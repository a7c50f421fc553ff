"""While the instances of a large reclaim are still being drained, list their tasks, and stop what takes no requests.

The tasks of hundreds of instances cannot all be stopped in two minutes at the rate of StopTask. To drain them and to
read their tasks takes up to 25 s, in each of which 40 tasks can be stopped.
"""

from __future__ import annotations

import math
import threading
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from steady.aws.ecs.many_tasks import Known, describe_all
from steady.aws.ecs.services import is_daemon, service_names, service_of
from steady.aws.ecs.task_lists import are_many
from steady.aws.ecs.tasks import CALLERS, Stopped, read_protection, stop_task
from steady.aws.runtime import Runtime
from steady.aws.service_out.doomed_tasks import read_definitions, read_services
from steady.aws.service_out.leaving import drain_seconds
from steady.aws.service_out.pool_targets import registers_instances
from steady.aws.service_out.task_targets import get_no_requests, read_routing
from steady.cluster import ContainerInstance, InstanceStatus
from steady.service_out.doomed import Doomed
from steady.service_out.stopping import come_late_by_number
from steady.service_out.stops import Rank, Stop

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import ServiceTypeDef, TaskTypeDef

# With fewer instances, it takes no time to list their tasks one by one.
MANY = 60
# How often it is looked whether there are more, in seconds.
TURN_S = 0.2


@dataclass
class Crowd:
    """The instances that a step has drained so far, and what was found and stopped on them meanwhile. Threads share it.

    Attributes:
        is_read: whether the step has read the tasks: from then on it stops them itself.
        is_listed: whether the tasks were listed; None: they are being listed.
    """

    is_read: bool = False
    is_listed: bool | None = False
    _expected: int = 0
    _doomed: dict[str, Doomed] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)
    _ranks: Counter[Rank] = field(default_factory=Counter)
    _drained_at: dict[str, float] = field(default_factory=dict)
    _known: dict[str, dict[str, tuple[TaskTypeDef, float]]] = field(default_factory=dict)
    _protection: dict[str, bool] = field(default_factory=dict)
    _definitions: set[str] = field(default_factory=set)
    _waiting: dict[tuple[Rank, str], deque[Stop]] = field(default_factory=dict)
    _answers: list[tuple[str, bool]] = field(default_factory=list)
    _late_at: tuple[float, bool] = (0.0, False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def expect(self, instances: int) -> None:
        """Note that so many more instances will be added."""
        self._expected += instances

    def add(self, doomed: Iterable[Doomed], drained: Iterable[ContainerInstance], now: float) -> None:
        """Add instances of which tasks may be stopped: `drained` ones, until `now`, that end soon in any case."""
        of_arn = {d.container_instance_arn: d for d in doomed if not (d.waits_under_hook or d.is_patient or d.gone)}
        found = {i.arn: i.task_count for i in drained if i.arn in of_arn and i.status is InstanceStatus.DRAINING}
        with self._lock:
            self._counts.update(found)
            self._drained_at.update(dict.fromkeys(found, now))
            self._doomed.update({arn: of_arn[arn] for arn in found})

    def size(self) -> tuple[int, int]:
        """Return how many instances there are, and how many tasks; of those that are expected, as many as of others."""
        with self._lock:
            tasks, added = sum(self._counts.values()), len(self._counts)
            instances = max(self._expected, added)
            return (instances, tasks * instances // added) if added else (0, 0)

    def stopped(self) -> Stopped:
        """Return what was stopped so far."""
        answers = list(self._answers)
        return Stopped(frozenset(arn for arn, _ in answers if arn), sum(refused for _, refused in answers))

    def begin(self) -> bool:
        """Begin to list the tasks; return False if that is too late, since the step reads them itself."""
        with self._lock:
            self.is_listed = False if self.is_read else None
            return not self.is_read

    def known(self, runtime: Runtime, instances: Iterable[str]) -> Known | None:
        """Return the tasks on `instances` (ARNs), once all are listed; None if that failed, or has not begun.

        From then on it does not begin any more.
        """
        with self._lock:
            self.is_read = self.is_read or self.is_listed is False
        while self.is_listed is None:
            runtime.sleep(TURN_S / 5)
        if not self.is_listed:
            return None
        tasks: list[TaskTypeDef] = []
        others: list[str] = []
        with self._lock:
            for instance in sorted(instances):
                for arn, (task, described_at) in self._known.get(instance, {}).items():
                    if described_at >= self._drained_at.get(instance, math.inf):
                        tasks.append(task)
                    else:
                        others.append(arn)
            return Known(tasks, others, dict(self._protection))

    def found(self, task: TaskTypeDef, rank: Rank, described_at: float, protected: bool | None = None) -> None:
        """Note a task that was described after the time `described_at`. Protected: None if that is not known."""
        arn, instance = task["taskArn"], task.get("containerInstanceArn", "")
        may_stop = rank is Rank.BATCH or (rank is Rank.SERVICE and protected is False)
        with self._lock:
            self._known.setdefault(instance, {})[arn] = (task, described_at)
            if protected is not None:
                self._protection[arn] = protected
            self._definitions.add(task["taskDefinitionArn"])
            self._ranks[rank] += 1
            if may_stop:
                self._waiting.setdefault((rank, instance), deque()).append(Stop(arn, 0.0, 0.0, rank))

    def definitions(self) -> frozenset[str]:
        """Return the ARNs of the task definitions of the tasks that were found."""
        with self._lock:
            return frozenset(self._definitions)

    def take(self, drain_s: float, now: float) -> Stop | None:
        """Return a stop that is to be made now: of a batch task only if not all tasks can be stopped in time."""
        with self._lock:
            for rank in (Rank.SERVICE, Rank.BATCH):
                ready = next((found for arn in self._doomed if (found := self._waiting.get((rank, arn)))), None)
                if ready and (rank is Rank.SERVICE or self._come_late(drain_s, now)):
                    return ready.popleft()
        return None

    def answered(self, answer: tuple[str, bool]) -> None:
        """Note the answer of `stop_task`."""
        self._answers.append(answer)

    def _come_late(self, drain_s: float, now: float) -> bool:
        at, are_late = self._late_at
        if not are_late and now >= at + TURN_S:
            whole, growth = max(1, self._ranks.total()), max(1.0, self._expected / max(1, len(self._counts)))
            shares = {rank: count / whole for rank, count in self._ranks.items()}
            counts = {arn: round(count * growth) for arn, count in self._counts.items()}
            are_late = come_late_by_number(self._doomed.values(), counts, shares, drain_s, now)
            self._late_at = (now, are_late)
        return are_late


def stop_crowd(
    runtime: Runtime, cluster: str, crowd: Crowd, reason: str, latest: float, goes_on: Callable[[], bool]
) -> None:
    """List the tasks of the cluster. Until they are read, stop batch tasks, and those of services without requests.

    No batch task is stopped as long as all tasks can be stopped in time, as far as their numbers tell; and nothing
    where the pool may have registered the instances with a load balancer. Errors end it, and not the step. The caller
    has made the clients.

    Args:
        latest: when no more task may be stopped, in seconds since the epoch.
        goes_on: whether the step still works on these instances.
    """

    def is_wanted() -> bool:
        return goes_on() and not crowd.is_read and runtime.now() < latest

    while is_wanted() and not _is_large(runtime, cluster, crowd):
        runtime.sleep(TURN_S)
    if is_wanted() and crowd.begin():
        _Stopping(runtime, cluster, crowd, reason, latest, is_wanted).work()


def _is_large(runtime: Runtime, cluster: str, crowd: Crowd) -> bool:
    instances, tasks = crowd.size()
    try:
        return instances >= MANY and are_many(runtime, cluster, instances, tasks)
    except Exception:
        return False


@dataclass(frozen=True)
class _Stopping:
    runtime: Runtime
    cluster: str
    crowd: Crowd
    reason: str
    latest: float
    is_wanted: Callable[[], bool]
    services: dict[str, ServiceTypeDef] = field(default_factory=dict)

    def work(self) -> None:
        try:
            self.runtime.side_by_side(self.list, self.stop, self.read_further)
        except Exception as error:
            # Any exception: the step reads and stops all of them itself.
            self.runtime.telemetry.warning(
                f"cluster {self.cluster}: tasks without requests are stopped only once all are read: {error!r}",
                cluster=self.cluster,
            )

    def list(self) -> None:
        is_listed = False
        try:
            describe_all(self.runtime, self.cluster, self.find, self.is_wanted)
            is_listed = True
        finally:
            self.crowd.is_listed = is_listed

    def stop(self) -> None:
        if registers_instances(self.runtime, self.cluster) is not False:
            return
        drain_s = drain_seconds(self.runtime, self.cluster)

        def stop_some(_: int) -> None:
            while self.is_wanted():
                if one := self.crowd.take(drain_s, self.runtime.now()):
                    self.crowd.answered(stop_task(self.runtime, self.cluster, one, self.reason, self.latest))
                else:
                    self.runtime.sleep(TURN_S)

        self.runtime.in_parallel(stop_some, range(CALLERS), at_once=CALLERS)

    def read_further(self) -> None:
        """Read what the process keeps for the look: service revisions, target groups, and the task definitions.

        Of task definitions, ECS describes 20 in a second.
        """

        def read_routes(names: Collection[str]) -> None:
            read_routing(self.runtime, [self.services[name] for name in names])

        self.runtime.side_by_side(
            lambda: self.read_each(
                self.crowd.definitions, lambda arns: read_definitions(self.runtime, self.cluster, arns)
            ),
            lambda: self.read_each(lambda: frozenset(self.services.copy()), read_routes),
        )

    def read_each(self, find: Callable[[], frozenset[str]], read: Callable[[Collection[str]], object]) -> None:
        """Read each of those that `find` returns, once, until all tasks are listed."""
        known: frozenset[str] = frozenset()
        while self.is_wanted():
            is_listed = self.crowd.is_listed is not None
            found = find()
            read(found - known)
            if is_listed:
                return
            known = found
            self.runtime.sleep(TURN_S)

    def find(self, tasks: Sequence[TaskTypeDef], asked_at: float) -> None:
        """Note `tasks`, which were described after the time `asked_at`, with their ranks and their protection."""
        unknown = [name for name in service_names(tasks) if name not in self.services]
        self.services.update(read_services(self.runtime, self.cluster, unknown))
        of_services = [task["taskArn"] for task in tasks if service_of(task)]
        protection = read_protection(self.runtime, self.cluster, of_services)
        for task in tasks:
            self.crowd.found(task, self._rank(task), asked_at, protection.get(task["taskArn"]))

    def _rank(self, task: TaskTypeDef) -> Rank:
        name = service_of(task)
        if not name:
            return Rank.BATCH
        service = self.services.get(name)
        if service and is_daemon(service):
            return Rank.DAEMON
        return Rank.SERVICE if service and get_no_requests(task, service) else Rank.SERVED
