"""Whatever is sent to a queue is refused or bounded: no error, no write on refusal, never over the maximum."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.lambdas import LambdaContext
from simulator.suite import LEDGER_TABLE
from steady.scaling.demand import MAX_DEMANDS
from tests.fuzz.hostile import GOOD, MAXIMUM, Target, nested

QUEUES = sorted(GOOD)
HOSTILE = (
    None,
    True,
    0,
    -1,
    10**30,
    1e308,
    "",
    "8",
    "x" * 5000,
    "\ud800",
    "line\nline",
    [],
    {},
    [[]],
    {"a": {"b": []}},
    "web",
    "i-0\r\n",
)


@pytest.fixture(scope="module")
def target() -> Target:
    return Target()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def mutated(draw: st.DrawFn, queue: str) -> str:
    """A good message of `queue` with some of its values replaced, taken away, or one more."""
    message: Any = copy.deepcopy(draw(st.sampled_from(GOOD[queue])))
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(message))
        holder, key = draw(st.sampled_from(places))
        change = draw(st.sampled_from(("hostile", "json", "gone")))
        if change == "gone":
            del holder[key]
        else:
            holder[key] = copy.deepcopy(draw(st.sampled_from(HOSTILE)) if change == "hostile" else draw(JSON))
        if not list(_places(message)):
            break
    return json.dumps(message)


def _places(value: Any) -> Any:
    """Every value within `value`, as what holds it and its key."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


CALM = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("queue", QUEUES)
@CALM
@given(data=st.data())
def test_a_good_message_gone_wrong_does_no_harm(target: Target, queue: str, data: st.DataObject) -> None:
    target.send(queue, data.draw(mutated(queue)))


@pytest.mark.parametrize("queue", QUEUES)
@CALM
@given(body=st.text(max_size=200) | JSON.map(lambda value: json.dumps(value)))
def test_anything_at_all_does_no_harm(target: Target, queue: str, body: str) -> None:
    target.send(queue, body)


@pytest.mark.parametrize("queue", QUEUES)
@pytest.mark.parametrize(
    "body",
    [
        nested(130_000),
        '{"cluster": ' + nested(50_000) + "}",
        '{"cluster": "web", "cpu": NaN, "memory": 1, "hako_task_id": "a"}',
        '{"cluster": "web", "cpu": Infinity, "memory": 1, "hako_task_id": "a"}',
        '{"cluster": "web", "cpu": ' + "9" * 5000 + ', "memory": 1, "hako_task_id": "a"}',
    ],
    ids=["256 KB of nesting", "nesting in a field", "NaN", "Infinity", "a number of 5,000 digits"],
)
def test_what_is_no_json_in_good_faith_is_refused(target: Target, queue: str, body: str) -> None:
    assert target.send(queue, body)


def hako(**changes: Any) -> str:
    return json.dumps(
        {"group_name": "web", "cluster": "web", "cpu": 256, "memory": 256, "hako_task_id": "a", **changes}
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"cluster": "theirs"},
        {"group_name": "theirs"},
        {"cpu": -1},
        {"memory": 0},
        {"cpu": 10**9},
        {"memory": 10**12},
        {"cpu": 1.5},
        {"cpu": "256"},
        {"hako_task_id": "x" * 200_000},
        {"cluster": "web\nERROR forged"},
    ],
    ids=str,
)
def test_a_failure_that_cannot_be_true_is_refused_with_the_reason(target: Target, changes: dict[str, Any]) -> None:
    assert target.send("runtask-failure", hako(**changes))

    dead = target.world.suite.failures.dead_letters
    assert dead
    [aside] = dead.messages
    assert 10 < len(aside.attributes["error"]["StringValue"]) <= 1000


def test_a_demand_that_no_instance_holds_asks_for_nothing() -> None:
    target = Target()
    before = target.web.target

    assert not target.send("runtask-failure", hako(cpu=500_000, hako_task_id="huge"))

    assert target.web.target == before
    assert "FitsNoInstance" in target.world.suite.telemetry.counts


def test_a_hundred_thousand_ids_are_bounded_in_memory_and_in_capacity() -> None:
    target = Target()
    function, _ = target.functions["runtask-failure"]
    for start in range(0, 100_000, 1000):
        records = [
            {
                "messageId": f"m{number}",
                "body": hako(hako_task_id=f"task-{number}"),
                "attributes": {"SentTimestamp": str(int(target.world.clock.now * 1000))},
            }
            for number in range(start, start + 1000)
        ]
        assert function.handler({"Records": records}, LambdaContext(lambda: 60.0)) == {"batchItemFailures": []}

    assert target.web.target == MAXIMUM
    ledger = _ledger(target)
    assert len(json.loads(ledger["memory"]["S"])["demands"]) <= MAX_DEMANDS
    # DynamoDB: 400 KB an item.
    assert len(json.dumps(ledger)) < 400_000


def test_instances_that_are_not_there_are_not_remembered() -> None:
    target = Target()
    ids = [f"i-{number:017x}" for number in range(1000, 11_000)]

    target.send("autoscaler", json.dumps({"cluster": "web", "why": "interruption", "instances": ids}))

    ledger = _ledger(target)
    assert json.loads(ledger["memory"]["S"])["doomed"] == {}


def _ledger(target: Target) -> Any:
    key = {"TableName": LEDGER_TABLE, "Key": {"cluster": {"S": "web"}}}
    return target.world.account.tables.get_item(key)["Item"]
