"""Do one step on a cluster: drain, deregister, stop tasks, and complete the lifecycle hooks of finished instances."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from steady.aws.ecs.tasks import stop_tasks
from steady.aws.runtime import Runtime
from steady.aws.service_out.crowd import Crowd
from steady.aws.service_out.hook_answers import complete_hooks
from steady.aws.service_out.look import Look, look_at
from steady.aws.service_out.meanwhile import Leaving
from steady.cluster import ContainerInstance
from steady.service_out.doomed import Doomed, DoomedTask, Target, TaskKind
from steady.service_out.drain import FAR_S, SOON_S, progress
from steady.service_out.stops import Stop, fill, in_order

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
        leaving: the targets that there was no time to deregister.
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
    leaving: tuple[Target, ...] = ()
    next_in_s: int = 0
    deregistered: int = 0
    refused: int = 0
    stopped: int = 0
    tasks_left: int = 0
    killed: int = 0
    deregistered_after_s: float | None = None

    def with_unreadable(self, unreadable: Iterable[Doomed], now: float) -> Advance:
        """Return this with the instances that ECS refused to describe: the next steps ask again, until they are gone.

        Each is a refusal that people must hear of.
        """
        left = [d for d in unreadable if now < d.deadline_s + FAR_S]
        if not left:
            return self
        next_in_s = min(self.next_in_s, SOON_S) if self.waiting else SOON_S
        return replace(self, waiting=(*self.waiting, *left), refused=self.refused + len(left), next_in_s=next_in_s)

    def continues_in_s(self, now: float) -> float:
        """Return the seconds from `now` until the next look or shortly before the next stop; negative: it is late."""
        if self.leaving:
            return 0.0
        until_due_s = min((stop.at for stop in self.due), default=math.inf) - now - 1
        return min(self.next_in_s, until_due_s) if self.waiting else until_due_s


def advance(
    runtime: Runtime,
    cluster: str,
    doomed: Sequence[Doomed],
    due: Sequence[Stop],
    until: float,
    drained: Iterable[ContainerInstance] = (),
    leaving: Leaving | None = None,
    crowd: Crowd | None = None,
    latest: float = math.inf,
) -> Advance:
    """Take the next step for `doomed`.

    Everything in here can be repeated: after a crash at any call, the step is done again.

    Args:
        due: the stops that an earlier step has left.
        until: when no more stop begins, in seconds since the epoch; where the look took longer, some seconds after it.
        drained: container instances of `doomed` that this step has drained, as the answers describe them.
        leaving: the targets that an earlier step has left, and that are being deregistered.
        crowd: what is being stopped until the tasks are read.
        latest: when no more stop may begin in any case.
    """
    # While stops take the whole rate, another look at instances that were looked at already changes nothing, unless
    # targets of theirs are kept.
    busy = fill(due, runtime.now()) and not any(d.held for d in doomed)
    to_look_at = [d for d in doomed if not (busy and d.looked_at)]
    look = Look(stops=in_order(due, runtime.now()))
    if to_look_at:
        of_others = due if busy else ()
        look = look_at(
            runtime, cluster, to_look_at, drained, due, of_others, leaving, crowd, latest=latest, reason=STOP_REASON
        )
    early = look.early
    planned = [stop for stop in look.stops if stop.arn not in early.arns]
    # What was read late is not stopped a round later for that.
    until = min(latest, max(until, runtime.now() + SHORTEST_ROUND_S))
    late = stop_tasks(runtime, cluster, planned, STOP_REASON, until)
    stopped = early.with_others(late)
    after = progress(look.doomed, look.seen(), look.tasks, stopped.arns, look.drain_s, runtime.now())
    after, not_completed = complete_hooks(runtime, after, latest)
    left = tuple(stop for stop in planned if stop.arn not in stopped.arns)
    on_looked = {t.arn for t in look.tasks if not t.stopping and t.arn not in stopped.arns}
    done = Advance(
        # `gone` is reset, so that killed tasks are counted once.
        waiting=(
            *(replace(i, gone=False) for i in after.waiting),
            *(d for d in doomed if busy and d.looked_at),
            *look.unread,
        ),
        finished=after.finished,
        due=left[:MOST_DUE],
        leaving=_to_leave(look, leaving),
        # After the stops that were more urgent than a look, the look is late.
        next_in_s=1 if look.unread or (busy and not left) else after.next_in_s,
        deregistered=look.deregistered,
        refused=look.refused + stopped.refused + not_completed,
        stopped=len(stopped.arns),
        tasks_left=len(on_looked | {stop.arn for stop in left}),
        killed=_killed(look.doomed, look.tasks),
        deregistered_after_s=look.deregistered_after_s,
    )
    return done.with_unreadable(look.unreadable, runtime.now())


def _to_leave(look: Look, leaving: Leaving | None) -> tuple[Target, ...]:
    """Return the targets that the next step deregisters first: those of instances that go in any case, and soon."""
    patient = {d.container_instance_arn for d in look.doomed if d.is_patient}
    theirs = {target for task in look.tasks if task.container_instance_arn not in patient for target in task.targets}
    return tuple(sorted((look.leaving & theirs) | (leaving.still() if leaving else frozenset())))


def _killed(doomed: Iterable[Doomed], tasks: Iterable[DoomedTask]) -> int:
    """Count the tasks, less daemons, that were still running when EC2 began to end their instance."""
    gone = {d.container_instance_arn for d in doomed if d.gone}
    return sum(t.container_instance_arn in gone and t.kind is not TaskKind.DAEMON and not t.stopping for t in tasks)
