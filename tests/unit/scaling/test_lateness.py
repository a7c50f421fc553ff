"""Lateness: tasks that wait for longer than two boots count, whatever the cause."""

from dataclasses import replace

from steady.scaling.decision import decide
from steady.scaling.demand import Demand
from steady.scaling.lateness import late_tasks
from steady.thresholds import Thresholds
from tests.unit.snapshots import INSTANCE, NOW, instance, service, snapshot, state

# A boot is taken to last 180 s while none was seen.
LONG, SHORT = NOW - 361, NOW - 359


def test_tasks_of_services_and_of_launchers_count_after_two_boots() -> None:
    world = snapshot([instance(0, INSTANCE)], services=[service("old", 3), service("new", 2)])
    times = {"old": (LONG, NOW), "new": (SHORT, NOW), "gone": (LONG, LONG)}
    runs = [Demand(key, INSTANCE, *said_at) for key, said_at in times.items()]

    assert late_tasks(world, state(*runs, drift_since={"old": LONG, "new": SHORT})) == 3 + 1


def test_slower_boots_make_it_later() -> None:
    world = snapshot([instance(0, INSTANCE)], services=[service("old", 3)])

    assert late_tasks(world, state(drift_since={"old": LONG}, boots_s=(300.0,))) == 0


def test_awss_words_are_a_reason_only_while_the_pool_is_short() -> None:
    world = snapshot([instance(0)], target=2)
    short = replace(world, pool=replace(world.pool, trouble="no capacity"))
    held = replace(short, pool=replace(short.pool, target=1))

    said = [str(reason) for reason in decide(short, state(), Thresholds()).reasons]
    assert "the pool is 1 units short of its target: no capacity" in said
    assert not any("short" in str(reason) for reason in decide(held, state(), Thresholds()).reasons)
