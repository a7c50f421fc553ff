"""Read the services of a cluster: all of them if they are few, else those that may have changed, the others in turn.

ECS sends an event when it cannot place a task. So a service that lacked no task when it was read needs no other read
before an event names it, or its turn comes. If an event is lost, its service is read within a sweep.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from steady.api_budget.turns import Urgency
from steady.aws.api_budget.budget import Budget
from steady.aws.cache import Cache
from steady.aws.ecs.services import (
    describe_services,
    is_daemon,
    list_services,
    read_service_shape,
    task_definitions_of,
)
from steady.aws.runtime import Runtime
from steady.cluster import NOTHING, Daemons, Service, Size
from steady.metrics import MetricName

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import ServiceTypeDef

# Up to this many services are read at each look: 20 calls of DescribeServices, 10 services a call.
ALL_UP_TO = 200
# With more services, each is read once within this many looks; each tick is a look.
LOOKS_A_SWEEP = 20


@dataclass(frozen=True, slots=True)
class _Daemon:
    """One daemon service: what it reserves on each instance, and how many tasks it has."""

    size: Size
    tasks: int


@dataclass(slots=True)
class _Known:
    """The services of one large cluster as last read, by name; `turn` is the index of the next to read."""

    read: dict[str, Service | _Daemon] = field(default_factory=dict)
    turn: int = 0


# By the cluster's name.
KNOWN = Cache[str, _Known]()


def read_services(
    runtime: Runtime, cluster: str, suspected: Iterable[str] = (), budget: Budget | None = None
) -> tuple[tuple[Service, ...], Daemons]:
    """Return every replica service of `cluster`, and its daemon services together.

    Of a service that lacks tasks, the shape of its tasks is read as well.

    Args:
        suspected: the names of services that lacked tasks, or that an event names: they are read in any case.
    """
    known = KNOWN.get(runtime, cluster)
    if known is None or _count(runtime, cluster) != len(known.read):
        # The first look of a process, or services were created or deleted: only the whole list says which.
        known = _Known(_read(runtime, cluster, list_services(runtime, cluster)))
    else:
        in_turn = budget is None or budget.allows(Urgency.SWEEP)
        runtime.telemetry.count(MetricName.CALLS_SHED, not in_turn, cluster)
        asked = _due(known, suspected, in_turn=in_turn)
        found = _read(runtime, cluster, asked)
        known.read = {name: one for name, one in known.read.items() if name not in asked} | found
    if len(known.read) > ALL_UP_TO:
        KNOWN.keep(runtime, cluster, known)
    else:
        KNOWN.drop(runtime, cluster)
    replicas = tuple(known.read[name] for name in sorted(known.read))
    daemons = [one for one in replicas if isinstance(one, _Daemon)]
    return (
        tuple(one for one in replicas if isinstance(one, Service)),
        Daemons(sum((d.size for d in daemons), NOTHING), sum(d.tasks for d in daemons)),
    )


def _count(runtime: Runtime, cluster: str) -> int:
    described = runtime.ecs.describe_clusters(clusters=[cluster])["clusters"]
    return described[0]["activeServicesCount"] if described else 0


def _due(known: _Known, suspected: Iterable[str], *, in_turn: bool) -> set[str]:
    """Return whom to read now: the suspected, those that lacked tasks, daemons and, if `in_turn`, the next in turn."""
    names = sorted(known.read)
    share = math.ceil(len(names) / LOOKS_A_SWEEP) if in_turn else 0
    turn = {names[(known.turn + step) % len(names)] for step in range(share)}
    known.turn = (known.turn + share) % len(names)
    open_ = {name for name, one in known.read.items() if isinstance(one, _Daemon) or one.missing}
    return {*suspected, *open_, *turn}


def _read(runtime: Runtime, cluster: str, names: Collection[str]) -> dict[str, Service | _Daemon]:
    described = describe_services(runtime, cluster, sorted(names))
    # A service that is being deleted wants no task, and ECS does not count it among the cluster's.
    return {s["serviceName"]: _service(runtime, s) for s in described if s.get("status", "ACTIVE") == "ACTIVE"}


def _service(runtime: Runtime, described: ServiceTypeDef) -> Service | _Daemon:
    if is_daemon(described):
        size = read_service_shape(runtime, described).size
        return _Daemon(size, described["runningCount"] + described["pendingCount"])
    definitions = task_definitions_of(described)
    service = Service(
        name=described["serviceName"],
        # ECS API: an EXTERNAL service starts no task before it has a task set.
        desired=described["desiredCount"] if definitions else 0,
        running=described["runningCount"],
        pending=described["pendingCount"],
        task_definition=next(iter(definitions), ""),
    )
    return replace(service, shape=read_service_shape(runtime, described)) if service.missing else service
