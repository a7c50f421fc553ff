"""Drain marks: what is remembered of whom, what ends it, and what is left to others."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steady.cluster import ContainerInstance
from steady.drain_mark import DrainMark, DrainReason
from steady.service_out.doomed import Doomed
from steady.service_out.marking import lasting_mark, mark_of, marks_of, marks_over
from steady.service_out.notice import Notice, Over
from tests.unit.snapshots import instance

AT = 1_767_225_600
MARKS = st.builds(
    DrainMark, st.sampled_from(DrainReason), st.integers(0, 10**11), st.integers(0, 10**11), st.booleans()
)
REBOOT = DrainMark(DrainReason.MAINTENANCE, AT + 7200, AT)


def notice(reason: DrainReason | None, at: float = AT, until_s: float | None = None) -> Notice:
    return Notice("i-1", at, at + 3600, reason=reason, until_s=until_s)


def written(*notices: Notice, status: str = "ACTIVE", mark: DrainMark | None = None) -> DrainMark | None:
    """The mark that the notices write on an instance that carries `mark`."""
    here = replace(instance(1, draining=status == "DRAINING"), drain_mark=mark)
    found = None
    for one in notices:
        found = lasting_mark(found, mark_of(one, AT + 3600))
    return marks_of([Doomed("i-1", "web", AT + 3600, "arn-1", mark=found)], [here]).get("arn-1")


@given(mark=MARKS)
def test_a_mark_is_read_as_it_was_written_and_is_a_value_that_ecs_takes(mark: DrainMark) -> None:
    assert DrainMark.parse(str(mark)) == mark
    assert len(str(mark)) <= 128
    assert set(str(mark)) <= set("abcdefghijklmnopqrstuvwxyz0123456789:")


@given(value=st.one_of(st.text(), st.from_regex(r"(stop|hook|x):\d*:[0-9٣]*(:over|:)?", fullmatch=True)))
def test_no_value_that_somebody_else_writes_breaks_the_reader(value: str) -> None:
    mark = DrainMark.parse(value)

    assert mark is None or DrainMark.parse(str(mark)) == mark


def test_a_notice_writes_its_reason_and_when_that_passes() -> None:
    assert written(notice(DrainReason.STOP)) == DrainMark(DrainReason.STOP, AT + 3600, AT)
    assert written(notice(DrainReason.MAINTENANCE, until_s=AT + 7200)) == REBOOT
    assert written(notice(None)) is None


def test_of_several_reasons_the_one_that_lasts_is_written() -> None:
    both = (notice(DrainReason.RETIREMENT), notice(DrainReason.REBALANCE))

    assert written(*both) == written(*reversed(both)) == DrainMark(DrainReason.RETIREMENT, AT + 3600, AT)


def test_what_somebody_else_has_drained_carries_no_mark() -> None:
    for reason in DrainReason:
        mark = written(notice(reason), status="DRAINING")
        assert (mark is None) is (reason is not DrainReason.HOOK), "what a group gives back is in service"


def test_a_draining_instance_is_marked_anew_unless_a_person_drained_it_or_it_is_to_be_replaced() -> None:
    later = notice(DrainReason.STOP, AT + 60)
    for reason in DrainReason:
        mark = DrainMark(reason, AT + 600, AT)
        kept = reason in (DrainReason.OPERATOR, DrainReason.RETIREMENT)
        assert (written(later, status="DRAINING", mark=mark) is None) is kept
    assert written(notice(DrainReason.MAINTENANCE, AT + 60, AT + 7200), status="DRAINING", mark=REBOOT) is None


def test_an_instance_whose_container_instance_was_not_read_was_drained_by_an_earlier_step() -> None:
    doomed = [Doomed("i-1", "web", AT + 3600, "arn-1", mark=REBOOT), Doomed("i-2", "web", AT + 3600, mark=REBOOT)]

    assert set(marks_of(doomed, [])) == {"arn-1"}, "one that has not registered carries nothing"


@pytest.mark.parametrize("status", ["ACTIVE", "DRAINING"])
def test_a_notice_from_before_the_end_does_not_begin_it_again(status: str) -> None:
    over = REBOOT.ended(AT + 60, AT + 61)

    assert written(notice(DrainReason.MAINTENANCE, AT + 30), status=status, mark=over) is None
    assert written(notice(DrainReason.MAINTENANCE, AT + 90), status=status, mark=over) is not None
    assert over.ended_after(AT + 30)
    assert not over.ended_after(AT + 90)


def here(mark: DrainMark | None) -> dict[str, ContainerInstance]:
    return {"i-1": replace(instance(1, draining=True), drain_mark=mark)}


def test_what_has_passed_ends_the_mark_of_that_reason_and_no_other() -> None:
    over = Over("i-1", AT + 60, frozenset({DrainReason.MAINTENANCE}))

    assert marks_over([over], here(REBOOT), AT + 61) == {"arn-1": REBOOT.ended(AT + 60, AT + 61)}
    assert marks_over([over], here(replace(REBOOT, reason=DrainReason.OPERATOR)), AT + 61) == {}
    assert marks_over([over], here(None), AT + 61) == {}
    assert marks_over([over], {}, AT + 61) == {}


def test_an_event_from_before_the_notice_ends_nothing_and_the_same_event_ends_it_once() -> None:
    early = Over("i-1", AT - 60, frozenset(DrainReason))
    again = Over("i-1", AT + 60, frozenset(DrainReason))

    assert marks_over([early], here(REBOOT), AT) == {}
    assert marks_over([again], here(REBOOT.ended(AT + 60, AT + 61)), AT + 62) == {}
