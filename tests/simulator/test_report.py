"""What the report tells of a run: reclaims, waits and the day, as values."""

from __future__ import annotations

import json
from typing import Any

import pytest

from simulator.outcome import ClusterRecord, LateStart, Outcome, Sample, TakenInstance, TakenTask
from simulator.report import day, details, vega
from simulator.report.decisions import Decision, within
from simulator.report.difference import at_once, cut_short, introduction
from simulator.report.moments import stories
from simulator.report.palette import DARK, LIGHT, filled
from simulator.report.reclaim_chart import states
from simulator.report.reclaims import events, reclaims_of, worst
from simulator.report.waits import bursts_of, largest_burst, longest_wait, place_of_name
from steady.pools import PoolKind

FIGURES: dict[str, Any] = {"simulated_hours": 1.0, "api_calls": {}}


def task(**changes: Any) -> TakenTask:
    """A task of a service that was on an instance with a notice at 100 s, and left it in good order."""
    values = {"name": "api", "placed_s": 0.0, "deregistered_s": 102.0, "sigterm_s": 116.0, "ended_s": 120.0}
    return TakenTask(**{**values, "killed": False, "failed_requests": 0, "is_of_service": True, **changes})


def instance(name: str, *tasks: TakenTask, at: float = 100.0) -> TakenInstance:
    return TakenInstance(f"i-{name}", at, at + 1.5, at + 120.0, tasks)


def outcome(record: ClusterRecord, policy: str = "steady") -> Outcome:
    record.samples = record.samples or [Sample(60.0 * n, 5, 4, 3.0, 50.0, 40.0, 0) for n in range(1, 61)]
    return Outcome(policy, dict(FIGURES), (record,), (), 0.0, {})


def record(**values: Any) -> ClusterRecord:
    return ClusterRecord("batch", PoolKind.SPOT_FLEET, "m5.large", **values)


def test_notices_of_one_minute_are_one_reclaim_and_each_instance_counts_once() -> None:
    taken = (instance("a", task()), instance("b", task(), at=130.0), instance("c", task(), at=500.0))

    found = reclaims_of(outcome(record(taken=taken)))

    assert [(r.at_s, len(r.instances)) for r in found] == [(100.0, 2), (500.0, 1)]


def test_the_worst_reclaim_is_the_one_that_lost_most_and_else_the_largest() -> None:
    large = (instance("a", task()), instance("b", task()))
    killed = instance("c", task(killed=True), at=500.0)

    assert worst(reclaims_of(outcome(record(taken=large)))) is not None
    found = worst(reclaims_of(outcome(record(taken=(*large, killed)))))
    assert found
    assert found.at_s == 500.0
    assert worst([]) is None


def test_a_reclaim_is_told_from_the_notice_to_the_end_in_the_order_of_time() -> None:
    batch = task(name="cron", is_of_service=False, deregistered_s=None, sigterm_s=182.0, ended_s=190.0)
    spared = task(name="cron", is_of_service=False, deregistered_s=None, sigterm_s=None, ended_s=150.0)
    [reclaim] = reclaims_of(outcome(record(taken=(instance("a", task(), task(deregistered_s=104.0), batch, spared),))))

    told = events(reclaim)

    assert [(e.after_s, e.what) for e in told] == [
        (0.0, "EC2 says that it takes 1 instance in two minutes: 2 tasks of services and 2 batch tasks run there."),
        (1.5, "1 instance set to DRAINING."),
        (2.0, "2 tasks taken out of the targets, the last at +4 s."),
        (16.0, "2 tasks of services told to stop."),
        (50.0, "1 batch task ended by itself."),
        (82.0, "1 batch task told to stop."),
        (120.0, "EC2 takes the instance: the last task there had ended at +90 s; no request was lost."),
    ]
    assert all(e.why for e in told[1:-1])


def test_what_a_reclaim_costs_is_said() -> None:
    killed = task(sigterm_s=None, ended_s=220.0, killed=True, failed_requests=7)
    [reclaim] = reclaims_of(outcome(record(taken=(instance("a", killed),)), "ecs-alone"))

    assert events(reclaim)[-1].what == "EC2 takes the instance: 1 task still ran there and was killed; 7 requests lost."


def test_the_states_of_a_task_follow_each_other() -> None:
    assert states(task(), 100.0) == [("serving", -8.0, 2.0), ("targets draining", 2.0, 16.0), ("stopping", 16.0, 20.0)]
    batch = task(deregistered_s=None, sigterm_s=None, ended_s=None)
    assert states(batch, 100.0) == [("serving", -8.0, 126.0)]


def test_tasks_that_came_together_are_one_burst() -> None:
    late = (
        LateStart(200.0, 100.0, "cron"),
        LateStart(210.0, 108.0, "cron"),
        LateStart(900.0, 300.0, "api"),
    )
    bursts = bursts_of(outcome(record(late=late)))

    assert [(b.at_s, len(b.tasks)) for b in bursts] == [(100.0, 2), (600.0, 1)]
    assert (largest := largest_burst(bursts))
    assert (longest := longest_wait(bursts))
    assert (largest.at_s, longest.longest_s) == (100.0, 300.0)


def test_each_moment_has_a_side_for_each_policy() -> None:
    late = (LateStart(200.0, 100.0, "cron"), LateStart(210.0, 108.0, "cron"))
    ours = outcome(record(taken=(instance("a", task()),), late=late))
    theirs = outcome(
        record(taken=(instance("z", task(killed=True)),), late=(LateStart(500.0, 400.0, "cron"),)), "ecs-alone"
    )

    told = stories([theirs, ours])

    assert [story.key for story in told] == ["reclaim", "burst", "wait"]
    assert all([side.policy for side in story.sides] == ["steady", "ecs-alone"] for story in told)
    assert "1 task killed" in told[0].sides[1].summary
    assert "400 s" in told[1].sides[1].summary


def test_a_quiet_run_has_no_moments() -> None:
    assert stories([outcome(record())]) == []


def test_a_long_run_is_thinned_and_keeps_its_peaks() -> None:
    samples = [Sample(60.0 * n, 5, 4, 3.0, 50.0, 40.0, 99 if n == 7777 else 0) for n in range(1, 20_001)]

    shown = day.thinned(samples)

    assert len(shown) <= day.MOST_SAMPLES
    assert max(s.waiting_tasks for s in shown) == 99


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_every_colour_of_a_chart_is_in_both_palettes(palette: dict[str, str]) -> None:
    run = outcome(record(taken=(instance("a", task(killed=True)),)))
    chart = details.reservation_chart(run, run.clusters[0])

    svg = vega.svg(json.loads(filled(json.dumps({**chart, "width": 600}), palette)))

    assert "var(--" not in svg
    assert palette["cpu"] in svg


def test_it_says_how_many_tasks_started_at_once_and_that_bursts_are_not_learned_from() -> None:
    late = tuple(LateStart(200.0 + n / 10, 100.0, "cron") for n in range(31))
    run = outcome(record(late=(*late, LateStart(2000.0, 90.0, "api"))))
    run.figures["started_at_once_percent"] = 80.0

    assert at_once(run) == (
        "Started at once: 80 % of the tasks (asked: 97 %). Of the 32 that waited, 31 came with more than 30 at once: "
        "spare capacity is learned from 30 of a burst at most."
    )
    quiet = outcome(record())
    quiet.figures["started_at_once_percent"] = 99.0
    assert at_once(quiet) == "Started at once: 99 % of the tasks (asked: 97 %)."


def test_batch_tasks_that_a_reclaim_cut_short_are_counted_for_each_policy() -> None:
    batch = {"name": "cron", "is_of_service": False, "deregistered_s": None}
    told, killed = task(**batch), task(**batch, sigterm_s=None, killed=True)
    done = task(**batch, sigterm_s=None)
    ours = outcome(record(taken=(instance("a", told, done, task()),)))
    theirs = outcome(record(taken=(instance("z", killed, done),)), "ecs-alone")

    assert cut_short([ours, theirs]) == (
        "Batch tasks that a reclaim ended before they were done: with ecs-steady, 1 with SIGTERM and time to stop, and "
        "0 killed; with ECS alone, 0 with SIGTERM and time to stop, and 1 killed. All are run again."
    )


def test_ec2_takes_the_instances_when_the_last_is_gone_though_scale_in_had_terminated_one_before() -> None:
    terminated = TakenInstance("i-a", 100.0, 101.5, 102.0, ())
    [reclaim] = reclaims_of(outcome(record(taken=(terminated, instance("b", task())))))

    [end] = [e for e in events(reclaim) if e.what.startswith("EC2 takes")]

    assert end.after_s == 120.0


def test_the_page_says_first_what_ran_and_where() -> None:
    taken = (instance("a", task()), instance("b", task()), instance("c", task(), at=500.0))
    runs = [outcome(record(taken=taken)), outcome(record(taken=taken[:1]), "ecs-alone")]

    assert introduction(runs) == (
        "The same work ran with ecs-steady, then with ECS alone, on a simulated AWS account: cluster batch (a Spot "
        "Fleet of m5.large). Spot took instances back 2 times."
    )
    assert introduction([outcome(record())]).startswith("The work ran with ecs-steady, on a simulated AWS account")


def test_the_names_of_two_lines_that_rise_together_stand_above_and_below() -> None:
    ours = [(0.0, 0), (2.0, 80), (90.0, 85), (120.0, 0)]
    theirs = [(0.0, 0), (3.0, 93), (200.0, 0)]

    assert place_of_name([ours, theirs], 0) == ((2.0, 80), False)
    assert place_of_name([ours, theirs], 1) == ((3.0, 93), True)
    assert place_of_name([ours], 0) == ((2.0, 85), True)


def test_a_story_tells_a_decision_that_is_repeated_once() -> None:
    decided = [
        Decision(at_s, "batch", "", (), done, "out", changed=True)
        for at_s, done in ((6.0, "target 9 to 13"), (9.0, "target 9 to 13"), (20.0, "target 13 to 9"), (999.0, "late"))
    ]

    assert [d.at_s for d in within(decided, "batch", 0.0, 120.0)] == [6.0, 20.0]
    assert within(decided, "web", 0.0, 120.0) == []
