"""What a cluster's demand has been, and what that says of the next minutes: plain shares of what was seen before.

The history is two rows of peaks, each a few hundred numbers: three-minute slots of some hours, and quarters of an hour
of some days. From them comes the rise that came at this time of the hour, or of the day, again and again.
"""

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from steady.cluster import NOTHING, Size

HOUR_S, DAY_S = 3600, 86_400
# What came fewer times than this is no pattern.
FEWEST_TIMES = 3


@dataclass(frozen=True, slots=True)
class Peaks:
    """The highest demand of each slot of `slot_s` seconds, the newest `keep` of them; `first` numbers the oldest."""

    slot_s: int
    keep: int
    first: int = 0
    peaks: tuple[Size, ...] = ()

    def seen(self, at: float, demand: Size) -> "Peaks":
        """With `demand` seen at `at`; slots in which nobody looked are taken to be as the one before them."""
        slot = int(at // self.slot_s)
        ahead = slot - self.first - len(self.peaks)
        if not self.peaks or ahead >= self.keep:
            return replace(self, first=slot, peaks=(demand,))
        peaks = list(self.peaks)
        peaks += [peaks[-1]] * ahead
        if ahead >= 0:
            peaks.append(demand)
        elif slot >= self.first:
            peaks[slot - self.first] |= demand
        gone = max(0, len(peaks) - self.keep)
        return replace(self, first=self.first + gone, peaks=tuple(peaks[gone:]))

    def of(self, slot: int) -> Size | None:
        index = slot - self.first
        return self.peaks[index] if 0 <= index < len(self.peaks) else None

    def highest(self, first: int, last: int) -> Size | None:
        """The highest of the slots from `first` to `last`; None if any of them is not known."""
        found = NOTHING
        for slot in range(first, last + 1):
            peak = self.of(slot)
            if peak is None:
                return None
            found |= peak
        return found


RECENT = Peaks(slot_s=180, keep=160)
DAYS = Peaks(slot_s=900, keep=7 * 96)


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A demand that is about to come back, as in `times` of the last `of` periods of `every_s` seconds."""

    demand: Size
    every_s: int
    times: int
    of: int


def recurring(
    peaks: Peaks, every_s: int, now: float, until: float, confidence_percent: int, running: Size
) -> Recurrence | None:
    """The demand to come by `until`, if a rise came at this time in `confidence_percent` of the last periods.

    The rise is that over the slot before: so the pattern is the same on a day of more work and on one of less. It is
    taken to be as large as it was three times in four, so that most of its tasks find room.

    Args:
        running: what runs now; the rise comes on top of it, unless it is there already.
    """
    slot, last = int(now // peaks.slot_s), int(until // peaks.slot_s)
    before = peaks.of(slot - 1)
    if before is None:
        return None
    rises = []
    for period in range(1, peaks.keep * peaks.slot_s // every_s + 1):
        back = period * every_s // peaks.slot_s
        base, highest = peaks.of(slot - 1 - back), peaks.highest(slot - back, last - back)
        if base is None or highest is None:
            break
        rises.append(_rise(base, highest))
    if len(rises) < FEWEST_TIMES:
        return None
    times = math.ceil(confidence_percent * len(rises) / 100)
    rise = _each(rises, lambda values: _usual(values, times))
    if rise == NOTHING:
        return None
    return Recurrence((before & running) + rise, every_s, times, len(rises))


def _usual(rises: Sequence[int], times: int) -> int:
    """The upper quartile of `rises`; 0 where not so many `times` half of their median came: that is no pattern."""
    smallest_first = sorted(rises)
    if 2 * smallest_first[len(rises) - times] < statistics.median(rises):
        return 0
    return smallest_first[math.ceil(0.75 * len(rises)) - 1]


def _rise(before: Size, after: Size) -> Size:
    return (after - before) | NOTHING


def _each(sizes: Iterable[Size], of: Callable[[Sequence[int]], int]) -> Size:
    all_ = list(sizes)
    return Size(of([s.cpu_units for s in all_]), of([s.memory_mib for s in all_]))
