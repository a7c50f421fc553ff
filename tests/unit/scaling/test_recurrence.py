"""What comes back: found where it came often enough, forgotten where it did not."""

from hypothesis import given
from hypothesis import strategies as st

from steady.cluster import NOTHING, Size
from steady.scaling.recurrence import DAY_S, HOUR_S, History, Peaks, Recurrence
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
    return next(iter(all_due(peaks, Peaks(900, 672), confidence, running)), None)


def all_due(
    peaks: Peaks, days: Peaks, confidence: int = 90, running: Size = CALM, cover: float = 1.0
) -> list[Recurrence]:
    end = (peaks.first + len(peaks.peaks)) * SLOT_S
    return History(peaks, days, confidence).recurring(end - 60, end + 60, running, cover)


def test_a_burst_that_came_each_hour_is_due() -> None:
    assert due(hours(5000, 5000, 5000, 5000)) == Recurrence(CALM + Size(5000, 0), HOUR_S, 3, 3)


def test_three_times_are_a_pattern_and_two_are_none() -> None:
    assert due(hours(0, 5000, 5000)) is None


def test_what_came_less_often_than_the_confidence_asks_is_no_pattern() -> None:
    sometimes = hours(0, 5000, 0, 5000, 5000, 5000)

    assert due(sometimes, confidence=90) is None
    assert due(sometimes, confidence=60) == Recurrence(CALM + Size(5000, 0), HOUR_S, 3, 5)


def test_it_is_taken_to_be_as_large_as_three_times_in_four_lately_or_as_the_last_time() -> None:
    usual, larger = due(hours(0, 9000, 4000, 4500, 5000, 4800)), due(hours(0, 4000, 4000, 4000, 12_000))

    assert usual is not None
    assert usual.demand == CALM + Size(4800, 0)
    assert larger is not None
    assert larger.demand == CALM + Size(12_000, 0)


def test_a_rise_that_grew_is_still_a_pattern() -> None:
    """Three large rises among seven raise the median to more than twice the smallest one."""
    found = due(hours(0, 2000, 5000, 4000, 4000, 3000, 11_000, 11_500))

    assert found is not None
    assert found.demand == CALM + Size(11_500, 0)


def test_what_recurs_in_memory_is_foreseen_in_cpu_too() -> None:
    peaks = Peaks(SLOT_S, 100)
    for hour, cpu in enumerate((0, 4000, 100, 5000, 90, 4500)):
        for slot in range(SLOTS):
            more = Size(cpu, 9000 if cpu else 0)
            peaks = peaks.record(NOW + hour * HOUR_S + slot * SLOT_S, CALM + more if slot == 0 else CALM)

    found = due(peaks)

    assert found is not None
    assert found.demand == CALM + Size(4500, 9000)


def days(*bursts: int) -> Peaks:
    """Two days that begin at `NOW` less a day; of each, the bursts of the first hours."""
    peaks = Peaks(900, 672)
    for day in (-1, 0):
        for hour in range(-2, 24 if day < 0 else len(bursts) - 1):
            for slot in range(4):
                burst = bursts[hour] if 0 <= hour < len(bursts) else bursts[0]
                at = NOW + day * DAY_S + hour * HOUR_S + slot * 900
                peaks = peaks.record(at, CALM + Size(burst, 0) if slot == 0 else CALM)
    return peaks


def test_how_large_it_is_says_the_same_hour_of_the_day_before_if_the_days_go_alike() -> None:
    """At one, two and three o'clock there are large batches, at all other hours small ones."""
    today = (3000, 12_000, 12_000, 12_000)
    alike = all_due(hours(*today), days(*today, 3000))

    assert [(found.demand, found.every_s) for found in alike] == [(CALM + Size(3000, 0), HOUR_S)]


def test_the_day_before_says_nothing_where_today_goes_otherwise() -> None:
    other = all_due(hours(3000, 3000, 3000, 3000, 12_000), days(3000, 3000, 3000, 3000, 3000))

    assert [found.demand for found in other] == [CALM + Size(12_000, 0)]


def test_as_much_of_a_rise_is_covered_as_was_learned() -> None:
    hourly = hours(0, 5000, 5000, 5000)

    assert [found.demand for found in all_due(hourly, Peaks(900, 672), cover=0.5)] == [CALM + Size(2500, 0)]


def test_the_rise_that_is_usual_at_this_time_is_known() -> None:
    peaks = hours(0, *([5000] * 8), 90_000)
    end = (peaks.first + len(peaks.peaks)) * SLOT_S
    history = History(peaks, Peaks(900, 672), 90)

    assert history.usual_rise(end - 1, 600) == Size(5000, 0), "one of them was far larger, and is left out"
    assert history.usual_rise(end - HOUR_S // 2, 600) == NOTHING
    assert History(Peaks(SLOT_S, 100), Peaks(900, 672), 90).usual_rise(end, 600) == NOTHING


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
