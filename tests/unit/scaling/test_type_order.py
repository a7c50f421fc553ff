"""The order of a pool's types: whatever crashes and whoever else writes, it ends as the operator's."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from steady.pools import Pool, PoolKind, PoolName
from steady.scaling.change import Change
from steady.scaling.state import ScalingState
from steady.scaling.type_order import OrderRestored, TypePutFirst, with_first

TYPES = ("a.large", "b.large", "c.large")
POOL = Pool(PoolName(PoolKind.AUTO_SCALING_GROUP, "web"), 1, 0, 10, order=TYPES)


class World:
    """A group with an order, and the ledger: a look writes the ledger first, and then perhaps the group."""

    def __init__(self) -> None:
        self.pool, self.state = POOL, ScalingState()
        self.operators: tuple[str, ...] = TYPES

    def look(self, *front: str, crashes: bool = False) -> Change:
        change = with_first(Change(), front, self.pool, self.state)
        self.state = replace(self.state, **change.state)
        if change.order and not crashes:
            self.pool = replace(self.pool, order=change.order)
        return change

    def write(self, order: tuple[str, ...]) -> None:
        """Let the operator set another order than the one that scaling has set: those two cannot be told apart."""
        if order != self.state.order_set:
            self.operators = order
            self.pool = replace(self.pool, order=order)


def test_a_type_is_put_first_once_and_the_others_keep_their_order() -> None:
    world = World()

    [reason] = world.look("c.large").reasons
    assert reason == TypePutFirst("c.large", TYPES)
    assert world.pool.order == ("c.large", "a.large", "b.large")
    assert world.look("c.large") == Change(state={"order_before": TYPES, "order_set": world.pool.order})
    assert world.look().reasons == (OrderRestored(TYPES),)
    assert world.look() == Change(state={"order_before": (), "order_set": ()})


def test_a_type_that_the_pool_does_not_have_and_a_pool_without_an_order_change_nothing() -> None:
    for first, pool in (("z.large", POOL), ("a.large", replace(POOL, order=())), ("a.large", POOL)):
        assert not with_first(Change(), (first,), pool, ScalingState()).order


def test_the_types_that_would_do_as_well_come_next() -> None:
    world = World()

    [reason] = world.look("c.large", "b.large").reasons
    assert reason == TypePutFirst("c.large", TYPES, ("b.large",))
    assert "c.large is put first, and b.large next, in the group's overrides" in str(reason)
    assert world.pool.order == ("c.large", "b.large", "a.large")
    assert not world.look(*world.pool.order).order, "it stays"
    assert world.look().reasons == (OrderRestored(TYPES),)


FRONT = st.lists(st.sampled_from(TYPES), unique=True, max_size=len(TYPES)).map(tuple)
LOOKS = st.tuples(st.just("look"), FRONT, st.booleans())
WRITES = st.tuples(st.just("write"), st.permutations(TYPES).map(tuple), st.just(False))


@given(st.lists(st.one_of(LOOKS, WRITES), max_size=12))
def test_once_no_task_waits_the_order_is_the_one_that_the_operator_wrote_last(
    events: list[tuple[str, tuple[str, ...], bool]],
) -> None:
    world = World()
    for kind, what, crashes in events:
        if kind == "look":
            world.look(*what, crashes=crashes)
        else:
            world.write(what)

    for _ in range(3):
        world.look()

    assert world.pool.order == world.operators
    assert (world.state.order_before, world.state.order_set) == ((), ())


@given(st.lists(st.tuples(FRONT, st.booleans()), max_size=8), FRONT.filter(bool))
def test_what_waits_gets_its_types_first_within_three_looks(
    looks: list[tuple[tuple[str, ...], bool]], front: tuple[str, ...]
) -> None:
    world = World()
    for wanted, crashes in looks:
        world.look(*wanted, crashes=crashes)

    for _ in range(3):
        world.look(*front)

    assert world.pool.order[: len(front)] == front
