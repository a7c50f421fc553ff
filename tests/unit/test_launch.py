"""On what tasks run, and how many of them a pool gets."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steady.launch import FARGATE_PROVIDERS, Launch, StrategyItem

OURS = {"ours"}


@pytest.mark.parametrize(
    ("described", "is_served"),
    [
        ({}, True),
        ({"launchType": "EC2"}, True),
        ({"launchType": "FARGATE"}, False),
        ({"launchType": "EXTERNAL"}, False),
        ({"launchType": "MANAGED_INSTANCES"}, False),
        ({"launchType": "A_LATER_ONE"}, False),
        ({"capacityProviderStrategy": []}, True),
        ({"capacityProviderStrategy": [{"capacityProvider": "ours"}]}, True),
        ({"capacityProviderStrategy": [{"capacityProvider": "theirs", "weight": 1}]}, False),
        # A provider with the weight 0 beside one with a weight gets only its base.
        ({"capacityProviderStrategy": [{"capacityProvider": "ours"}, {"capacityProvider": "x", "weight": 1}]}, False),
        (
            {
                "capacityProviderStrategy": [
                    {"capacityProvider": "ours", "base": 2},
                    {"capacityProvider": "x", "weight": 1},
                ]
            },
            True,
        ),
        ({"capacityProviderStrategy": [{"capacityProvider": "arn:aws:ecs:r:1:capacity-provider/ours"}]}, True),
        ({"capacityProviderStrategy": ["ours", {"capacityProvider": "x", "weight": "many", "base": -1}]}, False),
    ],
    ids=str,
)
def test_a_pool_serves_ec2_tasks_and_those_of_its_capacity_providers(
    described: dict[str, Any], is_served: bool
) -> None:
    launch = Launch.of(described)

    assert launch.is_served_by(OURS) is is_served
    assert (launch.share(100, OURS) > 0) is is_served


def test_a_part_of_a_service_that_says_nothing_is_on_what_the_service_is() -> None:
    assert Launch.of({}, Launch("FARGATE")) == Launch("FARGATE")
    assert Launch.of({"launchType": "EC2"}, Launch("FARGATE")) == Launch()


def test_a_service_of_several_pools_is_shared() -> None:
    both = Launch("", (StrategyItem("ours", 1), StrategyItem("theirs", 1)))

    assert both.is_shared_with(OURS)
    assert not both.is_shared_with({"ours", "theirs"})
    assert not both.is_shared_with({"others"})
    assert not Launch().is_shared_with(OURS)


ITEMS = st.lists(
    st.builds(StrategyItem, st.sampled_from(["ours", "theirs", *FARGATE_PROVIDERS]), st.integers(0, 5)),
    min_size=1,
    max_size=4,
    unique_by=lambda one: one.provider,
)


@given(ITEMS, st.integers(0, 50), st.integers(0, 1000), st.sets(st.sampled_from(["ours", "theirs"])))
def test_what_all_pools_get_is_every_task_and_at_most_one_more_for_each(
    items: list[StrategyItem], base: int, tasks: int, ours: set[str]
) -> None:
    launch = Launch("", (StrategyItem(items[0].provider, items[0].weight, base), *items[1:]))
    shares = [launch.share(tasks, {one.provider}) for one in launch.strategy]

    assert tasks <= sum(shares) < tasks + max(1, len(shares))
    assert 0 <= launch.share(tasks, ours) <= tasks
    assert launch.share(tasks, launch.providers) == tasks
    # Nothing that a pool gets becomes less because there is more to do.
    assert launch.share(tasks, ours) <= launch.share(tasks + 1, ours)
