"""Continuations that carry what a step had no time for."""

from __future__ import annotations

import json

from interruption_handler.notices import continuation
from interruption_handler.notices.continuation import Continuation
from steady.service_out.doomed import Doomed, Target
from steady.service_out.stops import Stop

AT = 1767225600.0


def parse(body: str) -> Continuation:
    return continuation.parse(json.loads(body))


def test_the_targets_that_a_step_has_left_go_on_with_its_continuation() -> None:
    leaving = (Target("group-1", "i-1", 32768), Target("group-1", "i-2", 32769), Target("group-2", "10.0.0.1", 80))

    [body] = continuation.messages("web", [Doomed("i-1", "web", AT)], (), "lease", leaving)

    assert parse(body) == Continuation("web", (Doomed("i-1", "web", AT),), (), "lease", leaving=leaving)


def test_of_many_stops_and_targets_a_message_holds_those_that_fit() -> None:
    group = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/api/"
    leaving = [Target(f"{group}{n % 100:016x}", f"i-{n:017x}", 32768) for n in range(5000)]
    due = [Stop(f"arn:aws:ecs:us-east-1:123456789012:task/web/{n:032x}", AT, AT) for n in range(5000)]

    [body] = continuation.messages("web", [], due, "lease", leaving)

    first = parse(body)
    assert len(body) <= 262_144
    assert set(first.leaving) <= set(leaving)
    assert len(first.leaving) > 1000
    assert len(first.due) > 1000
