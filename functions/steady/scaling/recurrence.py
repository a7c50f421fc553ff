"""Recurring demand: which rise of the demand is expected, because it came at this time again and again.

The history is two rows of peaks, a few hundred numbers each: slots of three minutes for some hours, and slots of a
quarter of an hour for some days. They show the rises that recur at a time of the hour, or of the day.
"""

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
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


def recurring(
    peaks: Peaks, every_s: int, now: float, until: float, confidence_percent: int, running: Size
) -> Recurrence | None:
    """Return the demand expected by `until`, if a rise came at this time in `confidence_percent` of the last periods.

    A rise is measured from the slot before it: so the pattern is the same on a busy day and on a quiet one. The
    expected rise is the upper quartile of the earlier ones, so that most of its tasks find room.

    Args:
        every_s: the length of a period, in seconds.
        now, until: in seconds since the epoch.
        running: what runs now; the rise is expected on top of it, unless it has come already.
    """
    slot, last = int(now // peaks.slot_s), int(until // peaks.slot_s)
    before = peaks.peak_of(slot - 1)
    if before is None:
        return None
    rises = []
    for period in range(1, peaks.keep * peaks.slot_s // every_s + 1):
        back = period * every_s // peaks.slot_s
        base, highest = peaks.peak_of(slot - 1 - back), peaks.highest(slot - back, last - back)
        if base is None or highest is None:
            break
        rises.append(_rise(base, highest))
    if len(rises) < FEWEST_TIMES:
        return None
    times = math.ceil(confidence_percent * len(rises) / 100)
    rise = _each(rises, lambda values: _usual(values, times))
    if rise == NOTHING:
        return None
    return Recurrence(smallest(before, running) + rise, every_s, times, len(rises))


def _usual(rises: Sequence[int], times: int) -> int:
    """Return the upper quartile of `rises`; 0 if fewer than `times` of them reach half of their median: no pattern."""
    smallest_first = sorted(rises)
    if 2 * smallest_first[len(rises) - times] < statistics.median(rises):
        return 0
    return smallest_first[math.ceil(0.75 * len(rises)) - 1]


def _rise(before: Size, after: Size) -> Size:
    return largest(after - before, NOTHING)


def _each(sizes: Iterable[Size], of: Callable[[Sequence[int]], int]) -> Size:
    all_ = list(sizes)
    return Size(of([s.cpu_units for s in all_]), of([s.memory_mib for s in all_]))
