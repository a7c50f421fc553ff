"""The share of the ECS API in the ledger's item: two processes never get the same turn, whatever each of them knows."""

from __future__ import annotations

from typing import Any

import pytest

from steady.api_budget.limits import BUCKET_NAMED
from steady.aws.api_budget.budget import Budget, OverBudget, budget_of
from steady.aws.api_budget.turn_ledger import charge
from steady.aws.runtime import Runtime
from steady.names import API_BUDGET_KEY

READ = BUCKET_NAMED["cluster-resource-read"]
SHARE = 0.3


@pytest.fixture
def waits(runtime: Runtime) -> list[float]:
    """The clock stands; what is waited for is kept."""
    waited: list[float] = []
    now = runtime.now()
    runtime.now = lambda: now
    runtime.sleep = waited.append
    return waited


def turns(runtime: Runtime, table: str) -> dict[str, Any]:
    item = runtime.dynamodb.get_item(TableName=table, Key={"cluster": {"S": API_BUDGET_KEY}}).get("Item", {})
    return {name: float(value["N"]) - runtime.now() for name, value in item.items() if "N" in value}


def test_two_processes_share_one_share(runtime: Runtime, table: str, waits: list[float]) -> None:
    one, two = Budget(runtime, table, SHARE), Budget(runtime, table, SHARE)

    one.await_turns({READ.name: 20})
    two.await_turns({READ.name: 20})
    one.await_turns({READ.name: 20})

    # 30 at once, and 6 a second: the fortieth after 10 / 6 s, the sixtieth after 30 / 6 s.
    assert waits == pytest.approx([10 / 6, 30 / 6], abs=1e-3)
    assert turns(runtime, table) == {READ.name: pytest.approx(10, abs=1e-3)}


def test_a_call_that_was_not_foreseen_is_asked_for_when_it_is_made(
    runtime: Runtime, table: str, waits: list[float]
) -> None:
    asking = Budget(runtime, table, SHARE)

    for _ in range(40):
        asking.pay(READ)

    # 1, 1, 2, 4, 8, 16 and 32 calls were asked for: six writes, of what would have been forty.
    assert turns(runtime, table) == {READ.name: pytest.approx(64 / 6, abs=1e-3)}
    assert waits == pytest.approx([n / 6 for n in range(1, 11)], abs=1e-3)


def test_a_process_waits_for_the_turn_of_each_ecs_call_from_the_first_one_on(
    runtime: Runtime, table: str, waits: list[float]
) -> None:
    budget = budget_of(runtime, table)
    budget.share = SHARE

    for _ in range(17):
        runtime.ecs.list_clusters()

    # 30 % of a burst of 50 at once, and then of 20 a second.
    assert waits == pytest.approx([1 / 6, 2 / 6], abs=1e-3)
    assert budget_of(runtime, table) is budget


def test_a_budget_that_would_not_see_the_calls_of_a_client_is_refused(runtime: Runtime, table: str) -> None:
    runtime.ecs.list_clusters()

    with pytest.raises(RuntimeError, match="the ECS client was made before its budget"):
        budget_of(runtime, table)


def test_a_look_asks_for_what_the_last_one_took(runtime: Runtime, table: str, waits: list[float]) -> None:
    looking = Budget(runtime, table, SHARE)
    for _ in range(2):
        looking.begin_look("web", SHARE)
        for _ in range(8):
            looking.pay(READ)
        looking.end_look("web")

    # The first: the two that any look takes, and 1, 1, 2 and 4 more; the second: eight, of which two were left over.
    assert turns(runtime, table)[READ.name] == pytest.approx((10 + 8) / 6, abs=1e-3)
    assert waits == []


def test_turns_that_others_may_have_counted_on_are_asked_for_again_at_once(
    runtime: Runtime, table: str, waits: list[float]
) -> None:
    services = BUCKET_NAMED["service-read"]
    looking = Budget(runtime, table, SHARE)
    looking.begin_look("web", SHARE)
    looking.foresee({READ.name: 4, services.name: 6})
    begun = runtime.now()
    runtime.now = lambda: begun + 7

    looking.pay(READ)
    looking.pay(services)

    # 7 s are more than the first time took to flow back: what stands is the second.
    assert turns(runtime, table) == {
        READ.name: pytest.approx(4 / 6, abs=1e-3),
        services.name: pytest.approx(1, abs=1e-3),
    }
    assert waits == []


def test_what_a_look_left_over_is_not_the_next_ones(runtime: Runtime, table: str, waits: list[float]) -> None:
    looking = Budget(runtime, table, SHARE)
    for _ in range(3):
        looking.begin_look("web", SHARE)
        looking.end_look("web")

    assert turns(runtime, table)[READ.name] == pytest.approx(3 * 2 / 6, abs=1e-3)
    assert looking.affordable(READ, 0) == 30 - 4
    assert waits == []


def test_a_look_that_would_begin_late_does_not_begin(runtime: Runtime, table: str, waits: list[float]) -> None:
    others = Budget(runtime, table, SHARE)
    others.await_turns({READ.name: 200})
    taken = turns(runtime, table)

    with pytest.raises(OverBudget, match=r"ECS API budget exhausted \(api_share 30%\)"):
        Budget(runtime, table).begin_look("web", SHARE)

    assert turns(runtime, table) == taken
    assert len(waits) == 1


def test_a_look_that_would_take_too_long_says_what_to_do(runtime: Runtime, table: str, waits: list[float]) -> None:
    looking = Budget(runtime, table)
    looking.begin_look("web", 1.0)
    for _ in range(400):
        looking.pay(READ)
    looking.end_look("web")

    with pytest.raises(
        OverBudget, match=r"400 cluster-resource-read calls of one evaluation take 400 s .* raise api_share"
    ):
        looking.begin_look("web", 0.05)
    assert waits


def test_service_out_says_what_it_took_and_no_more_than_the_bucket_holds(
    runtime: Runtime, table: str, waits: list[float]
) -> None:
    for _ in range(3):
        charge(runtime, table, {READ.name: 60, "cluster-resource-modify": 10})

    assert turns(runtime, table) == {
        READ.name: pytest.approx(5, abs=1e-3),
        "cluster-resource-modify": pytest.approx(30 / 40, abs=1e-3),
    }
    assert waits == []


def test_nothing_called_is_nothing_written(runtime: Runtime, table: str) -> None:
    charge(runtime, table, {})

    assert turns(runtime, table) == {}


def test_without_a_ledger_a_process_keeps_the_share_for_itself(runtime: Runtime, waits: list[float]) -> None:
    alone = Budget(runtime, "no-such-table", SHARE)

    alone.await_turns({READ.name: 36})
    alone.await_turns({READ.name: 6})

    assert waits == pytest.approx([1.0, 2.0], abs=1e-3)
