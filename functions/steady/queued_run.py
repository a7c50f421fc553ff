"""The launch queue: requests for RunTask that wait until there is room, and the order in which they are run."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

# A request gains one step of priority for this many seconds of waiting: the lowest one passes any new one in time.
AGES_BY_ONE_S = 60
# What of a request of RunTask says where its tasks may be placed; all else, such as a command, makes no difference.
PLACING = (
    "taskDefinition",
    "group",
    "launchType",
    "capacityProviderStrategy",
    "placementConstraints",
    "placementStrategy",
    "networkConfiguration",
    "volumeConfigurations",
)
# ECS API, ContainerOverride and TaskOverride: what changes the size.
SIZES = ("cpu", "memory", "memoryReservation", "resourceRequirements")
# Seconds between two tries while requests wait.
ROUND_S = 10.0
# `startedBy` of the tasks whose end is waited for begins with this.
STARTED_BY = "steady-launch/"


def key_of(cluster: str, id_: str) -> str:
    """Return the key of the request `id_` of a cluster: 64 characters, whatever the id holds."""
    return hashlib.sha256(f"{cluster}/{id_}".encode()).hexdigest()


@dataclass(frozen=True)
class QueuedRun:
    """One request of the launch queue. Times are in seconds since the epoch.

    Attributes:
        id: the caller's `clientToken`, or the id of the SQS message: the same for each copy of the request.
        message: the message as it was sent.
        request: what RunTask is called with, without the cluster, the count and the token.
        count: how many tasks are asked for.
        given_up_at: when it goes to the dead-letter queue, unless its tasks have been started.
        priority: requests with a higher one are run first.
        all_or_nothing: whether its tasks are started all together, or not at all.
        task_token: the token by which Step Functions waits for the end of the tasks; "": nothing waits so.
        failures: how many calls of RunTask ECS has answered with a failure. Each call after one has a new token.
        tasks: the ARNs of the tasks that were started.
        reason: why ECS has not started the others, in its own words.
        asked_at: when RunTask was called with the current token, and its answer is not known: it may have started
            tasks. 0: it was not.
    """

    id: str
    cluster: str
    message: str
    request: Mapping[str, Any]
    count: int
    sent_at: float
    given_up_at: float
    priority: int = 0
    all_or_nothing: bool = False
    task_token: str = ""
    failures: int = 0
    tasks: tuple[str, ...] = ()
    reason: str = ""
    asked_at: float = 0.0

    @property
    def key(self) -> str:
        """The key under which the request is kept, which ECS takes in `startedBy` (ECS API: letters and numbers)."""
        return key_of(self.cluster, self.id)

    @property
    def call(self) -> Mapping[str, Any]:
        """What RunTask is called with. Tasks whose end is waited for say in `startedBy` what they are of."""
        return {**self.request, "startedBy": f"{STARTED_BY}{self.key}"} if self.task_token else self.request

    @property
    def missing(self) -> int:
        """How many tasks are still to be started."""
        return self.count - len(self.tasks)

    @property
    def client_token(self) -> str:
        """The token of the next call of RunTask: 64 characters, as many as ECS takes (ECS API, "Idempotency").

        A call that got no answer is made again with its token. What ECS answers to the token of a call that it has
        answered with a failure is not documented, so the call after a failure has another one.
        """
        return hashlib.sha256(f"{self.id} {self.failures}".encode()).hexdigest()

    @cached_property
    def shape(self) -> str:
        """What says where the tasks may be placed, as a text: while one finds no room, others like it are not tried."""
        placing = {name: self.request[name] for name in PLACING if name in self.request}
        overrides = self.request.get("overrides", {})
        sizes = [sizes_in(overrides), *({**sizes_in(one), "name": one.get("name")} for one in _containers(overrides))]
        together = self.count if self.all_or_nothing else 0
        return json.dumps([placing, [size for size in sizes if size.keys() > {"name"}], together], sort_keys=True)

    @property
    def asked(self) -> bool:
        """Whether a call of RunTask with the current token may have started tasks, and its answer is not known."""
        return self.asked_at > 0

    def answered(self, tasks: Iterable[str], reasons: Iterable[str]) -> "QueuedRun":
        """Return the request after an answer of RunTask with these tasks, and with the reasons of its failures."""
        reason = ", ".join(dict.fromkeys(reasons))
        failures = self.failures + 1 if reason else self.failures
        return replace(self, tasks=(*self.tasks, *tasks), failures=failures, reason=reason or self.reason, asked_at=0.0)


def sizes_in(override: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an override of RunTask says of a size.

    >>> sizes_in({"name": "app", "cpu": 512, "command": ["true"]})
    {'cpu': 512}
    """
    return {name: override[name] for name in SIZES if override.get(name)}


def _containers(overrides: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    found: Iterable[Mapping[str, Any]] = overrides.get("containerOverrides", [])
    return found


def in_order(runs: Iterable[QueuedRun], now: float) -> list[QueuedRun]:
    """Return `runs` in the order in which they are tried: by priority, which grows while they wait.

    >>> def run(name, priority, sent_at): return QueuedRun(name, "web", "", {}, 1, sent_at, 9999.0, priority)
    >>> [r.id for r in in_order([run("new", 5, 600.0), run("old", 0, 0.0), run("urgent", 50, 599.0)], now=600.0)]
    ['urgent', 'old', 'new']
    """
    return sorted(runs, key=lambda r: (-(r.priority + (now - r.sent_at) / AGES_BY_ONE_S), r.sent_at, r.id))
