"""What each look teaches: by how many tasks started and how many waited, each counted once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simulator.world import World
from steady.aws.scaling.started import LAST_COUNTED, keep_started, with_started
from steady.cluster import NOTHING, Size, Started
from steady.scaling.learning import FEWEST_TASKS, NONE_YET, Lately, Learned, Waiting, learn
from steady.scaling.recurrence import DAYS, RECENT, History
from steady.scaling.staffing import Staffing, step
from steady.thresholds import Thresholds
from tests.unit.snapshots import NOW, instance, snapshot

NO_HISTORY = History(RECENT, DAYS, 90)
NOBODY_WAITS = Waiting(0, 0, 0, displaced=False)
FULL = Size(2048, 8000)


def known(**fields: object) -> Learned:
    return Learned(Staffing(0.5, tasks=4), NOW - 60, 1.0, 100.0, NONE_YET)._replace(**fields)


def hourly_burst() -> History:
    """A demand that has risen by three instances at this time of each of five hours."""
    peaks = RECENT
    first = NOW // 3600 * 3600 - 5 * 3600
    for n in range(5 * 20 + int(NOW % 3600) // 180):
        at = first + n * 180
        is_now = int(at) % 3600 // 180 == int(NOW) % 3600 // 180
        peaks = peaks.record(at, Size(4 * 2048, 4 * 8000) if is_now else FULL)
    return History(peaks, DAYS, 90)


@pytest.mark.parametrize("share", [0, 50, 90, 97, 99])
def test_steps_cancel_out_where_the_share_is_met(share: int) -> None:
    late = 100 - share

    assert sum(step(1, 1, share) for _ in range(late)) + sum(step(0, 1, share) for _ in range(share)) == pytest.approx(
        0
    )


def test_a_burst_teaches_as_much_as_thirty_tasks() -> None:
    assert step(100, 100, 97) == pytest.approx(step(30, 30, 97))
    assert step(0, 0, 97) == 0


def test_tasks_that_started_while_others_ended_lower_the_factor() -> None:
    """Four tasks run, as before: but ten have come, and ten have ended."""
    world = replace(snapshot([instance(n, FULL) for n in range(4)]), started=Started(10, 100.0))

    learned = learn(world, known(), NO_HISTORY, NOBODY_WAITS, Thresholds())

    assert learned.staffing.factor == pytest.approx(0.5 + step(0, 10, 97))
    assert learned.started == 110


def test_what_another_process_has_counted_is_not_counted_again() -> None:
    world = replace(snapshot([instance(n, FULL) for n in range(4)]), started=Started(10, 94.0))

    assert learn(world, known(), NO_HISTORY, NOBODY_WAITS, Thresholds()).started == 104


def test_an_expected_burst_teaches_the_cover_and_not_the_spare_capacity() -> None:
    world = replace(snapshot([instance(0, FULL)]), started=Started(30, 100.0))

    at_once = learn(world, known(), hourly_burst(), NOBODY_WAITS, Thresholds())
    late = learn(world, known(), hourly_burst(), Waiting(0, 30, 30, displaced=False), Thresholds())

    assert at_once.staffing.factor == late.staffing.factor == 0.5
    assert at_once.cover == pytest.approx(1 + step(0, 30, 97))
    assert late.cover == pytest.approx(1 + step(30, 30, 97))


def test_with_learning_off_all_tasks_teach_the_spare_capacity() -> None:
    world = replace(snapshot([instance(0, FULL)]), started=Started(30, 100.0))

    learned = learn(world, known(), hourly_burst(), NOBODY_WAITS, Thresholds(learning="off"))

    assert (learned.cover, learned.staffing.factor) == (1.0, 0.5 + step(0, 30, 97))


def test_displaced_tasks_teach_nothing_and_are_counted() -> None:
    world = replace(snapshot([instance(n, FULL) for n in range(4)]), started=Started(10, 100.0))

    learned = learn(world, known(), NO_HISTORY, Waiting(0, 5, 5, displaced=True), Thresholds())

    assert (learned.staffing.factor, learned.cover) == (0.5, 1.0)
    assert learned.lately == NONE_YET.count(10, 5)


def test_the_share_of_the_latest_tasks_is_said_once_there_are_enough() -> None:
    lately = NONE_YET.count(FEWEST_TASKS - 1, 5)
    assert (lately.at_once_percent, lately.shortfall(97)) == (None, 0.0)

    for _ in range(5000):
        lately = lately.count(1, 0.1)

    assert lately.at_once_percent == pytest.approx(90, abs=0.01)
    assert lately.shortfall(97) == pytest.approx(7, abs=0.01)
    assert Lately(200, 300).at_once_percent == 0


def test_a_process_counts_from_its_own_last_look() -> None:
    runtime = World(seed=1).suite.runtime("autoscaler")
    empty, more = (
        snapshot([instance(n, size) for n, size in enumerate(sizes)]) for sizes in ((NOTHING,), (FULL, FULL))
    )
    before, after = (replace(s, cluster="web") for s in (empty, more))
    assert with_started(runtime, before).started is None

    keep_started(runtime, before, 7.0, {"spot": 5.0})

    counted = with_started(runtime, after).started
    assert counted is not None
    assert (counted.tasks, counted.total) == (2, 7.0)
    assert counted.of_pool("spot", ["arn-1"]) == Started(1, 5.0)
    assert counted.of_pool("new", ["arn-1"]) is None
    LAST_COUNTED.drop(runtime, "web")
    assert with_started(runtime, after).started is None
