"""Batch tasks on instances that renewal empties: never stopped before their time, nor beside a task of a service."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from steady.cluster import NOTHING, TaskShape
from steady.scaling.late_batch import ENDS_WITHIN_S, instances_to_read, late_batch_tasks
from steady.scaling.renewal_progress import RenewalProgress
from steady.scaling.state import ScalingState
from steady.thresholds import Thresholds
from tests.unit.snapshots import instance, snapshot

NOW = 100_000.0


@given(
    since=st.floats(0, NOW),
    limit=st.integers(0, 200_000),
    draining=st.booleans(),
    has_service=st.booleans(),
    pinned=st.booleans(),
    doomed=st.booleans(),
)
def test_batch_tasks_are_late_only_after_their_time_and_alone(
    since: float, limit: int, *, draining: bool, has_service: bool, pinned: bool, doomed: bool
) -> None:
    old = instance(1, tasks=2, draining=draining)
    seen = replace(
        snapshot([old], at=NOW),
        bound_since={old.arn: 0.0},
        tasks_of={old.arn: (TaskShape(NOTHING),) if has_service else ()},
        pinned=frozenset([old.arn] if pinned else []),
    )
    state = ScalingState(renewal=RenewalProgress(old={old.arn: since}), doomed={"i-1": NOW} if doomed else {})
    thresholds = Thresholds(renew_batch_seconds=limit)

    late = late_batch_tasks(seen, state, thresholds)

    is_due = limit > 0 and NOW - since >= limit and draining and not doomed
    assert bool(late) == (is_due and not has_service and not pinned)
    assert bool(instances_to_read(seen, state, thresholds)) == is_due
    assert all(end == since + limit + ENDS_WITHIN_S for end in late.values())
