"""Scale-in keeps the zones of a group balanced."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steady.cluster import Size, Snapshot
from steady.pools import Pool, PoolKind, PoolName
from steady.scaling.decision import decide
from steady.scaling.zones import ZoneUnits, in_balance
from steady.thresholds import Thresholds
from tests.unit.snapshots import NOW, instance, snapshot, state

SMALL = Size(256, 500)


def pool_of(*zones: str, balanced_over: str = "abc", types: str = "") -> Pool:
    """A group with an instance in each of `zones`, named by its number."""
    members = {str(n): types[n] if types else "m5.large" for n in range(len(zones))}
    by_zone = {z: frozenset(str(n) for n, zone in enumerate(zones) if zone == z) for z in balanced_over}
    name = PoolName(PoolKind.AUTO_SCALING_GROUP, "web")
    return Pool(name, len(zones), 0, 100, members, {"s": 1, "l": 4} if types else {}, zones=by_zone)


def zoned(*zones: str, used: dict[int, Size] | None = None) -> Snapshot:
    world = snapshot(
        [instance(n, (used or {}).get(n, Size(0, 0))) for n in range(len(zones))], kind=PoolKind.AUTO_SCALING_GROUP
    )
    by_zone = {z: frozenset(f"i-{n}" for n, zone in enumerate(zones) if zone == z) for z in "abc"}
    return replace(world, pool=replace(world.pool, zones=by_zone))


def drained(world: Snapshot, share: int = 100) -> tuple[str, ...]:
    thresholds = Thresholds(scale_in_after_seconds=300, scale_in_share=share, start_at_once_share=0)
    return decide(world, state(low_since=NOW - 300), thresholds).to_drain


def test_of_instances_that_cost_the_same_one_of_the_fullest_zone_goes() -> None:
    assert drained(zoned("a", "b", "c", "c"), share=25) == ("arn-2",)


def test_an_idle_instance_whose_zone_would_be_short_stays_until_others_have_gone() -> None:
    used = {0: SMALL, 1: SMALL, 3: SMALL, 4: SMALL}
    world = zoned("a", "b", "c", "a", "b", "c", used=used)

    # The idle ones are both of the zone c: the second of them goes after one of each other zone.
    assert drained(world, share=17) == ("arn-2",)
    assert drained(world, share=67) == ("arn-2", "arn-0", "arn-1", "arn-5")


def test_an_emptied_instance_waits_for_those_of_other_zones() -> None:
    world = zoned("a", "a", "b", "b", "c", "c")
    draining = {f"arn-{n}": f"i-{n}" for n in (2, 3, 4)}
    instances = tuple(instance(n, SMALL if n == 4 else Size(0, 0), draining=n in (2, 3, 4)) for n in range(6))
    world = replace(world, instances=instances)
    leaves = Thresholds(scale_in_after_seconds=9999)

    assert decide(world, state(draining=draining), leaves).to_terminate == ("i-2",)
    # Nothing else is draining that could restore the balance.
    emptied = replace(world, instances=(*instances[:4], instance(4, draining=True), instances[5]))
    assert decide(emptied, state(draining=draining), leaves).to_terminate == ("i-2", "i-3", "i-4")


def test_a_pool_that_balances_no_zones_gives_what_is_cheapest() -> None:
    world = zoned("a", "b", "c", "c", used={2: SMALL, 3: SMALL})

    assert drained(replace(world, pool=replace(world.pool, zones={})), share=50) == ("arn-0", "arn-1")


def test_a_zone_without_capacity_does_not_stop_scale_in() -> None:
    assert list(in_balance(["0", "1", "2", "3"], ZoneUnits.of(pool_of("a", "a", "b", "b")))) == ["0", "1", "2", "3"]


@pytest.mark.parametrize("first", ["0", "1"])
def test_zones_are_counted_in_units(first: str) -> None:
    """Four units more in one zone are no imbalance where an instance counts four."""
    pool = pool_of("a", "b", "b", "b", "b", "c", types="lssssl")

    order = [first, *(id_ for id_ in pool.members if id_ != first)]
    assert list(in_balance(order, ZoneUnits.of(pool))) == order


@given(st.lists(st.sampled_from("abc"), max_size=12), st.randoms(use_true_random=False))
def test_no_instance_that_goes_unbalances_the_zones(zones: list[str], random: object) -> None:
    pool = pool_of(*zones)
    order = sorted(pool.members)
    random.shuffle(order)  # type: ignore[attr-defined]
    units = Counter({zone: zones.count(zone) for zone in "abc"})
    differences = [max(units.values()) - min(units.values())]

    for one in in_balance(order, ZoneUnits.of(pool)):
        units[zones[int(one)]] -= 1
        differences.append(max(units.values()) - min(units.values()))

    assert all(after <= max(1, before) for before, after in itertools.pairwise(differences))
    assert not +units, "all can go, in some order"
