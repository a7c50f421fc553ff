"""Whole runs: the contract's figures, the same for the same seed, and the promises of the synthetic day."""

from __future__ import annotations

from dataclasses import replace

import pytest
from markupsafe import escape

from simulator import report
from simulator.bench.interruption import interruption
from simulator.bench.reclaim_matrix import broken_promises
from simulator.bench.tick import tick
from simulator.outcome import Outcome
from simulator.peers import HANDLINGS
from simulator.policies import NoSuchPolicy
from simulator.report.decisions import decisions_of
from simulator.simulation import Scenario, simulate
from simulator.timing import Timing
from simulator.workload import synthetic

AS_AWS = Timing.as_aws()
CONTRACT = {
    "policy",
    "tasks",
    "unplaced_tasks",
    "wait_seconds",
    "instance_hours",
    "lower_bound_instance_hours",
    "interruptions",
    "tasks_killed_in_service",
    "failed_requests",
    "api_calls",
    "throttled",
    "simulated_hours",
    "wall_seconds",
}


@pytest.fixture(scope="module")
def day() -> Outcome:
    return simulate("steady", Scenario(synthetic.day(12, 0), 12, 0))


def test_no_request_fails_and_no_task_is_killed_in_the_synthetic_day(day: Outcome) -> None:
    assert day.figures["interruptions"] > 0
    assert day.figures["failed_requests"] == 0
    assert day.figures["tasks_killed_in_service"] == 0
    assert day.figures["unplaced_tasks"] == 0


def test_nothing_goes_wrong_in_the_synthetic_day(day: Outcome) -> None:
    assert [line.message for line in day.log_lines if line.level == "error"] == []
    assert day.figures["throttled"] == 0


def test_the_figures_are_the_contracts(day: Outcome) -> None:
    assert set(day.figures) >= CONTRACT
    assert set(day.figures["wait_seconds"]) == {"p50", "p95", "p99", "max", "total"}
    assert all(":" in name for name in day.figures["api_calls"])


def test_no_policy_is_under_the_lower_bound(day: Outcome) -> None:
    assert day.figures["instance_hours"] >= day.figures["lower_bound_instance_hours"] > 0


def test_the_page_shows_every_cluster_and_its_decisions_without_a_network(day: Outcome) -> None:
    page = report.page([day])

    assert "Cluster web" in page
    assert "Cluster batch" in page
    assert "+1 instance" in page
    assert 'src="http' not in page


def test_every_decision_that_changed_something_is_on_the_page_with_what_was_seen_wanted_and_done(day: Outcome) -> None:
    page = report.page([day])

    decisions = [d for d in decisions_of(day) if d.changed]
    assert page.count('role="option"') == len(decisions) > 0
    grown = next(d for d in decisions if d.kind == "out")
    assert all(f"<li>{escape(reason)}</li>" in page for reason in grown.reasons)
    assert f"<b>{escape(grown.done)}</b>" in page
    assert str(escape(grown.seen)) in page


def test_the_calls_of_each_minute_are_kept_by_bucket(day: Outcome) -> None:
    total = sum(count for sample in day.calls for count in sample.by_bucket.values())

    counted = sum(n for name, n in day.figures["api_calls"].items() if name.startswith("ecs:"))
    assert total == counted


def test_names_from_a_trace_cannot_become_markup(day: Outcome) -> None:
    named = replace(day, policy="<script>alert(1)</script>")

    assert "<script>alert(1)</script>" not in report.page([named])


@pytest.mark.parametrize("policy", ["steady", "cookpad-2018"])
def test_the_same_seed_gives_the_same_run(policy: str) -> None:
    scenario = Scenario(synthetic.day(3, 5), 3, 5)

    one, two = (simulate(policy, scenario).figures for _ in range(2))

    assert {k: v for k, v in one.items() if k != "wall_seconds"} == {
        k: v for k, v in two.items() if k != "wall_seconds"
    }


def test_an_unknown_policy_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(NoSuchPolicy, match="steady, cookpad-2018"):
        simulate("guess", Scenario(synthetic.day(1, 0), 1))


def test_of_all_who_handle_the_same_reclaim_the_suite_loses_least() -> None:
    ours, *others = (interruption(instances=40, tasks=9, handling=name, timing=AS_AWS) for name in HANDLINGS)

    for theirs in others:
        # Who never deregisters a target fails its requests, and has none that find no target.
        for count in ("tasks_killed_in_service", "failed_requests"):
            assert ours[count] <= theirs[count], f"{count} of {theirs['handling']}"
    assert others[0]["failed_requests"] > 0, "the others lose requests, or nothing was compared"


@pytest.mark.parametrize("instances", [1, 20, 100])
def test_its_calls_are_near_the_fewest_that_there_can_be(instances: int) -> None:
    figures = interruption(instances, tasks=9)

    assert figures["api_calls_floor"] <= figures["api_calls_total"]
    if instances == 100:
        assert figures["api_calls_total"] <= 1.35 * figures["api_calls_floor"]


@pytest.mark.parametrize("seed", [0, 3])
def test_at_aws_limit_no_more_is_lost_than_must_be(seed: int) -> None:
    figures = interruption(instances=500, tasks=9, seed=seed, timing=AS_AWS)

    assert figures["api_calls_total"] <= 1.25 * figures["api_calls_floor"]
    assert figures["deregistered_s"] <= 30
    assert not broken_promises(figures)


def test_its_own_calls_do_not_grow_with_the_pollers_of_its_queue() -> None:
    def calls(pollers: int) -> int:
        found = interruption(instances=100, tasks=9, timing=Timing.as_aws(pollers=pollers))["api_calls"]
        # What each batch needs to know whose instances it has, and to hand them over.
        handed_over = ("dynamodb:UpdateItem", "ec2:DescribeInstances", "ssm:GetParametersByPath")
        return sum(count for name, count in found.items() if name not in handed_over)

    assert calls(pollers=10) <= 1.15 * calls(pollers=1)


def test_a_whole_fleet_is_served_out() -> None:
    figures = interruption(instances=20, tasks=9)

    assert figures["tasks"] == 180
    assert figures["stopped_s"] <= 120
    assert figures["tasks_killed_in_service"] == 0
    assert figures["failed_requests"] == 0
    assert set(figures) >= {
        "deregistered_s",
        "stopped_s",
        "tasks",
        "tasks_killed_in_service",
        "failed_requests",
        "api_calls",
        "throttled",
    }


def test_a_tick_of_a_cluster_that_rests_reads_each_thing_once_in_the_largest_batches() -> None:
    figures = tick(instances=250, services=40, tasks=1000)

    assert {"seconds", "peak_mib", "api_calls"} <= set(figures)
    assert figures["seconds"] > 0
    assert figures["peak_mib"] > 0
    calls = figures["api_calls"]
    # 100 instances and 10 services a call, 100 services a page.
    assert calls["ecs:ListContainerInstances"] == calls["ecs:DescribeContainerInstances"] == 3
    assert calls["ecs:DescribeServices"] == 4
    assert calls["ecs:ListServices"] == 1
    assert not any(name.endswith(("StopTask", "SetDesiredCapacity", "DescribeTasks")) for name in calls)
