"""Do what an earlier step has left while this one reads: make the stops that are due, deregister targets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from steady.api_budget.limits import DEREGISTER_BUCKET
from steady.aws.ecs.tasks import Stopped, stop_tasks
from steady.aws.pace import pace_of
from steady.aws.runtime import Result, Runtime
from steady.aws.service_out import targets
from steady.service_out.doomed import Target
from steady.service_out.stops import Stop


@dataclass
class Leaving:
    """The targets that an earlier step has left to deregister: this step deregisters them whatever else it does.

    With a hundred target groups, ELB's rate takes longer than a step. The look that found them has taken up to 20 s: to
    find them again would take as long.

    Attributes:
        targets: those that were left.
        left_at: when each of them was deregistered, in seconds since the epoch, as far as they were.
        is_over: whether no more of them are deregistered in this step.
    """

    targets: frozenset[Target] = frozenset()
    left_at: dict[Target, float] = field(default_factory=dict)
    is_over: bool = True

    def still(self) -> frozenset[Target]:
        """Return the targets that have not been deregistered."""
        return self.targets.difference(list(self.left_at))


def deregister_meanwhile(
    runtime: Runtime, left: Iterable[Target], latest: float, work: Callable[[Leaving], Result]
) -> Result:
    """Do `work`, and deregister meanwhile the targets that an earlier step has `left`, until the time `latest`.

    The caller has made the clients that `work` uses.
    """
    leaving = Leaving(frozenset(left))
    if not leaving.targets:
        return work(leaving)
    leaving.is_over = False

    def deregister() -> None:
        try:
            targets.deregister(runtime, leaving.targets, latest, partial(note_left, runtime, leaving.left_at))
        finally:
            leaving.is_over = True

    targets.make_clients(runtime, leaving.targets)
    pace_of(runtime, DEREGISTER_BUCKET).begin_without_burst()
    return runtime.side_by_side(lambda: work(leaving), deregister)[0]


def stop_meanwhile(
    runtime: Runtime, cluster: str, due: Sequence[Stop], reason: str, latest: float, work: Callable[[], Result]
) -> tuple[Result, Stopped]:
    """Do `work`, and make the stops that are `due` for as long as it takes, and not after `latest`.

    The caller has made the clients that `work` uses.
    """
    if not due:
        return work(), Stopped()
    _ = runtime.ecs_once
    return runtime.work_beside(work, partial(stop_tasks, runtime, cluster, due, reason, latest))


def note_left(runtime: Runtime, left_at: dict[Target, float], batch: Sequence[Target]) -> None:
    """Note in `left_at` that the targets of `batch` have just been deregistered."""
    left_at.update(dict.fromkeys(batch, runtime.now()))
