"""Deregister the targets of doomed tasks, and stop meanwhile the tasks whose requests are over."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from steady.aws.ecs.tasks import Stopped, stop_as_planned
from steady.aws.runtime import Runtime
from steady.aws.service_out import targets
from steady.aws.service_out.meanwhile import Leaving, note_left
from steady.aws.service_out.pool_targets import leave_pool
from steady.service_out.doomed import Doomed, Target
from steady.service_out.stops import Agenda, Stop

# The cluster's settings may be this old, in seconds.
SETTINGS_MAX_AGE_S = 300.0
# How often it is looked meanwhile whose requests are over, in seconds.
TURN_S = 2.0


@dataclass(frozen=True, slots=True)
class Left:
    """What was done while targets left: the targets that did not, when the others had left, the stopped tasks.

    `doomed` are the instances with the time at which they left the target groups of their pool.
    """

    doomed: Sequence[Doomed]
    refused: frozenset[Target]
    at: float
    stopped: Stopped
    drain_s: float
    left_at: Mapping[Target, float]


def leave(
    runtime: Runtime,
    cluster: str,
    doomed: Sequence[Doomed],
    release: Iterable[Target],
    leaving: Leaving,
    due: Sequence[Stop],
    until: float,
    reason: str,
    to_stop: Callable[[Sequence[Doomed], Mapping[Target, float], float], Sequence[Stop]],
) -> Left:
    """Deregister the targets `release` and those of the pool, and stop meanwhile what may be stopped.

    Args:
        leaving: what is deregistered already: those of `release` among them are not deregistered again.
        due: the stops that an earlier step has left.
        until: when no more target is deregistered, in seconds since the epoch.
        to_stop: returns the stops of `doomed` when targets have left at these times, with a wait of so many seconds.
    """
    release, left_at = frozenset(release), dict[Target, float]()

    def all_left() -> dict[Target, float]:
        return {**leaving.left_at.copy(), **left_at.copy()}

    def deregister() -> float:
        targets.deregister(runtime, release - leaving.targets, until, partial(note_left, runtime, left_at))
        while not leaving.is_over and not leaving.still().isdisjoint(release) and runtime.now() < until:
            runtime.sleep(TURN_S / 4)
        return runtime.now()

    def deregister_instances_and_stop(are_leaving: Callable[[], bool]) -> tuple[Sequence[Doomed], float, Stopped]:
        agenda = Agenda(due)

        def plan() -> tuple[Sequence[Doomed], float]:
            after, drain_s = leave_pool(runtime, cluster, doomed), drain_seconds(runtime, cluster)
            planned_at = -math.inf
            while are_leaving() and runtime.now() < until:
                if runtime.now() >= planned_at + TURN_S:
                    planned_at = runtime.now()
                    agenda.plan(to_stop(after, all_left(), drain_s))
                runtime.sleep(TURN_S / 4)
            return after, drain_s

        def stop() -> Stopped:
            return stop_as_planned(runtime, cluster, agenda, reason, until, are_leaving)

        (after, drain_s), stopped = runtime.side_by_side(plan, stop)
        return after, drain_s, stopped

    targets.make_clients(runtime, release)
    _ = runtime.ecs_once, runtime.elbv2_once, runtime.ssm, runtime.ec2_once, runtime.autoscaling_once
    at, (after, drain_s, stopped) = runtime.work_beside(deregister, deregister_instances_and_stop)
    known = all_left()
    return Left(after, frozenset(t for t in release if t not in known), at, stopped, drain_s, known)


def drain_seconds(runtime: Runtime, cluster: str) -> float:
    """Return the seconds in which the longest request to the cluster's tasks ends."""
    # Imported here: no target waits for the import to be deregistered.
    from steady.aws.settings import cluster_settings
    from steady.thresholds import Thresholds

    try:
        settings = cluster_settings.read_cluster(runtime, cluster, SETTINGS_MAX_AGE_S)
    except Exception as error:
        runtime.telemetry.warning(
            f"cluster {cluster}: its thresholds cannot be read: requests are taken to end within the default time: "
            f"{error!r}",
            cluster=cluster,
        )
        return float(Thresholds().drain_seconds)
    return float((settings.thresholds if settings else Thresholds()).drain_seconds)
