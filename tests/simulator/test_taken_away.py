"""Instances that are taken away for each reason, with each kind of service: what is promised, and what can break it."""

from __future__ import annotations

from typing import Any

import pytest

from infra.fitness import longest_delay_s
from simulator.bench import taken_away, taken_services
from simulator.bench.taken_away import Run, broken_promises, measure
from simulator.bench.taken_services import SERVICES
from simulator.peers import HANDLINGS
from simulator.world import World
from steady.service_out import drain

FEW = 2
NOTHING_LOST: dict[str, Any] = {
    "reason": "hook",
    "room": False,
    "tasks_killed_in_service": 0,
    "failed_requests": 0,
    "killed_unavoidable": 0,
    "failed_unavoidable": 0,
    "stopped_in_service": 0,
    "stopped_unavoidable": 0,
    "stopped_early": 0,
    "batch_cut_short": 0,
    "instances_held_empty": 0,
    "unserved_requests": 0,
    "unserved_unavoidable": 0,
    "seconds_avoidable": 0.0,
    "capacity_lost": 0,
}
# Under a hook, each kind; for the other reasons, those that differ most.
WITH_TIME = [("hook", kind) for kind in SERVICES]
WITH_TIME += [(reason, kind) for reason in ("health", "rebalance") for kind in ("rolling", "lattice", "single-task")]


@pytest.mark.parametrize("room", [True, False], ids=["room", "no room"])
@pytest.mark.parametrize("services", SERVICES)
def test_on_spot_nothing_is_lost_that_could_be_kept_whatever_the_services_kind(services: str, *, room: bool) -> None:
    figures = measure(Run(FEW, services, room=room))

    assert figures["broken"] == []
    assert figures["tasks_killed_in_service"] == 0
    # Without room ECS replaces nothing; with room, it does not wait for the clients of Cloud Map.
    if services != "nlb" and services != {True: "cloud-map", False: "lattice"}[room]:
        lost = (figures["failed_requests"], figures["stopped_in_service"], figures["stopped_unavoidable"])
        assert lost == (0, 0, 0)


@pytest.mark.parametrize(
    ("services", "instances", "groups", "stop_timeout_s", "pollers", "seed"),
    [("rolling", 3, 8, 16, 1, 2), ("code-deploy", 2, 1, 13, 1, 7), ("external", 3, 2, 7, 1, 0)],
)
def test_a_replacement_that_is_not_healthy_does_not_let_the_last_target_of_a_later_notice_leave(
    services: str, instances: int, groups: int, stop_timeout_s: int, pollers: int, seed: int
) -> None:
    timing = {"exits": (2, stop_timeout_s - 1), "pollers": pollers}
    run = Run(instances, services, seed=seed, room=True, groups=groups, stop_timeout_s=stop_timeout_s, timing=timing)

    assert measure(run)["broken"] == []


def test_targets_that_left_by_an_earlier_notice_do_not_count_as_healthy_elsewhere() -> None:
    even = {"boot_tail": 0.0, "fulfil_s": None, "pull_s": 0.0, "start_tail": 0.0, "backs_off": False}
    figures = measure(Run(3, "rolling", groups=3, stop_timeout_s=12, timing={"exits": (2, 11), "pollers": 2, **even}))

    # Without room, a new instance takes their place after some 105 s: the last targets are kept for 45 s of these.
    assert figures["broken"] == []
    assert figures["seconds_without_target"] < 70


@pytest.mark.parametrize(("delay_s", "killed"), [(longest_delay_s(30), False), (100, True)])
def test_a_delay_that_the_doctor_lets_pass_ends_before_the_instance_does(
    monkeypatch: pytest.MonkeyPatch, delay_s: int, *, killed: bool
) -> None:
    monkeypatch.setattr(taken_services, "DELAY_S", delay_s)
    monkeypatch.setattr(taken_services, "longest_delay_s", lambda stop_timeout_s: delay_s)

    assert bool(measure(Run(8, "single-task", room=True))["tasks_killed_in_service"]) is killed


def test_a_replacement_whose_image_takes_its_time_leaves_a_gap_that_no_handling_closes() -> None:
    figures = measure(Run(12, "single-task", room=True, timing={"pull_s": 60.0}))

    assert figures["unserved_requests"] == figures["unserved_unavoidable"] > 0
    assert figures["seconds_without_target"] > figures["seconds_avoidable"] == 0
    assert figures["broken"] == []


def test_a_last_target_that_leaves_earlier_than_it_must_breaks_the_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain, "RELEASE_MARGIN_S", 70.0)

    figures = measure(Run(12, "single-task", room=True, timing={"pull_s": 60.0}))

    assert "seconds without a target that could be avoided" in " ".join(figures["broken"])


def test_what_ecs_retires_late_behind_lattice_is_killed_with_any_handling() -> None:
    figures = measure(Run(12, "lattice", room=True, timing={"pull_s": 60.0}))

    assert figures["tasks_killed_in_service"] == figures["killed_unavoidable"] > 0
    assert figures["failed_requests"] == figures["failed_unavoidable"] > 0
    assert figures["broken"] == []


@pytest.mark.parametrize(("reason", "services"), WITH_TIME)
def test_where_there_is_time_no_service_is_a_second_without_a_target(reason: str, services: str) -> None:
    figures = measure(Run(FEW, services, reason))

    assert figures["broken"] == []
    assert (figures["unserved_requests"], figures["seconds_without_target"]) == (0, 0)
    if services != "cloud-map":  # ECS does not wait for its clients
        assert (figures["failed_requests"], figures["stopped_in_service"]) == (0, 0)


@pytest.mark.parametrize(
    ("reason", "handling", "lost"),
    [
        ("spot", "agent-draining", "tasks killed in service"),
        ("spot", "drain-then-stop", "failed requests that could be avoided"),
        ("hook", "drain-then-stop", "requests without a target"),
        ("health", "drain-then-stop", "seconds without a target"),
        ("rebalance", "drain-then-stop", "batch tasks cut short that had time"),
    ],
)
def test_another_handling_breaks_promises(reason: str, handling: str, lost: str) -> None:
    assert lost in " ".join(measure(Run(FEW, reason=reason, handling=handling))["broken"])


def test_what_is_stopped_in_service_at_once_is_early(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop_at_once(world: World) -> None:
        world.account.messaging.rules.clear()

        def stop(instance: Any) -> None:
            world.account.scheduler.drain(instance.container_instance)
            for task in list(instance.container_instance.tasks.values()):
                world.account.scheduler.stop(task)

        world.account.spot.on_notice = stop

    monkeypatch.setitem(HANDLINGS, "stop-at-once", stop_at_once)  # type: ignore[arg-type]

    figures = measure(Run(FEW, "lattice", handling="stop-at-once"))

    assert figures["stopped_early"] == figures["stopped_in_service"] == figures["stopped_unavoidable"] == 6 * FEW
    assert figures["broken"] == [f"{6 * FEW} tasks stopped in service before their last moment"]


@pytest.mark.parametrize(
    ("figure", "line"),
    [
        ("tasks_killed_in_service", "1 tasks killed in service"),
        ("failed_requests", "1 failed requests that could be avoided"),
        ("stopped_in_service", "1 tasks stopped while they took requests that could have ended"),
        ("stopped_early", "1 tasks stopped in service before their last moment"),
        ("batch_cut_short", "1 batch tasks cut short that had time"),
        ("instances_held_empty", "1 instances held although they are empty"),
        ("unserved_requests", "1 requests without a target that could have one"),
        ("seconds_avoidable", "1.0 seconds without a target that could be avoided"),
        ("capacity_lost", "1 instances fewer in the pool's target than before"),
    ],
)
def test_each_figure_can_break_a_promise(figure: str, line: str) -> None:
    assert broken_promises(NOTHING_LOST) == []
    assert broken_promises({**NOTHING_LOST, figure: NOTHING_LOST[figure] + 1}) == [line]


def test_runs_side_by_side_are_those_one_after_the_other() -> None:
    runs = [Run(1), Run(1, "nlb")]
    done: list[None] = []

    assert taken_away.measure_all(runs, 2, lambda: done.append(None)) == taken_away.measure_all(runs, 1)
    assert len(done) == len(runs)
