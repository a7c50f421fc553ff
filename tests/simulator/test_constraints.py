"""Placement constraints: what a new instance satisfies, and which daemons come with it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.ecs.queries import satisfies
from simulator.ecs.state import Cluster, ContainerInstance
from simulator.errors import AwsError
from simulator.world import SimulatedCluster, World
from steady.cluster import Size
from steady.scaling.new_instance_query import about_new_instance

QUIET = {"start_at_once_share": 0, "learning": "off", "cpu_reservation_high": 100, "memory_reservation_high": 100}


def web_of(world: World, instances: int, **thresholds: Any) -> SimulatedCluster:
    return world.group_cluster("web", instances, **{**QUIET, "max_capacity": 20, **thresholds})


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("attribute:stack == prod", True),
        ("attribute:stack != prod", False),
        ("attribute:none exists", False),
        ("attribute:none !exists", True),
        ("runningTasksCount < 2 and task:group == service:api", True),
        ("runningTasksCount >= 2 or not(task:group =~ service:.*)", False),
        ("attribute:stack in [test, prod] && !(task:group == service:web)", True),
    ],
)
def test_the_account_reads_the_query_language(expression: str, holds: bool) -> None:
    web = web_of(World(), 1)
    [instance] = web.instances()
    instance.attributes["stack"] = "prod"
    web.service("api", 1)

    assert satisfies(instance, expression) is holds
    with pytest.raises(AwsError):
        satisfies(instance, "attribute:stack =~ [ or")


def test_tasks_that_want_few_neighbours_get_new_instances() -> None:
    """Every instance has its task: that none of them takes another one says nothing of a new one."""
    world = World(seed=1)
    web = web_of(world, 2)
    api = web.service("api", 6, cpu=100, memory=100, member_of=("runningTasksCount < 1",))

    world.run(1200)

    assert api.counts() == (6, 0)
    assert web.target == 6


def test_tasks_that_are_only_placed_beside_others_buy_nothing() -> None:
    """A new instance has no such neighbour, however many are launched."""
    world = World(seed=1)
    web = web_of(world, 2, min_capacity=2)
    web.service("db", 1, cpu=1800, memory=1000)
    near = web.service("near", 4, cpu=1000, memory=1000, member_of=("task:group == service:db",))

    world.run(1800)

    assert near.counts() == (0, 0)
    assert web.target == 2


def test_tasks_that_are_kept_apart_from_others_get_new_instances_with_their_attribute() -> None:
    world = World(seed=1)
    web = web_of(world, 2, scale_in_after_seconds=86_400)
    web.service("db", 2, cpu=100, memory=100)
    apart = web.service("apart", 3, cpu=1000, memory=1000, member_of=("not(task:group == service:db)",))
    world.run(900)

    assert apart.counts() == (3, 0)
    assert web.target == 4


@pytest.mark.parametrize(("expression", "target"), [("attribute:gpu == yes", 5), ("attribute:gpu !exists", 9)])
def test_a_daemon_takes_its_part_of_those_new_instances_that_it_runs_on(expression: str, target: int) -> None:
    world = World(seed=1)
    web = web_of(world, 1)
    web.daemon("driver", cpu=900, memory=900, member_of=(expression,))
    world.run(30)
    work = web.service("work", 10 if target == 5 else 9, cpu=1000, memory=1000)

    world.run(300)

    # Two tasks of 1000 CPU units on an instance without the daemon, one beside it.
    assert (web.target, work.counts()) == (target, (work.desired, 0))


ATTRIBUTES = {"stack": "prod", "tier": "db"}
VALUE = st.sampled_from(("prod", "test", "db", "p.*"))
OPERATORS = ("==", "equals", "!=", "not_equals", "=~", "matches", "!~", "not_matches")
terms = st.one_of(
    st.builds("attribute:{} {} {}".format, st.sampled_from(("stack", "tier")), st.sampled_from(OPERATORS), VALUE),
    st.builds(
        "attribute:{} {} [{}, {}]".format,
        st.sampled_from(("stack", "tier")),
        st.sampled_from(("in", "!in", "not_in")),
        VALUE,
        VALUE,
    ),
    st.builds(
        "attribute:{} {}".format,
        st.sampled_from(("stack", "tier")),
        st.sampled_from(("exists", "!exists", "not_exists")),
    ),
    st.builds(
        "runningTasksCount {} {}".format,
        st.sampled_from(
            ("==", "equals", ">", "greater_than", ">=", "greater_than_equal", "<", "less_than", "<=", "less_than_equal")
        ),
        st.integers(0, 2),
    ),
)
expressions = st.recursive(
    terms,
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from(("and", "or", "&&", "||")), inner)
        | st.builds("not({})".format, inner)
        | st.builds("!({})".format, inner)
    ),
    max_leaves=4,
)


@settings(max_examples=200)
@given(expressions)
def test_the_suite_and_the_account_read_every_operator_alike(expression: str) -> None:
    """Of a new instance whose attributes are known, both say the same."""
    size = Size(2048, 8000)
    new = ContainerInstance("arn", Cluster("web"), "i-1", "m5.large", "us-east-1a", registered=size, remaining=size)
    new.attributes |= ATTRIBUTES

    assert about_new_instance(expression, tuple(ATTRIBUTES.items())) is satisfies(new, expression)
