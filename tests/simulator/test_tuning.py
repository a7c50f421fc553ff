"""The search for thresholds: what no other beats is kept, and the cheapest that waits little enough is chosen."""

from __future__ import annotations

from simulator.simulation import Scenario
from simulator.tuning import Tried, chosen, front, search, settings
from simulator.workload.plan import ClusterPlan, Job
from steady.cluster import Size
from steady.pools import PoolKind
from steady.thresholds import THRESHOLDS


def tried(wait_s: float, hours: float, unplaced: int = 0, share: int = 97) -> Tried:
    return Tried({"start_at_once_share": share}, 0.0, wait_s, wait_s / 10, hours, unplaced)


def test_every_candidate_is_a_value_that_its_threshold_allows() -> None:
    wanted = settings()

    assert len(wanted) == 6 * 3 * 2
    for setting in wanted:
        assert setting["cpu_reservation_high"] == setting["memory_reservation_high"]
        for name, value in setting.items():
            assert THRESHOLDS[name].parse(str(value), name) == value


def test_what_another_beats_is_left_out() -> None:
    fast, cheap, between = tried(0, 120), tried(200, 100), tried(60, 110)
    beaten, same, left_out = tried(60, 111), tried(60, 110, share=90), tried(0, 90, unplaced=1)

    assert front([beaten, cheap, same, fast, between, left_out])[:1] == [left_out]
    assert front([beaten, cheap, fast, between]) == [fast, between, cheap]
    assert len(front([same, between])) == 1


def test_the_cheapest_that_waits_little_enough_is_chosen() -> None:
    best = [tried(0, 120), tried(60, 110), tried(200, 100)]

    assert chosen(best, wait_s=60).instance_hours == 110
    assert chosen(best, wait_s=1000).instance_hours == 100
    assert chosen(best[1:], wait_s=10).wait_p95_s == 60, "none waits so little: the one that waits the least"


def test_the_search_simulates_each_setting_on_the_work_that_is_given() -> None:
    burst = tuple(Job(600 * k, "batch", Size(1024, 2048), 300) for k in range(12) for _ in range(3))
    plan = ClusterPlan("batch", PoolKind.SPOT_FLEET, "m5.large", jobs=burst)
    wanted = settings({"scale_in_after_seconds": (60, 1800)})
    ended: list[int] = []

    found = list(search(Scenario((plan,), hours=2), wanted, at_once=2, done=lambda: ended.append(1)))

    assert len(found) == len(ended) == 2
    hasty, patient = sorted(found, key=lambda one: one.thresholds["scale_in_after_seconds"])
    assert patient.instance_hours > hasty.instance_hours
    assert patient.wait_mean_s < hasty.wait_mean_s
