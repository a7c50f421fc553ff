"""When each task is stopped: after the requests to its own targets, and where not all can be stopped in time."""

from __future__ import annotations

import pytest

from steady.cluster import InstanceStatus
from steady.service_out.doomed import Doomed, DoomedTask, Seen, Target, TaskKind
from steady.service_out.stopping import to_stop

DEADLINE = 120.0
DRAIN_S = 20.0
TARGET = Target("group", "i-1", 32768)


@pytest.mark.parametrize(("instances", "is_early"), [(100, False), (500, True)])
def test_batch_tasks_use_the_calls_that_nothing_else_may_use_yet_where_not_all_can_be_stopped_in_time(
    instances: int, *, is_early: bool
) -> None:
    # The targets of the services have just left: nothing of theirs is stopped for the next 20 s.
    fleet = [
        Doomed(f"i-{n}", "web", DEADLINE, f"arn-{n}", looked_at=True, deregistered_at=5.0) for n in range(instances)
    ]
    kinds = [TaskKind.SERVICE] * 8 + [TaskKind.BATCH]
    tasks = [
        DoomedTask(f"{n}-{slot}", f"arn-{n}", kind, 30, frozenset({TARGET} if kind is TaskKind.SERVICE else ()))
        for n in range(instances)
        for slot, kind in enumerate(kinds)
    ]
    seen = {d.container_instance_arn: Seen(InstanceStatus.DRAINING, 9) for d in fleet}

    stops = to_stop(fleet, seen, tasks, DRAIN_S, now=5.0)
    soonest = {stop.arn for stop in stops if stop.at <= 5.0}

    assert bool(soonest) == is_early
    assert all(arn.endswith("-8") for arn in soonest)


def test_a_task_waits_for_its_own_targets_and_not_for_the_last_of_its_instance() -> None:
    first, last = Target("group-1", "i-1", 32768), Target("group-2", "i-1", 32769)
    tasks = [
        DoomedTask("first", "arn-1", TaskKind.SERVICE, 30, frozenset({first})),
        DoomedTask("last", "arn-1", TaskKind.SERVICE, 30, frozenset({last})),
    ]
    left = Doomed("i-1", "web", DEADLINE, "arn-1", looked_at=True, deregistered_at=18.0)
    seen = {"arn-1": Seen(InstanceStatus.DRAINING, 2)}

    stops = to_stop([left], seen, tasks, DRAIN_S, now=18.0, left_at={first: 6.0, last: 18.0})

    assert {stop.arn: stop.at for stop in stops} == {"first": 26.0, "last": 38.0}
