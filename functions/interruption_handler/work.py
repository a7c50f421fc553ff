"""Group the work that a batch of messages asks for by cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeGuard

from interruption_handler import notices
from interruption_handler.notices import Parsed
from interruption_handler.notices.continuation import Continuation
from steady.aws import queue
from steady.aws.runtime import Runtime
from steady.aws.service_out import lease
from steady.aws.service_out.locate import merge_all
from steady.aws.settings import clusters
from steady.service_out.doomed import Doomed, Target
from steady.service_out.stops import Stop
from steady.service_out.timing import hooks_that_hold

Message = queue.Message[Parsed]

# What a step needs before its first stop, in seconds.
BEFORE_STOP_S = 3.0
# The longest that a continuation waits for a step of another chain, in seconds.
WAITS_S = 15.0


@dataclass(frozen=True, slots=True)
class Work:
    """The work on one cluster that a batch of messages asks for.

    Attributes:
        noticed: the instances that a notice of this batch names.
        continued: those that an earlier step has left.
        due: the stops that an earlier step has left.
        leaving: the targets that an earlier step has left.
        leases: the tokens of the leases with which its continuations go on.
        messages: the messages that ask for it.
        spare: whether it is to be done only if the step crashed that has begun it.
        handed_over: the instances that others have handed over to this step.
    """

    cluster: str
    noticed: Sequence[Doomed]
    continued: Sequence[Doomed]
    due: Sequence[Stop]
    leaving: Sequence[Target]
    leases: frozenset[str]
    messages: Sequence[Message]
    spare: bool = False
    handed_over: Sequence[Doomed] = ()

    def doomed(self) -> list[Doomed]:
        """Return all its instances, each once."""
        return merge_all((*self.continued, *self.noticed, *self.handed_over))

    def waits_s(self, now: float) -> float:
        """Return how long the work can wait for a step of another chain.

        That of a continuation: until its next stop, and a sixth of the shortest timeout of its hooks.
        """
        if not all(d.looked_at for d in self.doomed()):
            return lease.SOON_S
        until_stop_s = min((stop.at for stop in self.due), default=now + WAITS_S) - now - BEFORE_STOP_S
        longest_s = min([WAITS_S, *(hook.heartbeat_s / 6 for hook in hooks_that_hold(self.doomed()))])
        return min(longest_s, max(lease.SOON_S, until_stop_s))


def work_asked_for(runtime: Runtime, messages: Sequence[Message], located: Sequence[Doomed]) -> list[Work]:
    """Group the work that a batch asks for by cluster. A cluster that is not managed (any more) has none."""
    found = {d.cluster for d in located}
    continued = {m.value.cluster for m in messages if isinstance(m.value, Continuation)}
    names = found | {cluster for cluster in continued - found if _is_ours(runtime, cluster)}
    works = []
    for name in sorted(names):
        # The spare ones first: a notice would take the lease of a step that crashed, and not know its work.
        works += [_work_on(name, [m], []) for m in messages if _is_spare(m.value) and m.value.cluster == name]
        others = [m for m in messages if not _is_spare(m.value)]
        works.append(_work_on(name, others, [d for d in located if d.cluster == name]))
    return [work for work in works if work.messages]


def _is_spare(value: Parsed) -> TypeGuard[Continuation]:
    return isinstance(value, Continuation) and value.spare


def _work_on(cluster: str, messages: Sequence[Message], noticed: Sequence[Doomed]) -> Work:
    ids = {d.instance_id for d in noticed}
    going_on = [m.value for m in messages if isinstance(m.value, Continuation) and m.value.cluster == cluster]
    asking = [
        m
        for m in messages
        if (isinstance(m.value, Continuation) and m.value.cluster == cluster)
        or any(n.instance_id in ids for n in notices.notices_in(m.value))
    ]
    return Work(
        cluster,
        noticed=noticed,
        continued=merge_all(d for one in going_on for d in one.doomed),
        due=list({stop.arn: stop for one in going_on for stop in one.due}.values()),
        leaving=[target for one in going_on for target in one.leaving],
        leases=frozenset(token for one in going_on for token in one.lease.split()),
        messages=asking,
        spare=any(one.spare for one in going_on),
    )


def _is_ours(runtime: Runtime, cluster: str) -> bool:
    try:
        return clusters.is_managed(runtime, cluster)
    except Exception:
        # While SSM does not answer, a service-out that has begun goes on.
        return True
