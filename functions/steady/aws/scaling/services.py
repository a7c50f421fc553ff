"""Read the services of a cluster: all of them if they are few, else those that may have changed, the others in turn.

ECS sends an event when it cannot place a task. So a service that lacked no task when it was read needs no other read
before an event names it, or its turn comes. If an event is lost, its service is read within a sweep.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from steady.api_budget.turns import Urgency
from steady.aws.api_budget.budget import Budget
from steady.aws.cache import Cache
from steady.aws.capacity.providers import Providers
from steady.aws.ecs.services import (
    describe_services,
    is_daemon,
    launch_of,
    list_services,
    read_service_shape,
    task_definitions_of,
)
from steady.aws.runtime import Runtime
from steady.cluster import NOTHING, Daemons, Service, TaskShape
from steady.launch import Launch
from steady.metrics import MetricName

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import ServiceTypeDef

# Up to this many services are read at each look: 20 calls of DescribeServices, 10 services a call.
ALL_UP_TO = 200
# With more services, each is read once within this many looks; each tick is a look.
LOOKS_A_SWEEP = 20


@dataclass(frozen=True, slots=True)
class _Daemon:
    """One daemon service: what it reserves on each instance that its constraints allow, and how many tasks it has."""

    shape: TaskShape
    tasks: int


@dataclass(frozen=True, slots=True)
class _Elsewhere:
    """A service of which the pool gets no task: it is on Fargate, on ECS Anywhere, on other capacity providers."""


_Read = Service | _Daemon | _Elsewhere


@dataclass(slots=True)
class _Known:
    """The services of one large cluster as last read, by name; `turn` is the index of the next to read."""

    read: dict[str, _Read] = field(default_factory=dict)
    turn: int = 0


# By the cluster's name.
KNOWN = Cache[str, _Known]()


def read_services(
    runtime: Runtime,
    cluster: str,
    providers: Providers,
    suspected: Iterable[str] = (),
    budget: Budget | None = None,
    failed: Collection[str] = (),
) -> tuple[tuple[Service, ...], Daemons]:
    """Return the replica services of `cluster` that its pool gets tasks of, and its daemon services together.

    Of a service that lacks tasks, the shape of its tasks is read as well. Daemon services that do not run on the pool's
    instances are left out.

    Args:
        suspected: the names of services that lacked tasks: they are read in any case.
        failed: the names of services that an event names: they are read in any case, with the shape of their tasks.
    """
    known = KNOWN.get(runtime, cluster)
    if known is None or _count(runtime, cluster) != len(known.read):
        # The first look of a process, or services were created or deleted: only the whole list says which.
        known = _Known(_read(runtime, cluster, list_services(runtime, cluster), failed, providers))
    else:
        in_turn = budget is None or budget.allows(Urgency.SWEEP)
        runtime.telemetry.count(MetricName.CALLS_SHED, not in_turn, cluster)
        asked = _due(known, {*suspected, *failed}, in_turn=in_turn)
        found = _read(runtime, cluster, asked, failed, providers)
        known.read = {name: one for name, one in known.read.items() if name not in asked} | found
    if len(known.read) > ALL_UP_TO:
        KNOWN.keep(runtime, cluster, known)
    else:
        KNOWN.drop(runtime, cluster)
    replicas = tuple(known.read[name] for name in sorted(known.read))
    daemons = [one for one in replicas if isinstance(one, _Daemon)]
    return (
        tuple(one for one in replicas if isinstance(one, Service)),
        Daemons(
            sum((d.shape.size for d in daemons if not d.shape.member_of), NOTHING),
            tuple(d.tasks for d in daemons),
            tuple(d.shape for d in daemons if d.shape.member_of),
        ),
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
    open_ = {
        n for n, one in known.read.items() if isinstance(one, _Daemon) or (isinstance(one, Service) and one.missing)
    }
    return {*suspected, *open_, *turn}


def _read(
    runtime: Runtime, cluster: str, names: Collection[str], failed: Collection[str], providers: Providers
) -> dict[str, _Read]:
    described = describe_services(runtime, cluster, sorted(names))
    # A service that is being deleted wants no task, and ECS does not count it among the cluster's.
    return {
        s["serviceName"]: _service(runtime, cluster, s, failed, providers)
        for s in described
        if s.get("status", "ACTIVE") == "ACTIVE"
    }


def _service(
    runtime: Runtime, cluster: str, described: ServiceTypeDef, failed: Collection[str], providers: Providers
) -> _Read:
    launch, parts = launch_of(described), _going(described)
    is_here = providers.serves(launch)
    # A service that moves from one launch type to another has deployments of both.
    here = [one for one in parts if providers.serves(Launch.of(one, launch))]
    if not is_here and not here:
        return _Elsewhere()
    if is_daemon(described):
        shape = readable_shape(runtime, cluster, described, providers)
        return _Daemon(shape or TaskShape(NOTHING), _counted(described, "runningCount", "pendingCount"))
    definitions, lacking = task_definitions_of(described), _lacking(here)
    # ECS API: an EXTERNAL service starts no task before it has a task set.
    desired = _counted(described, "desiredCount") if definitions else 0
    if not is_here or len(here) < len(parts):
        desired = min(desired, _counted(described, "runningCount", "pendingCount") + lacking)
    service = Service(
        name=described["serviceName"],
        desired=desired,
        running=_counted(described, "runningCount"),
        pending=_counted(described, "pendingCount"),
        task_definition=next(iter(definitions), ""),
        deploying=lacking,
        # What is replaced is replaced by the newest deployment.
        startable=_startable(described) if is_here else 0,
        shared=launch if providers.is_shared(launch) else None,
    )
    is_wanted = service.missing or service.name in failed
    return replace(service, shape=readable_shape(runtime, cluster, described, providers)) if is_wanted else service


def _counted(described: Mapping[str, Any], *counts: str) -> int:
    """Sum these counts of a service. Every one may be missing."""
    return sum(described.get(name) or 0 for name in counts)


def readable_shape(runtime: Runtime, cluster: str, service: ServiceTypeDef, providers: Providers) -> TaskShape | None:
    """Return the shape of a task of `service`; None, and a warning, if ECS does not say it: nothing is asked for it."""
    try:
        shape = read_service_shape(runtime, service)
    except Exception as error:
        runtime.telemetry.warning(
            f"cluster {cluster}: what the tasks of service {service.get('serviceName')} need cannot be read, so no "
            f"capacity is asked for them, and no instance with one of them is emptied; the rest is decided: {error}",
            cluster=cluster,
        )
        return None
    return replace(shape, providers=providers.ours(launch_of(service).providers))


def _going(described: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the deployments of a service, or its task sets, but those that have failed: these start nothing more."""
    parts = [*described.get("deployments", []), *described.get("taskSets", [])]
    return [one for one in parts if one.get("rolloutState") != "FAILED"]


def _lacking(parts: Iterable[Mapping[str, Any]]) -> int:
    """Return how many tasks these deployments or task sets lack.

    ECS API, Deployment and TaskSet: each has its own desired, running and pending counts.
    """
    wanted = ((one.get("desiredCount", one.get("computedDesiredCount", 0)), one) for one in parts)
    return sum(max(0, desired - one.get("runningCount", 0) - one.get("pendingCount", 0)) for desired, one in wanted)


def _startable(described: ServiceTypeDef) -> int:
    """Return how many more tasks ECS may start: up to the maximum percent of the desired count, rounded down."""
    percent = described.get("deploymentConfiguration", {}).get("maximumPercent", 200)
    most = _counted(described, "desiredCount") * percent // 100
    return max(0, most - _counted(described, "runningCount", "pendingCount"))
