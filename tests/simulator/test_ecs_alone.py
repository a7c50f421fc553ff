"""What ECS does by itself, as the demo's other side."""

from __future__ import annotations

from simulator.policies import ecs_alone
from simulator.prices import dollars
from simulator.report.difference import sentences
from simulator.simulation import Scenario, simulate
from simulator.workload import synthetic
from simulator.world import World

FIGURES = {
    "tasks_killed_in_service": 0,
    "failed_requests": 1,
    "unserved_requests": 2,
    "wait_seconds": {"total": 600.0, "p95": 30.0},
    "instance_hours_by": {"on-demand": {"m5.2xlarge": 10.0}, "spot": {"m5.2xlarge": 20.0}},
}


def test_nothing_of_the_suite_hears_of_anything() -> None:
    hours = 2.0
    outcome = simulate(ecs_alone.NAME, Scenario(synthetic.day(hours, 0), hours, 0))

    assert outcome.log_lines == ()
    assert outcome.figures["unplaced_tasks"] == 0, "managed scaling makes room"


def test_ecs_drains_an_instance_of_a_group_under_its_own_hook_and_lets_it_go() -> None:
    world = World(seed=1, scaling=False)
    web = world.group_cluster("web", 3)
    web.service("api", 3, cpu=64, requests_per_s=1)
    world.run(60)
    ecs_alone.start(web, list)
    [doomed, *_] = web.ec2_instances()

    world.account.groups.fail(doomed)
    world.run(300)

    assert not doomed.alive
    assert len(web.running()) == 3
    assert (world.account.killed_tasks, world.account.balancing.failed_requests) == (0, 0)


def test_at_a_spot_notice_ecs_drains_and_stops_nothing_itself() -> None:
    world = World(seed=1, scaling=False)
    fleet = world.spot_cluster("web", 2)
    fleet.batch_task(fleet.instances()[0], run_s=3600)
    world.run(60)
    ecs_alone.start(fleet, list)

    fleet.reclaim()
    world.run(119)
    assert [task.stopping for task in fleet.tasks()] == [False]

    world.run(30)
    assert world.account.killed_tasks == 1


def test_the_difference_counts_what_found_no_target_and_prices_spot_apart() -> None:
    worse = {**FIGURES, "tasks_killed_in_service": 7, "failed_requests": 1000}

    lost, waited, paid = sentences(FIGURES, worse)

    assert "Lost: 3 requests and 0 tasks with ecs-steady; 1,002 requests and 7 tasks" in lost
    assert "Waited: tasks waited 10 minutes in all for an instance with room" in waited
    assert dollars(FIGURES["instance_hours_by"]) == round(0.384 * (10 + 0.4 * 20), 2)
    assert "10.0 on-demand and 20.0 Spot hours" in paid
