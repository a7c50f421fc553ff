"""Reclaims: the instances that Spot takes back at once, what became of their tasks, and who did what, when and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from simulator.outcome import ClusterRecord, Outcome, TakenInstance, TakenTask
from simulator.policies import WHOLE
from simulator.wording import counted

# Notices within this many seconds are one reclaim.
ONE_RECLAIM_S = 60.0


@dataclass(frozen=True, slots=True)
class Event:
    """A step of a story: `after_s` seconds after it began, what happened, and why ("": it says so itself)."""

    after_s: float
    what: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Reclaim:
    """Instances of one cluster that were interrupted together, `at_s` seconds after the start."""

    cluster: str
    policy: str
    at_s: float
    instances: tuple[TakenInstance, ...]

    @property
    def tasks(self) -> list[TakenTask]:
        return [task for instance in self.instances for task in instance.tasks]

    @property
    def killed(self) -> int:
        return sum(task.killed for task in self.tasks)

    @property
    def failed_requests(self) -> int:
        return sum(task.failed_requests for task in self.tasks)


# Why each step is done: by the suite, and by ECS itself. Policies of scaling alone have the suite's service-out.
WHY_OF_SUITE = {
    "draining": "ECS places nothing more here, and starts replacements of the services' tasks elsewhere.",
    "deregistered": "Load balancers send no new requests. Where there is time, a replacement serves first.",
    "sigterm": "Only now are they stopped: the requests in flight have been answered.",
    "batch": "A batch task may end by itself, so it is stopped as late as its stop timeout allows.",
    "by_itself": "They were given the time.",
}
WHY_OF_ECS = {
    "draining": "The agent does this at the notice (ECS_ENABLE_SPOT_INSTANCE_DRAINING).",
    "deregistered": "ECS does this when it stops a task whose replacement is healthy.",
    "sigterm": "ECS stops a task of a service once a replacement is healthy.",
    "batch": "ECS never stops tasks without a service when an instance drains.",
    "by_itself": "Nobody stops them.",
}


def reclaims_of(outcome: Outcome) -> list[Reclaim]:
    """Return the reclaims of all clusters, in the order of their time."""
    found = [reclaim for record in outcome.clusters for reclaim in _reclaims(record, outcome.policy)]
    return sorted(found, key=lambda one: one.at_s)


def _reclaims(record: ClusterRecord, policy: str) -> list[Reclaim]:
    groups: list[list[TakenInstance]] = []
    for instance in sorted(record.taken, key=lambda i: i.noticed_s):
        if groups and instance.noticed_s - groups[-1][0].noticed_s <= ONE_RECLAIM_S:
            groups[-1].append(instance)
        else:
            groups.append([instance])
    return [Reclaim(record.name, policy, group[0].noticed_s, tuple(group)) for group in groups]


def worst(reclaims: Sequence[Reclaim]) -> Reclaim | None:
    """Return the reclaim with the most lost, else with the most instances, else with the most tasks."""
    lost: Callable[[Reclaim], tuple[int, int, int]] = lambda r: (  # noqa: E731
        r.killed + r.failed_requests,
        len(r.instances),
        len(r.tasks),
    )
    return max(reclaims, key=lost, default=None)


def at_the_same_time(reclaim: Reclaim, others: Iterable[Reclaim]) -> Reclaim | None:
    """Return the reclaim of the same cluster that another policy had to stand at that time; None: it had none."""
    same = [o for o in others if o.cluster == reclaim.cluster and abs(o.at_s - reclaim.at_s) <= ONE_RECLAIM_S]
    return min(same, key=lambda o: abs(o.at_s - reclaim.at_s), default=None)


def events(reclaim: Reclaim) -> list[Event]:
    """Return what happened to the instances of a reclaim, step by step."""
    why = WHY_OF_ECS if reclaim.policy in WHOLE else WHY_OF_SUITE
    services = [t for t in reclaim.tasks if t.is_of_service]
    batch = [t for t in reclaim.tasks if not t.is_of_service]
    stopped = [t for t in batch if t.sigterm_s is not None]
    ended = [t for t in batch if t.sigterm_s is None and t.ended_s is not None and not t.killed]
    of_services = [t for t in services if t.sigterm_s is not None]
    steps = [
        _step(reclaim, [i.draining_s for i in reclaim.instances], "instance", "set to DRAINING", why["draining"]),
        _step(reclaim, [t.deregistered_s for t in services], "task", "taken out of the targets", why["deregistered"]),
        _step(reclaim, [t.sigterm_s for t in of_services], "task", "of services told to stop", why["sigterm"]),
        _step(reclaim, [t.sigterm_s for t in stopped], "batch task", "told to stop", why["batch"]),
        _step(
            reclaim,
            [t.ended_s for t in ended],
            "batch task",
            "ended by itself" if len(ended) == 1 else "ended by themselves",
            why["by_itself"],
        ),
    ]
    return sorted([_notice(reclaim, services, batch), *filter(None, steps), *_end(reclaim)], key=lambda e: e.after_s)


def _notice(reclaim: Reclaim, services: Sequence[TakenTask], batch: Sequence[TakenTask]) -> Event:
    return Event(
        0.0,
        f"EC2 says that it takes {counted(len(reclaim.instances), 'instance')} in two minutes: "
        f"{counted(len(services), 'task')} of services and {counted(len(batch), 'batch task')} run there.",
    )


def _step(reclaim: Reclaim, at: Iterable[float | None], noun: str, done: str, why: str) -> Event | None:
    # What scale-in had begun before the notice is no part of the story.
    known = sorted(second - reclaim.at_s for second in at if second is not None and second >= reclaim.at_s)
    if not known:
        return None
    until = f", the last at +{known[-1]:.0f} s" if known[-1] - known[0] >= 1 else ""
    return Event(round(known[0], 1), f"{counted(len(known), noun)} {done}{until}.", why)


def _end(reclaim: Reclaim) -> list[Event]:
    gone = [i.gone_s for i in reclaim.instances if i.gone_s is not None]
    if not gone:
        return []
    last = max((t.ended_s for t in reclaim.tasks if t.ended_s is not None), default=None)
    if reclaim.killed:
        lost = (
            f"{counted(reclaim.killed, 'task')} still ran there and {'was' if reclaim.killed == 1 else 'were'} killed"
        )
    elif last is None:
        lost = "nothing ran there"
    else:
        lost = f"the last task there had ended at +{last - reclaim.at_s:.0f} s"
    noun = "instance" if len(reclaim.instances) == 1 else "instances"
    requests = (
        f"{counted(reclaim.failed_requests, 'request')} lost" if reclaim.failed_requests else "no request was lost"
    )
    # Scale-in may have terminated some of them before.
    return [Event(round(max(gone) - reclaim.at_s, 1), f"EC2 takes the {noun}: {lost}; {requests}.")]
