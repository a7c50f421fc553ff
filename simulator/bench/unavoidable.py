"""What no handling of instances that are taken away could have: computed from what happened on the account."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from infra.fitness import FIRST_STEP_S
from simulator.bench.taken_services import Plan
from simulator.ecs.state import Otherwise, Task
from simulator.ecs.stopping import stop_timeouts
from simulator.load_balancing import LONGEST_REQUEST_S
from simulator.target_groups import RegisteredTarget, TargetGroup
from steady.api_budget.limits import DEREGISTER_BUCKET
from steady.service_out.drain import SOON_S
from steady.service_out.stopping import STILL_SENT_S
from steady.service_out.stops import STOP_MARGIN_S, STOPS_PER_S

# A stop this many seconds before its last moment is not early: calls take their time.
EARLY_S = 3.0


@dataclass(frozen=True, slots=True)
class Fate:
    """What happened to one target of a task on an instance that was taken away.

    Attributes:
        hidden: whether only ECS can deregister it. What is registered in Cloud Map is not: anybody can deregister it.
        moves: whether ECS can start a replacement before the instance goes, and then retire the task itself.
        noticed_at: the time of its instance's notice, in seconds since the epoch.
        last_stop_at: the last moment for a stop of the task, if all tasks of the instances are stopped then.
    """

    task: Task
    target: RegisteredTarget
    hidden: bool
    moves: bool
    noticed_at: float
    last_stop_at: float

    @property
    def is_stopped_in_service(self) -> bool:
        """Whether the task got SIGTERM, or was killed, while the load balancer still sent requests to this target."""
        closed_at = self.target.closed_at
        return closed_at is not None and self.target.takes_requests(closed_at)

    @property
    def could_leave(self) -> bool:
        """Whether some handling could have stopped the task after the last request that it was sent."""
        return self._could_leave_in(self.target.lingers_s)

    @property
    def could_answer(self) -> bool:
        """Whether some handling could have let the task answer the longest request that it was sent."""
        return self._could_leave_in(self.target.lingers_s + LONGEST_REQUEST_S)

    def _could_leave_in(self, seconds: float) -> bool:
        """Whether the target can be deregistered for `seconds` before the task is stopped.

        A hidden target leaves only if ECS retires the task, which it does once a replacement is healthy: how soon, no
        handling decides. ECS retires after the deregistration delay whatever is going on; without a replacement, there
        is time until the last moment.

        For clients of Cloud Map it does not wait: it retires a task as soon as the replacement is healthy. To leave
        before that would leave the service without any task, since all of its tasks are on these instances.
        """
        if not self.target.group.is_waited_for:
            if self.task.retired_at is not None:
                return False
        elif self.hidden:
            return self.moves and self.task.retired_at is not None and seconds <= self.target.group.delay_s
        elif self.moves:
            return seconds <= self.target.group.delay_s
        return self.noticed_at + FIRST_STEP_S + seconds <= self.last_stop_at

    @property
    def is_stopped_early(self) -> bool:
        """Whether the task was stopped in service before its last moment, and before ECS itself retires it."""
        delay_s = self.target.group.delay_s if self.target.group.is_waited_for else 0.0
        retired_at = (self.target.deregistered_at or math.inf) + delay_s
        latest = min(self.last_stop_at, retired_at) if self.moves else self.last_stop_at
        return self.is_stopped_in_service and (self.target.closed_at or 0.0) < latest - EARLY_S


def fates_of(
    tasks: Sequence[Task], plan: Plan, ends: Mapping[str, float], noticed_at: Mapping[str, float]
) -> list[Fate]:
    """Return what happened to each target of `tasks`."""
    moves = plan.room or plan.has_time
    # The stops of all tasks take this long at the rate of the API.
    stops_s = len(tasks) / STOPS_PER_S
    return [
        Fate(
            task,
            target,
            hidden=task.cluster.services[task.service_name].otherwise not in (None, Otherwise.CLOUD_MAP),
            moves=moves,
            noticed_at=noticed_at[task.instance.ec2_id],
            last_stop_at=last_stop_at(task, ends) - stops_s,
        )
        for task in tasks
        for target in task.targets
    ]


def last_stop_at(task: Task, ends: Mapping[str, float]) -> float:
    """Return the last moment for a stop of the task, if it is the only one."""
    return ends[task.instance.ec2_id] - sum(stop_timeouts(task)) - STOP_MARGIN_S


def is_kill_unavoidable(
    task: Task, exit_s: float, fates: Sequence[Fate], noticed_at: Mapping[str, float], ends: Mapping[str, float]
) -> bool:
    """Whether a task that was killed would have been with any handling.

    Args:
        exit_s: the seconds from the task's SIGTERM until its last container has ended.
        fates: those of all targets, the task's among them.
    """
    end = ends[task.instance.ec2_id]
    return _earliest_stop_at(task, noticed_at) + exit_s > end or any(
        _is_retired_too_late(fate, exit_s, end) for fate in fates if fate.task is task
    )


def _is_retired_too_late(fate: Fate, exit_s: float, end: float) -> bool:
    """Whether ECS itself retired a task so late that its instance ended before its deregistration delay and its stop.

    ECS begins with it as soon as a replacement is healthy, and nobody can stop the task any more. Where others can
    deregister the target, they can do so before: the delay runs from then.
    """
    retired_at = fate.task.retired_at
    return fate.hidden and retired_at is not None and retired_at + fate.target.group.delay_s + exit_s > end


def _earliest_stop_at(task: Task, noticed_at: Mapping[str, float]) -> float:
    """Return when the first step can stop a task: some seconds after its targets were deregistered, if it has any."""
    return noticed_at[task.instance.ec2_id] + FIRST_STEP_S + (STILL_SENT_S if task.targets else 0.0)


@dataclass(frozen=True, slots=True)
class Gap:
    """The time in which a target group had no target that took requests.

    Attributes:
        seconds: all of it.
        avoidable_s: the part of it that some handling could have avoided.
        avoidable_requests: the requests in that part.
    """

    seconds: float
    avoidable_s: float
    avoidable_requests: float


def gaps(
    fates: Sequence[Fate], groups: Iterable[TargetGroup], plan: Plan, ends: Mapping[str, float], drain_s: float
) -> list[Gap]:
    """Return the gaps of those of `groups` that had one. Where there is time, each could be avoided.

    The last target of a service leaves in time for the longest request and for the stop of its task. And if ECS retires
    the task just then, its deregistration delay and its stop timeout must still end before the instance does. What
    takes requests only later than that could not have closed the gap. Targets leave at a look, which may come `SOON_S`
    before that moment, and those of many groups at the rate of the API.

    Args:
        fates: those of the targets that were taken away.
        drain_s: how long the longest request takes.
    """
    taken = {id(fate.target) for fate in fates}
    many = len({fate.target.group.arn for fate in fates})
    early_s = SOON_S + max(0.0, (many - DEREGISTER_BUCKET.burst) / DEREGISTER_BUCKET.refill_per_s)
    found = []
    for group in groups:
        seconds = group.serving.seconds
        if seconds:
            leaving = [f for f in fates if f.target.group is group]
            leaves_at = max((_last_leave_at(fate, ends, drain_s) for fate in leaving), default=math.inf) - early_s
            unavoidable_s = 0.0 if plan.has_time else _too_late_by(group, leaves_at, taken)
            avoidable_s = max(0.0, seconds - unavoidable_s)
            requests = group.serving.target_seconds * group.requests_per_s
            found.append(Gap(seconds, avoidable_s, requests * avoidable_s / seconds))
    return found


def _too_late_by(group: TargetGroup, leaves_at: float, taken: set[int]) -> float:
    """Return how long after its last target had to leave another one takes requests; `taken`: ids of what left."""
    elsewhere = min((t.healthy_at for t in group.targets.values() if id(t) not in taken), default=math.inf)
    return max(0.0, elsewhere - leaves_at)


def _last_leave_at(fate: Fate, ends: Mapping[str, float], drain_s: float) -> float:
    return min(last_stop_at(fate.task, ends) - fate.target.group.delay_s, fate.last_stop_at - drain_s)
