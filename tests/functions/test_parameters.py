"""Thresholds on SSM: defaults, the operator's own values, and bad ones."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest

from steady.aws.capacity.origins import Origin
from steady.aws.runtime import Runtime
from steady.aws.settings import clusters, parameters
from steady.pools import PoolKind, PoolName
from steady.thresholds import BadThreshold, Thresholds


def put(runtime: Runtime, **values: str) -> None:
    for name, value in values.items():
        path = name.replace("__", "/")
        runtime.ssm.put_parameter(Name=f"/steady/{path}", Value=value, Type="String", Overwrite=True)


def test_the_operators_value_is_over_the_deployments_and_that_over_the_built_in(runtime: Runtime) -> None:
    put(
        runtime,
        defaults__cpu_reservation_high="80",
        defaults__drift_seconds="45",
        clusters__web__capacity="auto-scaling-group:web",
        clusters__web__cpu_reservation_high="75",
        clusters__batch__cpu_reservation_high="60",
    )

    found = parameters.read_settings(runtime, "web")

    assert found.pool_names == (PoolName(PoolKind.AUTO_SCALING_GROUP, "web"),)
    assert found.thresholds == Thresholds(cpu_reservation_high=75, cpu_reservation_low=65, drift_seconds=45)
    assert found.problems == ()


def test_a_bad_value_gives_way_to_the_newest_one_that_parses(runtime: Runtime) -> None:
    put(runtime, clusters__web__capacity="auto-scaling-group:web")
    for value in ("70", "75", "8O"):
        put(runtime, clusters__web__cpu_reservation_high=value)

    found = parameters.read_settings(runtime, "web")

    assert found.thresholds.cpu_reservation_high == 75
    assert "8O" in found.problems[0]
    assert "75 is used" in found.problems[0]


def test_a_value_that_never_parsed_gives_way_to_the_default(runtime: Runtime) -> None:
    put(runtime, clusters__web__capacity="auto-scaling-group:web", clusters__web__cpu_reservation_high="no")

    assert parameters.read_settings(runtime, "web").thresholds == Thresholds()


def test_a_parameter_that_is_no_threshold_is_named(runtime: Runtime) -> None:
    put(runtime, clusters__web__capacity="auto-scaling-group:web", clusters__web__cpu_reservation_hihg="80")

    assert "cpu_reservation_hihg is no threshold" in parameters.read_settings(runtime, "web").problems[0]


def test_a_cluster_without_capacity_is_refused_with_the_way_out(runtime: Runtime) -> None:
    with pytest.raises(BadThreshold, match="/steady/clusters/web/capacity is missing"):
        parameters.read_settings(runtime, "web")


def test_an_instances_cluster_is_found_by_its_pool_or_else_by_its_own_tag(runtime: Runtime) -> None:
    for number in range(12):
        runtime.ssm.put_parameter(
            Name=f"/steady/clusters/c{number}/capacity", Value=f"spot-fleet:sfr-{number}", Type="String"
        )

    known, replaced = PoolName(PoolKind.SPOT_FLEET, "sfr-11"), PoolName(PoolKind.SPOT_FLEET, "sfr-99")
    assert clusters.find_clusters(runtime, Origin(known)) == ["c11"]
    assert clusters.find_clusters(runtime, Origin(known, "c3")) == ["c11"]
    assert clusters.find_clusters(runtime, Origin(replaced)) == []
    assert clusters.find_clusters(runtime, Origin(replaced, "c3")) == ["c3"]
    assert clusters.find_clusters(runtime, Origin(replaced, "of others")) == []


def test_of_two_clusters_that_name_one_pool_the_tag_says_whose_an_instance_is(runtime: Runtime) -> None:
    put(runtime, clusters__web__capacity="spot-fleet:sfr-1", clusters__api__capacity="spot-fleet:sfr-1")
    pool = PoolName(PoolKind.SPOT_FLEET, "sfr-1")

    assert clusters.find_clusters(runtime, Origin(pool)) == ["api", "web"]
    assert clusters.find_clusters(runtime, Origin(pool, "web")) == ["web"]


def test_what_contradicts_gives_way_to_its_newest_value_that_does_not(runtime: Runtime) -> None:
    put(runtime, clusters__web__capacity="auto-scaling-group:web", clusters__web__max_capacity="20")
    for value in ("5", "8", "30"):
        put(runtime, clusters__web__min_capacity=value)

    found = parameters.read_settings(runtime, "web")

    assert (found.thresholds.min_capacity, found.thresholds.max_capacity) == (8, 20)
    [problem] = found.problems
    assert problem.startswith("/steady/clusters/web/min_capacity is 30 and /steady/clusters/web/max_capacity is 20")
    assert "8 is used for min_capacity" in problem


def test_of_two_that_contradict_the_one_that_was_changed_last_gives_way(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = itertools.count(1)
    monkeypatch.setattr("moto.ssm.models.utcnow", lambda: datetime(2026, 1, next(days), tzinfo=UTC))
    put(runtime, clusters__web__capacity="auto-scaling-group:web", clusters__web__cpu_reservation_high="90")
    put(runtime, clusters__web__cpu_reservation_low="70")
    put(runtime, clusters__web__cpu_reservation_high="60")

    found = parameters.read_settings(runtime, "web")

    assert (found.thresholds.cpu_reservation_low, found.thresholds.cpu_reservation_high) == (70, 90)
    assert "90 is used for cpu_reservation_high, which was changed after cpu_reservation_low" in found.problems[0]


def test_what_contradicts_from_the_start_is_taken_as_near_as_it_may_be(runtime: Runtime) -> None:
    put(runtime, clusters__web__capacity="auto-scaling-group:web", clusters__web__cpu_reservation_high="60")
    put(runtime, clusters__web__cpu_reservation_low="70")

    found = parameters.read_settings(runtime, "web")

    assert (found.thresholds.cpu_reservation_low, found.thresholds.cpu_reservation_high) == (50, 60)
    assert "50 is used for cpu_reservation_low" in found.problems[0]


def pools_of(runtime: Runtime, **values: str) -> None:
    for name, value in values.items():
        path = name.replace("__", "/")
        runtime.ssm.put_parameter(Name=f"/steady/clusters/web/pools/{path}", Value=value, Type="String", Overwrite=True)


def test_several_pools_have_their_own_bounds_and_priority(runtime: Runtime) -> None:
    put(runtime, clusters__web__max_capacity="50", deployed__clusters__web__pools__spot__max_capacity="30")
    pools_of(runtime, base__capacity="auto-scaling-group:web", base__min_capacity="2")
    pools_of(runtime, spot__capacity="spot-fleet:sfr-1", spot__priority="10")

    found = parameters.read_settings(runtime, "web")

    assert [(one.name, str(one.pool), one.priority) for one in found.pools] == [
        ("base", "auto-scaling-group:web", 0),
        ("spot", "spot-fleet:sfr-1", 10),
    ]
    own = [one.thresholds(found.thresholds) for one in found.pools]
    assert [(one.min_capacity, one.max_capacity) for one in own] == [(2, 50), (0, 30)]
    assert found.problems == ()
    assert clusters.read_capacities(runtime) == {"web": ("auto-scaling-group:web", "spot-fleet:sfr-1")}
    assert clusters.find_clusters(runtime, Origin(PoolName(PoolKind.SPOT_FLEET, "sfr-1"))) == ["web"]


def test_a_pool_whose_capacity_is_wrong_stops_no_other(runtime: Runtime) -> None:
    pools_of(runtime, base__capacity="auto-scaling-group:web", spot__capacity="spot-fleet:web", old__priority="1")
    pools_of(runtime, twin__capacity="auto-scaling-group:web")

    found = parameters.read_settings(runtime, "web")

    assert [one.name for one in found.pools] == ["base"]
    assert '/pools/spot/capacity is "spot-fleet:web"' in found.problems[1]
    assert '/pools/old/capacity is ""' in found.problems[0]
    assert "which is the pool base" in found.problems[2]


def test_wrong_bounds_and_priorities_of_a_pool_are_named_and_stood_in_for(runtime: Runtime) -> None:
    pools_of(runtime, base__capacity="auto-scaling-group:web", base__min_capacity="9", base__max_capacity="3")
    for value in ("7", "high"):
        pools_of(runtime, base__priority=value)
    pools_of(runtime, base__weight="2")

    (base,), problems = (found := parameters.read_settings(runtime, "web")).pools, found.problems

    assert (base.priority, dict(base.own)) == (7, {"min_capacity": 3, "max_capacity": 3})
    assert '"high": a priority from 0 to 1000 is needed; 7 is used' in " ".join(problems)
    assert "base/min_capacity is 9" in " ".join(problems)
    assert "pools/base/weight is no threshold" in " ".join(problems)


def test_a_capacity_of_the_cluster_counts_before_its_pools(runtime: Runtime) -> None:
    put(runtime, clusters__web__capacity="spot-fleet:sfr-1")
    pools_of(runtime, base__capacity="auto-scaling-group:web")

    found = parameters.read_settings(runtime, "web")

    assert [(one.name, str(one.pool)) for one in found.pools] == [("", "spot-fleet:sfr-1")]
    assert "are both set" in found.problems[0]
    assert clusters.read_capacities(runtime) == {"web": ("spot-fleet:sfr-1",)}
