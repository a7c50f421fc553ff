"""Traces as they are read, plans as they are cut to an instance, and the bound that no policy is under."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.instance_types import NoSuchInstanceType, registered_size
from simulator.workload import synthetic, traces
from simulator.workload.plan import ClusterPlan, Job, ServiceChange, demand_steps, fitting, lower_bound_instance_hours
from steady.cluster import Size
from steady.pools import PoolKind

INSTANCE = Size(2048, 8000)


def plan(*jobs: Job, services: tuple[ServiceChange, ...] = ()) -> ClusterPlan:
    return ClusterPlan("spot", PoolKind.SPOT_FLEET, "m5.large", jobs, services)


def test_the_three_formats_are_read(tmp_path: Path) -> None:
    (tmp_path / "jobs.csv").write_text("submit_s,family,cpu,memory,run_s\n9,b,1024,2048,60\n3,a,512,1024,30\n")
    (tmp_path / "services.csv").write_text("at_s,service,desired_count,cpu,memory\n0,front,4,512,1024\n")
    (tmp_path / "spot.json").write_text('{"metadata": {"gap_seconds": 300}, "data": [4, 2, 4]}')

    assert traces.jobs(tmp_path / "jobs.csv") == (Job(3, "a", Size(512, 1024), 30), Job(9, "b", Size(1024, 2048), 60))
    assert traces.services(tmp_path / "services.csv") == (ServiceChange(0, "front", 4, Size(512, 1024)),)
    assert traces.spot_market(tmp_path / "spot.json").most == 4


def test_the_lower_bound_is_the_integral_of_the_scarcer_resource() -> None:
    half_cpu = Job(0, "a", Size(1024, 100), 3600)
    all_memory = Job(1800, "b", Size(1, 8000), 3600)

    # 0.5 for half an hour, then memory rules (8100 / 8000) for half an hour, then 1.0 for half an hour.
    assert lower_bound_instance_hours(plan(half_cpu, all_memory), INSTANCE, 7200) == pytest.approx(
        0.25 + 0.5 * 8100 / 8000 + 0.5
    )


def test_the_bound_stops_at_the_end_of_the_simulation() -> None:
    assert lower_bound_instance_hours(plan(Job(0, "a", Size(2048, 1), 7200)), INSTANCE, 3600) == pytest.approx(1.0)


def test_demand_follows_a_service_up_and_down() -> None:
    changes = (ServiceChange(0, "s", 2, Size(1024, 1)), ServiceChange(600, "s", 1, Size(1024, 1)))

    assert demand_steps(plan(services=changes), INSTANCE, 1200) == [(0, 600, 1.0), (600, 1200, 0.5)]


def test_what_fits_no_instance_is_left_out_and_counted() -> None:
    kept, left_out = fitting(plan(Job(0, "a", Size(1, 1), 1), Job(0, "b", Size(1, 99999), 1)))

    assert [j.family for j in kept.jobs] == ["a"]
    assert left_out is not None
    assert (left_out.jobs, left_out.largest) == (1, Size(1, 99999))


def test_the_synthetic_day_is_the_same_for_the_same_seed_only() -> None:
    assert synthetic.day(24, 1) == synthetic.day(24, 1)
    assert synthetic.day(24, 1) != synthetic.day(24, 2)


def test_common_instance_types_are_known_and_others_are_refused_with_like_ones() -> None:
    assert registered_size("m5.8xlarge") == Size(32 * 1024, 127139)
    with pytest.raises(NoSuchInstanceType, match=r"m5\.8xlarge"):
        registered_size("m5.9xlarge")
