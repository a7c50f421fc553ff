"""Thresholds: what operators may write, and what happens to what they may not."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steady.pools import PoolKind, PoolName
from steady.settings import parse_pool
from steady.thresholds import (
    DEFAULTS,
    THRESHOLDS,
    BadThreshold,
    Thresholds,
    contradictions,
    resolve_contradictions,
)


def test_an_error_names_the_parameter_the_value_and_the_range() -> None:
    with pytest.raises(
        BadThreshold,
        match=re.escape('/steady/clusters/web/cpu_reservation_high is "8O": a percentage from 1 to 100 is needed'),
    ):
        THRESHOLDS["cpu_reservation_high"].parse("8O", "/steady/clusters/web/cpu_reservation_high")


@pytest.mark.parametrize("name", THRESHOLDS)
def test_each_default_is_one_of_its_own_values(name: str) -> None:
    threshold = THRESHOLDS[name]

    assert threshold.parse(str(threshold.default), name) == threshold.default
    assert getattr(Thresholds(), name) == threshold.default


@given(st.sampled_from(sorted(THRESHOLDS)), st.text(max_size=8) | st.integers(-5, 10**6).map(str))
def test_what_parses_is_what_ssm_allows_and_is_in_range(name: str, raw: str) -> None:
    threshold = THRESHOLDS[name]
    try:
        value = threshold.parse(raw, name)
    except BadThreshold:
        return
    assert re.search(threshold.allowed_pattern, raw)
    assert value in threshold.choices or threshold.lowest <= int(value) <= threshold.highest


def test_a_low_threshold_over_its_high_one_is_taken_to_be_under_it_and_said() -> None:
    thresholds, problems = resolve_contradictions({"cpu_reservation_low": 85, "cpu_reservation_high": 80}, "/steady/x")

    assert thresholds.cpu_reservation_low == 70
    assert "/steady/x/cpu_reservation_low is 85 and /steady/x/cpu_reservation_high is 80" in problems[0]


def test_a_default_low_threshold_gives_way_to_its_high_one_unless_the_operator_sets_it_now() -> None:
    assert resolve_contradictions({"cpu_reservation_high": 60}, "/steady/x") == (
        Thresholds(cpu_reservation_high=60, cpu_reservation_low=50),
        (),
    )
    both = {**DEFAULTS, "cpu_reservation_high": 60}
    assert contradictions(both, given=both) == [("cpu_reservation_low", "cpu_reservation_high")]


def test_a_minimum_over_its_maximum_is_the_maximum() -> None:
    thresholds, problems = resolve_contradictions({"min_capacity": 9, "max_capacity": 4}, "/steady/x")

    assert (thresholds.min_capacity, thresholds.max_capacity) == (4, 4)
    assert len(problems) == 1


def test_equal_bounds_are_no_contradiction() -> None:
    assert resolve_contradictions({"min_capacity": 4, "max_capacity": 4}, "/steady/x")[1] == ()


@pytest.mark.parametrize("kind", list(PoolKind))
def test_a_pool_is_written_as_it_is_read(kind: PoolKind) -> None:
    pool = PoolName(kind, "sfr-1")

    assert parse_pool(str(pool), "capacity") == pool


@pytest.mark.parametrize("raw", ["", "web", "auto-scaling-group:", "spot-fleet:fleet-1", "fleet:sfr-1"])
def test_what_is_no_pool_is_refused_with_the_way_out(raw: str) -> None:
    with pytest.raises(BadThreshold, match="auto-scaling-group:NAME or spot-fleet:sfr-… is needed"):
        parse_pool(raw, "capacity")
