"""Do one step on a cluster: drain, deregister, stop tasks, and complete the lifecycle hooks of finished instances."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from steady.aws.ecs.tasks import Stopped, stop_tasks
from steady.aws.runtime import Result, Runtime
from steady.aws.service_out.hook_answers import complete_hooks
from steady.aws.service_out.look import Look, look_at
from steady.cluster import ContainerInstance
from steady.service_out.doomed import Doomed, DoomedTask, TaskKind
from steady.service_out.drain import progress
from steady.service_out.stops import Stop, as_planned, fill, in_order

STOP_REASON = "ecs-steady: the instance is about to go"
SHORTEST_ROUND_S = 3.0
# SQS: 256 KiB a message. A stop takes about 50 bytes of it.
MOST_DUE = 3000


@dataclass(frozen=True, slots=True)
class Advance:
    """The work that a step has done, and the work that it has left.

    Attributes:
        waiting: instances that are not finished.
        due: the stops that wait for their time, or for their turn, in their order.
        next_in_s: seconds to the next look at `waiting`.
        deregistered: how many targets were deregistered.
        refused: how many target groups, instances, tasks and hooks refused what was asked; the next step asks again.
        stopped: how many tasks were stopped.
        tasks_left: how many tasks are still to be stopped, as far as this step has looked.
        killed: how many tasks still ran on instances that EC2 was ending already.
        deregistered_after_s: the longest time from a notice until its targets were deregistered, of the instances that
            were looked at for the first time; None if there was none.
    """

    waiting: tuple[Doomed, ...] = ()
    finished: tuple[Doomed, ...] = ()
    due: tuple[Stop, ...] = ()
    next_in_s: int = 0
    deregistered: int = 0
    refused: int = 0
    stopped: int = 0
    tasks_left: int = 0
    killed: int = 0
    deregistered_after_s: float | None = None

    def continues_in_s(self, now: float) -> float:
        """Return the seconds from `now` until the next look or shortly before the next stop; negative: it is late."""
        until_due_s = min((stop.at for stop in self.due), default=math.inf) - now - 1
        return min(self.next_in_s, until_due_s) if self.waiting else until_due_s


def advance(
    runtime: Runtime,
    cluster: str,
    doomed: Sequence[Doomed],
    due: Sequence[Stop],
    until: float,
    drained: Iterable[ContainerInstance] = (),
    latest: float = math.inf,
) -> Advance:
    """Take the next step for `doomed`.

    Everything in here can be repeated: after a crash at any call, the step is done again.

    Args:
        due: the stops that an earlier step has left.
        until: when no more stop begins, in seconds since the epoch; where the look took longer, some seconds after it.
        drained: container instances of `doomed` that this step has drained, as the answers describe them.
        latest: when no more stop may begin in any case.
    """
    # While stops take the whole rate, another look at instances that were looked at already changes nothing, unless
    # targets of theirs are kept.
    busy = fill(due, runtime.now()) and not any(d.held for d in doomed)
    to_look_at = [d for d in doomed if not (busy and d.looked_at)]
    look, early = _look_and_stop(runtime, cluster, to_look_at, drained, due, latest)
    now = runtime.now()
    planned = in_order([*due, *look.stops], now) if busy else as_planned(look.stops, due, now)
    planned = [stop for stop in planned if stop.arn not in early.arns]
    # What was read late is not stopped a round later for that.
    until = min(latest, max(until, runtime.now() + SHORTEST_ROUND_S))
    late = stop_tasks(runtime, cluster, planned, STOP_REASON, until)
    stopped = Stopped(early.arns | late.arns, early.refused + late.refused)
    after = progress(look.doomed, look.seen(), look.tasks, stopped.arns, look.drain_s, runtime.now())
    after, not_completed = complete_hooks(runtime, after, latest)
    left = tuple(stop for stop in planned if stop.arn not in stopped.arns)
    on_looked = {t.arn for t in look.tasks if not t.stopping and t.arn not in stopped.arns}
    return Advance(
        # `gone` is reset, so that killed tasks are counted once.
        waiting=(
            *(replace(i, gone=False) for i in after.waiting),
            *(d for d in doomed if busy and d.looked_at),
            *look.unread,
        ),
        finished=after.finished,
        due=left[:MOST_DUE],
        # After the stops that were more urgent than a look, the look is late.
        next_in_s=1 if look.unread or (busy and not left) else after.next_in_s,
        deregistered=look.deregistered,
        refused=look.refused + stopped.refused + not_completed,
        stopped=len(stopped.arns),
        tasks_left=len(on_looked | {stop.arn for stop in left}),
        killed=_killed(look.doomed, look.tasks),
        deregistered_after_s=look.deregistered_after_s,
    )


def _look_and_stop(
    runtime: Runtime,
    cluster: str,
    doomed: Sequence[Doomed],
    drained: Iterable[ContainerInstance],
    due: Sequence[Stop],
    latest: float,
) -> tuple[Look, Stopped]:
    """Look at `doomed`, and make the stops that are due meanwhile: neither waits for the other, or for its errors."""
    if not doomed:
        return Look(), Stopped()
    if not due:
        look = look_at(runtime, cluster, doomed, drained, latest=latest, reason=STOP_REASON)
        return look, look.early
    _ = runtime.ecs, runtime.ecs_quick, runtime.ecs_once, runtime.elbv2, runtime.elbv2_once, runtime.ssm
    return stop_meanwhile(
        runtime, cluster, due, latest, lambda: look_at(runtime, cluster, doomed, drained, latest=latest)
    )


def stop_meanwhile(
    runtime: Runtime, cluster: str, due: Sequence[Stop], latest: float, work: Callable[[], Result]
) -> tuple[Result, Stopped]:
    """Do `work`, and make the stops that are `due` for as long as it takes, and not after `latest`.

    The caller has made the clients that `work` uses.
    """
    if not due:
        return work(), Stopped()
    is_working = True

    def do() -> Result:
        nonlocal is_working
        try:
            return work()
        finally:
            is_working = False

    def stop() -> Stopped:
        return stop_tasks(runtime, cluster, due, STOP_REASON, latest, lambda: is_working)

    _ = runtime.ecs_once
    return runtime.side_by_side(do, stop)


def _killed(doomed: Iterable[Doomed], tasks: Iterable[DoomedTask]) -> int:
    """Count the tasks, less daemons, that were still running when EC2 began to end their instance."""
    gone = {d.container_instance_arn for d in doomed if d.gone}
    return sum(t.container_instance_arn in gone and t.kind is not TaskKind.DAEMON and not t.stopping for t in tasks)
