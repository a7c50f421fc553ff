"""What a process keeps from one invocation to the next: each kind apart, and for as long as its kind allows."""

from __future__ import annotations

import math

from simulator.world import World
from steady.aws.cache import Cache

COUNTS = Cache[str, int](max_age_s=60)
OTHERS = Cache[str, int]()


def test_a_value_is_used_until_it_is_too_old_and_is_still_the_last_known_one() -> None:
    world = World()
    runtime = world.suite.runtime("test")

    assert COUNTS.get(runtime, "web") is None
    assert COUNTS.keep(runtime, "web", 3) == 3
    world.run(59)
    assert COUNTS.get(runtime, "web") == 3
    world.run(1)
    assert COUNTS.get(runtime, "web") is None
    assert COUNTS.get(runtime, "web", math.inf) == 3


def test_a_caller_that_allows_no_age_is_given_nothing_that_was_kept() -> None:
    runtime = World().suite.runtime("test")
    OTHERS.keep(runtime, "web", 3)

    assert OTHERS.get(runtime, "web", 0) is None
    assert OTHERS.get(runtime, "web") == 3


def test_two_kinds_two_keys_and_two_processes_do_not_get_into_each_others_way() -> None:
    suite = World().suite
    runtime, other = suite.runtime("test"), suite.runtime("test")
    COUNTS.keep(runtime, "web", 3)

    assert OTHERS.get(runtime, "web") is None
    assert COUNTS.get(runtime, "batch") is None
    assert COUNTS.get(other, "web") is None


def test_what_is_dropped_is_not_known_any_more() -> None:
    runtime = World().suite.runtime("test")
    COUNTS.keep(runtime, "web", 3)

    COUNTS.drop(runtime, "web")
    COUNTS.drop(runtime, "web")

    assert COUNTS.get(runtime, "web", math.inf) is None
