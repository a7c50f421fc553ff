"""Bring together the doomed instances of one step: those it was asked for, and those that are handed over meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from interruption_handler.coming_back import mark
from interruption_handler.environment import Environment
from interruption_handler.notices import continuation
from steady.aws.runtime import Runtime
from steady.aws.service_out import lease
from steady.aws.service_out.crowd import Crowd
from steady.aws.service_out.first_drain import drain_fresh
from steady.aws.service_out.locate import merge_all, with_container_instances
from steady.cluster import ContainerInstance
from steady.service_out.doomed import Doomed
from steady.service_out.marking import marks_of, still_doomed

# How often a step takes in what was handed over while it drained others. What comes later waits for the next step.
TIMES = 6


@dataclass(frozen=True, slots=True)
class Joined:
    """The doomed instances of a step. From now on ECS places no more tasks on them.

    Attributes:
        held: the step's lease, with the mail that `doomed` is from.
        drained: the container instances that this step has drained, as the answers describe them.
        unreadable: instances of which ECS refused to say whether they have registered: the next step asks again.
    """

    held: lease.Lease
    doomed: Sequence[Doomed] = ()
    drained: Sequence[ContainerInstance] = ()
    unreadable: Sequence[Doomed] = ()

    def fresh(self) -> list[Doomed]:
        """Return the instances that no step has looked at."""
        return [d for d in self.doomed if not d.looked_at]


def join(
    runtime: Runtime, environment: Environment, cluster: str, doomed: Sequence[Doomed], held: lease.Lease, crowd: Crowd
) -> Joined:
    """Drain `doomed`, and what is handed over meanwhile.

    Args:
        doomed: with what was handed over to `held` when it was taken.
        crowd: is told what was drained, as soon as it was.
    """
    joined = Joined(held)
    coming = list(doomed)
    for left in reversed(range(TIMES)):
        crowd.expect(sum(not d.looked_at for d in coming))
        more = _drain(runtime, environment, cluster, coming)
        crowd.add(more.doomed, more.drained, runtime.now())
        known, drained = merge_all((*joined.doomed, *more.doomed)), (*joined.drained, *more.drained)
        unreadable = merge_all((*joined.unreadable, *more.unreadable))
        joined = replace(joined, doomed=known, drained=drained, unreadable=unreadable)
        # In a chain that goes on, what comes meanwhile waits for the next step.
        if not left or not more.fresh():
            break
        renewed = lease.renew(runtime, environment.ledger_table, cluster, joined.held)
        coming = handed_over(runtime, cluster, sorted({*renewed.mail} - {*joined.held.mail}))
        joined = replace(joined, held=renewed)
        if not coming:
            break
    return joined


def _drain(runtime: Runtime, environment: Environment, cluster: str, doomed: Sequence[Doomed]) -> Joined:
    found, read, unreadable = with_container_instances(runtime, cluster, doomed)
    # Before the drain: after a crash between the two, the next try still knows whose drain it is.
    mark(runtime, environment.queue_url, cluster, marks_of(found, read))
    # A notice that comes after its own end wakes nobody.
    going = still_doomed(found, read)
    going = [replace(d, mark=None if d.container_instance_arn else d.mark) for d in going]
    fresh = [d for d in going if not d.looked_at]
    if not fresh:
        return Joined(lease.Lease(), going, unreadable=unreadable)
    # Before anything that takes time.
    begun, drained = drain_fresh(runtime, cluster, fresh, read)
    return Joined(lease.Lease(), [*(d for d in going if d.looked_at), *begun], drained, unreadable)


def handed_over(runtime: Runtime, cluster: str, mail: Iterable[str]) -> list[Doomed]:
    """Return the instances of `mail`. One that cannot be read, as of another release, keeps no other from its step."""
    found = []
    for text in mail:
        try:
            found.append(continuation.decode(text, cluster))
        except Exception as error:
            runtime.telemetry.error(f"cluster {cluster}: {text!r} was handed over, not readable: {error!r}")
    return merge_all(found)
