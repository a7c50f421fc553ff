"""What comes back: found where it came often enough, forgotten where it did not."""

from hypothesis import given
from hypothesis import strategies as st

from steady.cluster import NOTHING, Size
from steady.scaling.recurrence import HOUR_S, Peaks, Recurrence, recurring
from tests.unit.snapshots import NOW

SLOT_S = 300
SLOTS = HOUR_S // SLOT_S
CALM = Size(1000, 4000)


def hours(*bursts: int) -> Peaks:
    """One hour after another: calm but for its first slot, which is `burst` CPU units higher."""
    peaks = Peaks(SLOT_S, 100)
    for hour, burst in enumerate(bursts):
        for slot in range(SLOTS):
            peaks = peaks.record(NOW + hour * HOUR_S + slot * SLOT_S, CALM + Size(burst, 0) if slot == 0 else CALM)
    return peaks


def due(peaks: Peaks, confidence: int = 90, running: Size = CALM) -> Recurrence | None:
    """What is due at the end of the last hour of `peaks`, a minute before the next one, while `running` runs."""
    end = (peaks.first + len(peaks.peaks)) * SLOT_S
    return recurring(peaks, HOUR_S, end - 60, end + 60, confidence, running)


def test_a_burst_that_came_each_hour_is_due() -> None:
    assert due(hours(5000, 5000, 5000, 5000)) == Recurrence(CALM + Size(5000, 0), HOUR_S, 3, 3)


def test_three_times_are_a_pattern_and_two_are_none() -> None:
    assert due(hours(0, 5000, 5000)) is None


def test_what_came_less_often_than_the_confidence_asks_is_no_pattern() -> None:
    sometimes = hours(0, 5000, 0, 5000, 5000, 5000)

    assert due(sometimes, confidence=90) is None
    assert due(sometimes, confidence=60) == Recurrence(CALM + Size(5000, 0), HOUR_S, 3, 5)


def test_it_is_taken_to_be_as_large_as_it_was_three_times_in_four() -> None:
    found = due(hours(0, 4000, 4500, 5000, 6000))

    assert found is not None
    assert found.demand == CALM + Size(5000, 0)


def test_it_comes_on_top_of_what_runs_unless_it_is_there_already() -> None:
    hourly = hours(0, 5000, 5000, 5000)
    less, more = due(hourly, running=Size(400, 400)), due(hourly, running=Size(6000, 9000))

    assert less is not None
    assert less.demand == Size(5400, 400)
    assert more is not None
    assert more.demand == CALM + Size(5000, 0)


def test_what_only_looks_like_a_rise_by_chance_is_none() -> None:
    # Each hour a rise, but now small and now large: nothing to get ready for.
    assert due(hours(0, 100, 9000, 50, 8000)) is None


def test_a_slot_that_nobody_looked_at_is_as_the_one_before() -> None:
    peaks = Peaks(SLOT_S, 100).record(0, Size(1, 1)).record(3 * SLOT_S, Size(5, 5))

    assert [peaks.peak_of(slot) for slot in range(5)] == [Size(1, 1)] * 3 + [Size(5, 5), None]


@given(st.lists(st.tuples(st.floats(0, 1e6), st.integers(0, 10_000)), max_size=60))
def test_the_history_stays_small_and_knows_the_highest_of_each_slot(looks: list[tuple[float, int]]) -> None:
    peaks, highest = Peaks(SLOT_S, 20), dict[int, int]()
    for at, cpu in sorted(looks):
        peaks = peaks.record(at, Size(cpu, 0))
        slot = int(at // SLOT_S)
        highest[slot] = max(cpu, highest.get(slot, 0))

    assert len(peaks.peaks) <= 20
    for slot, cpu in highest.items():
        assert peaks.peak_of(slot) in (None, Size(cpu, 0))
    if looks:
        assert peaks.peak_of(max(highest)) not in (None, NOTHING) or highest[max(highest)] == 0
