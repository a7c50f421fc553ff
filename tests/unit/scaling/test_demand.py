"""Demands: counted once, in whatever order and however often they are said."""

from hypothesis import given
from hypothesis import strategies as st

from steady.cluster import Size
from steady.scaling.demand import MAX_DEMANDS, Demand, merge_demands, still_repeated, waiting

DEMANDS = st.lists(
    st.builds(
        lambda key, at: Demand(key, Size(1024, 2048), at, at),
        st.sampled_from(["a", "b", "c"]),
        st.floats(0, 1000, allow_nan=False),
    ),
    max_size=20,
)


@given(DEMANDS, st.randoms())
def test_order_and_repetition_do_not_matter(said: list[Demand], random: st.DataObject) -> None:
    shuffled = said + said[:3]
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert merge_demands({}, shuffled) == merge_demands({}, said)


def test_a_demand_lives_as_long_as_it_is_said_again() -> None:
    said = {d.key: d for d in (Demand("a", Size(1, 1), 0, 100), Demand("b", Size(1, 1), 0, 69.9))}

    assert set(still_repeated(said, now=100, silent_after_s=30)) == {"a"}


def test_those_that_wait_longest_are_kept_when_there_are_too_many() -> None:
    said = [Demand(str(number), Size(1, 1), number, number) for number in range(MAX_DEMANDS + 10)]

    kept = merge_demands({}, reversed(said))

    assert len(kept) == MAX_DEMANDS
    assert "0" in kept
    assert str(MAX_DEMANDS) not in kept


def test_what_was_not_said_again_a_moment_ago_was_most_likely_placed() -> None:
    said = {d.key: d for d in (Demand("waits", Size(1, 1), 0, 88), Demand("placed", Size(1, 1), 0, 80))}

    assert [d.key for d in waiting(said, now=100)] == ["waits"]


def test_a_demand_that_was_seen_stays_seen_when_it_is_said_again() -> None:
    known = {"a": Demand("a", Size(1, 1), 0, 0, seen=True)}

    assert merge_demands(known, [Demand("a", Size(1, 1), 10, 10)])["a"] == Demand("a", Size(1, 1), 0, 10, seen=True)
