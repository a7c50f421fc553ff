"""Choose new instances again and again: a few of a choice are taken back, and chosen anew.

The instance is chosen whose price is the lowest for what its tasks are worth, until no task is left. Worths and prices
are drawn a little off what they are, so that other instances are tried (ruin and recreate: Schrimpf, Schneider,
Stamm-Wilbrandt and Dueck, "Record Breaking Optimization Results Using the Ruin and Recreate Principle", 2000).
"""

import math
import operator
from collections.abc import Sequence

from steady.scaling.choice import NOT_LIMITED, Choice, Filling, Search, part_of

# So many instances at most are chosen anew at a time.
MOST_CHANGED = 8
# A choice that is dearer than the best one by this fraction is still worked on.
WORSE = 0.04
# By which fraction worths and prices are drawn off what they are.
SPREAD = 0.3
# How often an instance is to hold fewer of some kinds of tasks than it could.
CAPPED = 0.3


class Recreation:
    """A search by ruin and recreate."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self._problem = search.problem
        self._offers, self._kinds = search.problem.offers, search.problem.kinds
        self._counts = [kind.count for kind in self._kinds]
        # What is worked on, and the best choice that was known when it was left.
        self._now: Choice = ()
        self._best: tuple[int, float] = (0, 0.0)
        # Of each offer, which part of it one task of each kind takes.
        self._part = [[part_of(one, kind) for kind in self._kinds] for one in self._offers]
        self._order = [self._by_density(number, self._problem.worth) for number in range(len(self._offers))]

    def first(self) -> Choice:
        """Return a choice made in one go."""
        prices = [one.price for one in self._offers]
        return self._filled(self._counts, dict(self._problem.units), self._problem.worth, prices)

    def better(self, best: Choice, rounds: int, most_looked_at: int) -> Choice:
        """Return the best choice that is found from `best` on, or from where the last call ended if `best` is as then.

        Args:
            rounds: how often a part of a choice is chosen anew.
            most_looked_at: where the search ends before (`Search.looked_at`).
        """
        now = self._now if self._now and self._problem.value(best) == self._best else best
        for _ in range(rounds if best else 0):
            if self._search.looked_at > most_looked_at:
                break
            tried = self._changed(now)
            lacks, usd = self._problem.value(tried)
            if (lacks, usd) < self._problem.value(best):
                best = tried
            # A little worse is kept, too: else the search ends at the first choice that no small change improves.
            if (lacks, usd * (1 - WORSE)) < self._problem.value(best):
                now = tried
        self._now, self._best = now, self._problem.value(best)
        return best

    def _changed(self, choice: Choice) -> Choice:
        """Return the choice with a few of its instances chosen anew: any, or those that are used the least."""
        search, count = self._search, len(choice)
        some = 1 + search.whole_below(min(MOST_CHANGED, count)) if search.below(1) < 0.9 else count
        # Half of the time, how much of an instance is used counts more than chance.
        weight = search.below(1) < 0.5
        ranks = [(self._use(*one) if weight else 0.0) + search.below(0.3) for one in choice]
        taken_back = set(sorted(range(count), key=ranks.__getitem__)[:some])
        kept = [one for index, one in enumerate(choice) if index not in taken_back]
        left, units = list(self._counts), self._problem.units_left([offer for offer, _ in kept])
        for _, filling in kept:
            for kind, number in enumerate(filling):
                left[kind] -= number
        filled_up = self._with_filled_up(kept, left) if search.below(1) < 0.5 else kept
        worth = [usd * search.around(SPREAD) for usd in self._problem.worth]
        prices = [one.price * search.around(SPREAD) for one in self._offers]
        caps = [max(1, int(search.below(count))) if search.below(1) < CAPPED else count for count in left]
        return [*filled_up, *self._filled(left, units, worth, prices, caps)]

    def _with_filled_up(self, choice: Choice, left: list[int]) -> Choice:
        """Put what fits of `left` on instances that have room. `left` becomes less."""
        found = []
        for offer, filling in choice:
            more = self._filling(offer, left, self._order[offer], filling)
            if any(more):
                for kind, number in enumerate(more):
                    left[kind] -= number
                found.append((offer, tuple(map(operator.add, filling, more))))
            else:
                found.append((offer, filling))
        return found

    def _use(self, offer: int, filling: Filling) -> float:
        return sum((part * count for part, count in zip(self._part[offer], filling, strict=True)), 0.0)

    def _filled(
        self,
        left: Sequence[int],
        units: dict[str, float],
        worth: Sequence[float],
        prices: Sequence[float],
        caps: Sequence[int] = (),
    ) -> Choice:
        """Choose the offer with the lowest price for its worth, as often as its tasks last, until no task is left."""
        left = list(left)
        orders = [self._by_density(number, worth) for number in range(len(self._offers))]
        # Of each offer, its price for what it is worth now, and what it takes; None: it is to be looked at anew.
        known: list[tuple[float, Filling] | None] = [None] * len(self._offers)
        choice: list[tuple[int, Filling]] = []
        while any(left):
            limits = list(map(min, left, caps)) if caps else left
            best, found = math.inf, None
            for number, one in enumerate(self._offers):
                if one.weight > units[one.pool]:
                    continue
                looked = known[number]
                if looked is None:
                    filling = self._filling(number, limits, orders[number])
                    value = sum(map(operator.mul, worth, filling))
                    looked = known[number] = (prices[number] / value if value else math.inf, filling)
                if looked[0] < best - 1e-12:
                    best, found = looked[0], (number, looked[1])
            if found is None:
                break
            number, filling = found
            one = self._offers[number]
            times = min(left[kind] // count for kind, count in enumerate(filling) if count)
            times = min(times, int(units[one.pool] // one.weight))
            choice += [found] * times
            units[one.pool] -= times * one.weight
            for kind, count in enumerate(filling):
                left[kind] -= times * count
            # What an instance takes changes only where less is left of a kind than it took.
            known = [each if each and all(map(operator.le, each[1], left)) else None for each in known]
        return choice

    def _by_density(self, offer: int, worth: Sequence[float]) -> Sequence[int]:
        """Return the kinds that an instance may hold: those first that are worth most for the part that they take."""
        part, most = self._part[offer], self._offers[offer].most
        return sorted((kind for kind, many in enumerate(most) if many), key=lambda kind: -worth[kind] / part[kind])

    def _filling(self, offer: int, left: Sequence[int], order: Sequence[int], filled: Filling = ()) -> Filling:
        """Return what an instance takes of `left`: as many as it holds of each kind, in this `order`.

        Args:
            filled: what it holds already.
        """
        self._search.looked_at += len(left)
        most = self._offers[offer].most
        cpu, memory, gpus, enis = self._offers[offer].has
        ports: frozenset[int] = frozenset()
        for kind, count in zip(self._kinds, filled, strict=False):
            if count:
                need_cpu, need_memory, need_gpus, need_enis = kind.needs
                cpu, memory = cpu - need_cpu * count, memory - need_memory * count
                gpus, enis = gpus - need_gpus * count, enis - need_enis * count
                ports |= kind.ports
        found = [0] * len(left)
        for number in order:
            count = min(left[number], most[number] - (filled[number] if filled else 0))
            if count <= 0:
                continue
            kind = self._kinds[number]
            need_cpu, need_memory, need_gpus, need_enis = kind.needs
            if need_cpu * count > cpu:
                count = int(cpu // need_cpu)
            if need_memory * count > memory:
                count = int(memory // need_memory)
            if need_gpus * count > gpus:
                count = int(gpus // need_gpus)
            if enis != NOT_LIMITED and need_enis * count > enis:
                count = int(enis // need_enis)
            if count > 0 and (not kind.ports or ports.isdisjoint(kind.ports)):
                found[number] = count
                ports |= kind.ports
                cpu, memory = cpu - count * need_cpu, memory - count * need_memory
                gpus, enis = gpus - count * need_gpus, enis - count * need_enis
        return tuple(found)
