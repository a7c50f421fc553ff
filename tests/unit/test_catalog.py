"""Which tables there should be, and what they are called."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from steady.catalog import LONGEST_NAME, LogTable, Prefix, parameters_of, plan, table_name

APP = Prefix("my-awesome-app", "app")


def names(*prefixes: Prefix) -> dict[Prefix, str]:
    return {table.prefix: table.name for table in plan(prefixes, ()).to_make}


def test_a_table_is_called_as_in_the_talk() -> None:
    assert table_name(APP) == "my_awesome_app_app"


def test_odd_characters_and_case_are_folded() -> None:
    assert table_name(Prefix("My.App/v2".replace("/", " "), "Side+Car")) == "my_app_v2_side_car"


def test_a_name_that_is_too_long_ends_in_a_hash_of_what_it_stood_for() -> None:
    one, other = Prefix("a" * 300, "x"), Prefix("a" * 300, "y")

    assert len(table_name(one)) == len(table_name(other)) == LONGEST_NAME
    assert table_name(one) != table_name(other)


def test_of_two_that_meet_the_first_has_the_name_and_the_other_a_hash() -> None:
    meeting = (Prefix("a-b", "c"), Prefix("a", "b-c"))

    found = names(*meeting)

    assert found[Prefix("a", "b-c")] == "a_b_c"
    assert found[Prefix("a-b", "c")].startswith("a_b_c_")
    # In whatever order they are seen, and whenever.
    assert names(*reversed(meeting)) == found


def test_a_table_that_is_there_keeps_its_name_when_another_would_come_first() -> None:
    there = LogTable("a_b_c", Prefix("a-b", "c"))

    todo = plan([Prefix("a", "b-c"), there.prefix], [there])

    assert todo.kept == (there,)
    assert todo.to_make[0].name.startswith("a_b_c_")


def test_nothing_is_dropped_unless_it_is_told() -> None:
    there = LogTable("old_app", Prefix("old", "app"))

    assert plan([APP], [there]).to_drop == ()
    assert plan([APP], [there], drop_missing=True).to_drop == (there,)


def test_a_column_that_somebody_added_stays_and_one_that_lacks_is_added() -> None:
    there = LogTable("my_awesome_app_app", APP, (("log", "string"), ("request_id", "string")))

    [updated] = plan([APP], [there]).to_update

    assert updated.columns[-1] == ("request_id", "string")
    assert ("time", "string") in updated.columns
    assert plan([APP], [updated]).kept == (updated,)


def test_a_change_of_how_partitions_are_found_updates_the_table() -> None:
    made = replace(plan([APP], ()).to_make[0], projected=True)

    [updated] = plan([APP], [made], projected=False).to_update

    assert "projection.enabled" not in parameters_of(updated, "logs")


TEXT = st.text(st.characters(exclude_characters="/", codec="utf-8"), min_size=1, max_size=40)


@given(st.sets(st.builds(Prefix, TEXT, TEXT), max_size=30))
def test_every_prefix_has_a_table_of_its_own_and_a_second_run_changes_nothing(prefixes: set[Prefix]) -> None:
    first = plan(prefixes, ())

    made = [table.name for table in first.to_make]
    assert len(made) == len(set(made)) == len(prefixes)
    assert all(len(name) <= LONGEST_NAME and name.isascii() for name in made)
    again = plan(prefixes, first.to_make)
    assert (again.to_make, again.to_update, again.to_drop) == ((), (), ())
