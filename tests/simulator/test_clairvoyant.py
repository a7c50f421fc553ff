"""The clairvoyant's bound is one: no schedule costs less, found by trying all of them; and it is no trivial one."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator import comparison
from simulator.bench.clairvoyant import limit, program
from simulator.bench.clairvoyant.market import Market
from simulator.bench.clairvoyant.program import Question, answer
from simulator.bench.clairvoyant.spending import KINDS, Spending
from simulator.bench.clairvoyant.work import Grid, Unit, units
from simulator.bench.placement import NoSearch
from simulator.simulation import Scenario, simulate
from simulator.workload import synthetic
from simulator.workload.plan import ClusterPlan, ServiceChange, SpotMarket
from steady.cluster import Size
from steady.pools import PoolKind

WHOLE = Size(1000, 1000)
BOOT_S = 70.0
UNTIL_S = 600.0
# A job starts at a multiple of this after it is wanted, in the schedules that are tried.
TRY_S = 30.0

needs_or_tools = pytest.mark.skipif(
    not program.is_installed(), reason="OR-tools is for benchmarks alone: pip install 'ortools>=9,<10'"
)


def question(
    found: Sequence[Unit],
    *,
    wait_s: float = 0.0,
    late: int = 0,
    longest_s: float = 0.0,
    market: SpotMarket | None = None,
    most: int = 9,
    step_s: float = 60.0,
) -> Question:
    return Question(
        found, WHOLE, UNTIL_S, wait_s, late, longest_s, BOOT_S, 3600.0, 1440.0, Market(most, market), step_s
    )


def job(at_s: float, run_s: float, cpu: int, memory: int = 10) -> Unit:
    return Unit(at_s, run_s, Size(cpu, memory), is_job=True)


def schedules(found: Sequence[Unit], wait_s: float, late: int, longest_s: float) -> Iterator[tuple[float, ...]]:
    """Every choice of starts: all but `late` units wait `wait_s` at most, and those `longest_s`."""
    tries = [[u.at_s + n * TRY_S for n in range(int(longest_s / TRY_S) + 1)] for u in found]
    for starts in itertools.product(*tries):
        if sum(start - u.at_s > wait_s for start, u in zip(starts, found, strict=True)) <= late:
            yield starts


def cost(found: Sequence[Unit], starts: Sequence[float], on: Sequence[int], price: float) -> float:
    """The dollars of a schedule, with unit number i on instance number `on[i]`; infinite where that is too small.

    An instance between two tasks either runs on, or is terminated, and another one is launched. Those that are wanted
    at the start have booted.
    """
    total = 0.0
    for instance in set(on):
        spans = [
            (start, min(UNTIL_S, start + u.run_s), u.size)
            for u, start, where in zip(found, starts, on, strict=True)
            if where == instance and start < UNTIL_S
        ]
        spans.sort(key=lambda span: span[:2])
        for at, _, _ in spans:
            here = [size for begin, end, size in spans if begin <= at < end]
            if not WHOLE.holds(sum(here[1:], here[0])):
                return float("inf")
        end = None
        for begin, until, _ in spans:
            if end is None:
                total += until - begin + (BOOT_S if begin > 0 else 0.0)
            else:
                total += max(0.0, until - max(begin, end)) + min(BOOT_S, max(0.0, begin - end))
            end = until if end is None else max(end, until)
    return total * price / 3600


def cheapest(found: Sequence[Unit], wait_s: float, late: int, longest_s: float, price: float) -> float:
    """The least dollars of all schedules."""
    return min(
        cost(found, starts, on, price)
        for starts in schedules(found, wait_s, late, longest_s)
        for on in itertools.product(range(len(found)), repeat=len(found))
    )


JOBS = st.lists(
    st.builds(
        job,
        st.sampled_from([0.0, 30.0, 95.0, 130.0, 200.0, 400.0]),
        st.sampled_from([20.0, 60.0, 75.0, 150.0, 333.0]),
        st.sampled_from([200, 400, 600, 1000]),
        st.sampled_from([10, 500, 900]),
    ),
    min_size=1,
    max_size=3,
)


@needs_or_tools
@given(JOBS, st.sampled_from([0.0, 30.0, 90.0]), st.integers(0, 1), st.sampled_from([30.0, 60.0, 150.0, 300.0]))
@settings(max_examples=60, deadline=None)
def test_no_schedule_costs_less_than_the_bound(found: list[Unit], wait_s: float, late: int, step_s: float) -> None:
    longest_s = 120.0
    bound = answer(question(found, wait_s=wait_s, late=late, longest_s=longest_s, step_s=step_s)).usd

    assert bound <= cheapest(found, wait_s, late, longest_s, price=1440.0) + 1e-3


@needs_or_tools
@pytest.mark.parametrize(
    ("found", "wait_s", "seconds"),
    [
        # One job from the start on: its own time. Half of an instance is a whole one, up to the last instant with it.
        ([job(0, 300, 1000)], 0, 300),
        ([job(0, 300, 500)], 0, 240 + 30),
        # A job that comes later pays its boot, too.
        ([job(120, 300, 1000)], 0, 300 + BOOT_S),
        # Two at once need two instances; if they may wait, one after the other needs one, which has booted once.
        ([job(120, 120, 1000), job(120, 120, 1000)], 0, 2 * (120 + BOOT_S)),
        ([job(120, 120, 1000), job(120, 120, 1000)], 120, 240 + BOOT_S),
        # Memory counts as CPU does.
        ([job(0, 300, 10, 600), job(0, 300, 10, 600)], 0, 2 * 240 + 1.2 * 60),
        # A task of a service may wait, but it is not wanted for longer because of that. An instance that is there from
        # the start on needs no boot: it is cheaper to keep it for less than a boot.
        ([Unit(0, UNTIL_S, Size(1000, 10), is_job=False)], 60, UNTIL_S),
        ([Unit(0, UNTIL_S, Size(1000, 10), is_job=False)], 120, UNTIL_S - 120 + BOOT_S),
    ],
)
def test_the_bound_is_what_it_must_be(found: list[Unit], wait_s: float, seconds: float) -> None:
    asked = question(found, wait_s=wait_s, longest_s=wait_s)

    assert answer(asked).usd == pytest.approx(seconds * 1440 / 3600, abs=0.05)


@needs_or_tools
def test_a_late_task_is_counted_by_what_of_it_runs_in_any_case() -> None:
    found = [job(0, 480, 1000), job(0, 480, 1000)]

    seconds = 480 + 360 + BOOT_S
    assert answer(question(found, late=1, longest_s=120)).usd == pytest.approx(seconds * 0.4, abs=0.05)


@needs_or_tools
def test_where_the_market_is_empty_on_demand_is_paid() -> None:
    service = [Unit(0, UNTIL_S, Size(1000, 10), is_job=False)]
    empty, all_there = SpotMarket(300, (4, 0)), SpotMarket(300, (4, 4))

    dear, cheap = (answer(question(service, market=market)).usd for market in (empty, all_there))

    assert cheap == pytest.approx(UNTIL_S * 0.4, abs=0.05)
    # Until two minutes after the fall it may be Spot. What ran on Spot then may be waiting in these two minutes.
    assert cheap < dear <= 420 * 0.4 + 180 + BOOT_S + 0.05
    assert dear >= 300 * 0.4 + 180


@needs_or_tools
def test_a_pool_that_asks_for_no_more_than_it_runs_gets_its_share_of_that() -> None:
    service = [Unit(0, UNTIL_S, Size(1000, 10), is_job=False) for _ in range(8)]
    half = SpotMarket(300, (2, 1))
    usd = {by: answer(replace(question(service), market=Market(20, half, by_what_runs=by))).usd for by in (False, True)}

    # Half of twenty is more than it needs; only what ran at the fall may wait once more.
    assert 8 * 480 * 0.4 < usd[False] <= 8 * 600 * 0.4
    # From the end of the notice on, three of eight at least are on-demand, for two whole slots. That costs 0.6 USD a
    # second more.
    assert usd[True] >= usd[False] + 3 * 120 * 0.6


def test_a_pool_holds_at_most_the_markets_share_of_its_target_and_what_is_under_notice() -> None:
    market = Market(20, SpotMarket(300, (4, 1, 0)))
    changes = market.changes(900)

    assert changes == [300, 600]
    assert market.most_held(0, 0, changes) == 21
    assert market.most_held(360, 360, changes) == 21
    assert market.most_held(420, 480, changes) == 6
    assert market.most_held(720, 780, changes) == 0


@given(
    st.floats(0, 500),
    st.floats(1, 700),
    st.sampled_from([0.0, 50.0, 130.0]),
    st.floats(0, 1),
    st.sampled_from([60, 100]),
)
def test_every_start_is_at_least_a_mixture_of_the_profiles(
    at_s: float, run_s: float, wait_s: float, share: float, step_s: float
) -> None:
    grid, unit = Grid.of(UNTIL_S, step_s), job(at_s, run_s, 1)
    start = at_s + share * wait_s
    every = sorted(grid.starts(unit, wait_s), key=lambda profile: profile.slots)
    true = grid.profile(start, start + run_s)

    def slots(profile: object) -> list[float]:
        changes = dict(profile.slots)  # type: ignore[attr-defined]
        return list(itertools.accumulate(changes.get(k, 0.0) for k in range(len(grid.instants) + 2)))

    # Some two of the profiles, mixed, run no more than the true one in any slot, and at no other instant.
    def is_under(one: object, other: object) -> bool:
        for part in (n / 200 for n in range(201)):
            mixed = [part * a + (1 - part) * b for a, b in zip(slots(one), slots(other), strict=True)]
            if all(m <= t + 0.02 for m, t in zip(mixed, slots(true), strict=True)):
                return True
        return False

    inside = [p for p in every if p.first == p.last or (p.first >= true.first and p.last <= true.last)]
    assert any(is_under(one, other) for one, other in itertools.product(inside, repeat=2))


def test_the_newest_tasks_of_a_service_are_those_that_are_left() -> None:
    changes = [(0, 2), (100, 3), (200, 1), (300, 0)]
    plan = ClusterPlan(
        "spot", PoolKind.SPOT_FLEET, "m5.large", services=tuple(ServiceChange(at, "a", n, WHOLE) for at, n in changes)
    )

    assert [(u.at_s, u.run_s) for u in units(plan, 600)] == [(0, 200), (0, 200), (100, 200)]


@needs_or_tools
@pytest.mark.parametrize("policy", ["steady", "karpenter", "cluster-autoscaler"])
def test_no_policy_that_is_simulated_costs_less(policy: str) -> None:
    day = synthetic.day(3, seed=1)[1]
    jobs = tuple(j for j in day.jobs if j.submit_s < 3 * 3600)[::4]
    market = SpotMarket(900, (4, 4, 2, 4, 0, 4, 4, 1, 4, 4, 4, 4))
    plan = ClusterPlan("spot", PoolKind.SPOT_FLEET, "m5.2xlarge", jobs, day.services, market, on_spot=True)
    spending = Spending(180.0)

    outcome = simulate(policy, Scenario((plan,), 3.0), watch=spending.look)
    usd = limit.prices.dollars(outcome.figures["instance_hours_by"])
    most = limit.most_asked_for(outcome) if policy == "steady" else 100
    asked = limit.question(plan, 3 * 3600, outcome.figures["wait_seconds"]["p95"], outcome, Market(most, market))
    bound = answer(asked, 20).usd

    assert bound <= usd
    # Not nothing: what the tasks reserve is a third of what is paid.
    assert bound > 0.2 * usd
    assert sum(spending.dollars(usd).values()) == pytest.approx(usd)
    assert set(spending.dollars(usd)) == set(KINDS)


def test_without_or_tools_nothing_is_simulated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "ortools", None)
    monkeypatch.setattr(limit, "simulate", lambda *_: pytest.fail("it began all the same"))

    with pytest.raises(NoSearch, match=r"pip install 'ortools>=9,<10'"):
        limit.measure_all(limit.Settings(tmp_path), comparison.WORKLOADS[:1], at_once=1)
