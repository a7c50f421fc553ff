"""Recurring demand: which rise of the demand is expected, because it came at this time again and again.

The history is two rows of peaks, a few hundred numbers each: slots of three minutes for some hours, and slots of a
quarter of an hour for some days. They show the rises that recur at a time of the hour, or of the day.
"""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from steady.cluster import NOTHING, Size, largest, smallest

HOUR_S, DAY_S = 3600, 86_400
# A rise that came fewer times than this is not a pattern.
FEWEST_TIMES = 3


@dataclass(frozen=True, slots=True)
class Peaks:
    """The highest demand of each of the newest `keep` slots of `slot_s` seconds; `first` numbers the oldest slot."""

    slot_s: int
    keep: int
    first: int = 0
    peaks: tuple[Size, ...] = ()

    def record(self, at: float, demand: Size) -> "Peaks":
        """Return these peaks with `demand` seen at `at`. A slot without a look is taken to be as the one before it."""
        slot = int(at // self.slot_s)
        ahead = slot - self.first - len(self.peaks)
        if not self.peaks or ahead >= self.keep:
            return replace(self, first=slot, peaks=(demand,))
        peaks = list(self.peaks)
        peaks += [peaks[-1]] * ahead
        if ahead >= 0:
            peaks.append(demand)
        elif slot >= self.first:
            peaks[slot - self.first] = largest(peaks[slot - self.first], demand)
        gone = max(0, len(peaks) - self.keep)
        return replace(self, first=self.first + gone, peaks=tuple(peaks[gone:]))

    def peak_of(self, slot: int) -> Size | None:
        """Return the peak of a slot; None if it is not known."""
        index = slot - self.first
        return self.peaks[index] if 0 <= index < len(self.peaks) else None

    def highest(self, first: int, last: int) -> Size | None:
        """Return the highest peak of the slots from `first` to `last`; None if any of them is not known."""
        found = NOTHING
        for slot in range(first, last + 1):
            peak = self.peak_of(slot)
            if peak is None:
                return None
            found = largest(found, peak)
        return found


RECENT = Peaks(slot_s=180, keep=160)
DAYS = Peaks(slot_s=900, keep=7 * 96)


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A demand that is about to recur, as it did in `times` of the last `of` periods of `every_s` seconds."""

    demand: Size
    every_s: int
    times: int
    of: int


@dataclass(frozen=True, slots=True)
class History:
    """The peaks of the last hours and of the last days, and which rises of the demand they lead to expect.

    Attributes:
        confidence_percent: in how many of 100 of the known hours or days a rise must have come.
    """

    recent: Peaks
    days: Peaks
    confidence_percent: int

    def recurring(self, now: float, until: float, running: Size, cover: float = 1.0) -> list[Recurrence]:
        """Return the demands expected by `until`, because a rise came at this time in most of the last periods.

        A rise is measured from the slot before it: so the pattern is the same on a busy day and on a quiet one. How
        large the rise of this hour will be, the same hour of earlier days says, if these days went as today did an hour
        ago. Else it is the larger one of the last rise and of the upper quartile of the last four.

        Args:
            now, until: in seconds since the epoch.
            running: what runs now; the rise is expected on top of it, unless it has come already.
            cover: which part of the rise is to find room; over 1 if it tends to be larger than expected.
        """
        found = []
        hours = _rises(self.recent, HOUR_S, now, until)
        days = _rises(self.days, DAY_S, now, until)
        an_hour_ago = _rises(self.days, DAY_S, now - HOUR_S, until - HOUR_S)
        by_hour = _each(_rise_of_this_hour, hours, days, an_hour_ago) if self._recurs(hours) else NOTHING
        by_day = _each(_upper_quartile, days) if self._recurs(days) else NOTHING
        for peaks, every_s, rise, known in (
            (self.recent, HOUR_S, by_hour, len(hours)),
            (self.days, DAY_S, by_day, len(days)),
        ):
            before = peaks.peak_of(int(now // peaks.slot_s) - 1)
            if before is not None and rise != NOTHING:
                demand = smallest(before, running) + Size(
                    math.ceil(rise.cpu_units * cover), math.ceil(rise.memory_mib * cover)
                )
                found.append(Recurrence(demand, every_s, self._times(known), known))
        return found

    def usual_rise(self, now: float, within_s: float) -> Size:
        """Return the rise within `within_s` seconds that nine in ten were at most, of those at this time of each hour.

        Those count that began in the slot of `now`, or in the one before or after it.
        """
        slot_s = self.recent.slot_s
        rises: list[Size] = []
        for beside in (-slot_s, 0, slot_s):
            at = now + beside + slot_s
            rises += _rises(self.recent, HOUR_S, at, at + within_s - slot_s)
        return _each(lambda values: sorted(values)[math.ceil(0.9 * len(values)) - 1], rises) if rises else NOTHING

    def _times(self, known: int) -> int:
        return math.ceil(self.confidence_percent * known / 100)

    def _recurs(self, rises: Sequence[Size]) -> bool:
        """Whether the demand for CPU or memory rose often enough by a quarter of what it usually did, or more."""
        if len(rises) < FEWEST_TIMES:
            return False
        often = len(rises) - self._times(len(rises))
        return any(
            4 * values[often] >= statistics.median(values) > 0
            for values in (sorted(s.cpu_units for s in rises), sorted(s.memory_mib for s in rises))
        )


def _rise_of_this_hour(hours: Sequence[int], days: Sequence[int], an_hour_ago: Sequence[int]) -> int:
    last, usual = hours[0], max(hours[0], _upper_quartile(hours[:4]))
    if not days:
        return usual
    if not an_hour_ago:
        return max(usual, _upper_quartile(days))
    goes_alike = 2 * last <= 3 * _upper_quartile(an_hour_ago) <= 4.5 * last
    return _upper_quartile(days) if goes_alike else usual


def _rises(peaks: Peaks, every_s: int, now: float, until: float) -> list[Size]:
    """Return by how much the demand rose at this time of each earlier period, the last one first, as far as known."""
    slot, last = int(now // peaks.slot_s), int(until // peaks.slot_s)
    rises: list[Size] = []
    for period in range(1, peaks.keep * peaks.slot_s // every_s + 1):
        back = period * every_s // peaks.slot_s
        base, highest = peaks.peak_of(slot - 1 - back), peaks.highest(slot - back, last - back)
        if base is None or highest is None:
            break
        rises.append(largest(highest - base, NOTHING))
    return rises


def _upper_quartile(values: Sequence[int]) -> int:
    return sorted(values)[math.ceil(0.75 * len(values)) - 1]


def _each(of: Callable[..., int], *series: Sequence[Size]) -> Size:
    """Return what `of` says of the CPU units of each of `series`, and of their MiB."""
    return Size(
        of(*([size.cpu_units for size in sizes] for sizes in series)),
        of(*([size.memory_mib for size in sizes] for sizes in series)),
    )
