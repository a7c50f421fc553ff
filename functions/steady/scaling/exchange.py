"""Exchange instances of a choice for cheaper ones, as long as all tasks can be packed on what there is then.

Where few instances are bought, the cheapest ones are often nearly full: which instances these are is found first, from
what they have together, and then how the tasks are packed on them.
"""

import operator
from collections.abc import Sequence

from steady.scaling.choice import Choice, Search
from steady.scaling.repacking import packed

# So many instances at most are given back at a time.
MOST_GIVEN_BACK = 8
# How often the cheapest instance is taken that has all that is lacking, if there is one.
CLOSES = 0.6
# By which fraction the liking for each kind of tasks is drawn off 1.
SPREAD = 0.4


def exchanged(search: Search, choice: Choice, rounds: int, most_looked_at: int) -> Choice:
    """Return the cheapest choice that is found from `choice` on, which leaves no task out.

    Args:
        rounds: how often instances are exchanged.
        most_looked_at: where the search ends before (`Search.looked_at`).
    """
    problem, best = search.problem, choice
    if not best or problem.lacks(best):
        return best
    needed = problem.needed()
    by_price = sorted(range(len(problem.offers)), key=lambda number: problem.offers[number].price)
    tasks = sum(kind.count for kind in problem.kinds)
    for _ in range(rounds):
        offers = _cheaper(search, [offer for offer, _ in best], by_price, needed)
        if not offers or min(problem.units_left(offers).values()) < 0:
            continue
        offers = search.shuffled(offers)
        search.looked_at += (tasks + len(offers)) * len(problem.kinds)
        if search.looked_at > most_looked_at:
            break
        liking = [search.around(SPREAD) for _ in problem.kinds]
        if found := packed(problem.kinds, [problem.offers[offer] for offer in offers], liking, search.below(1)):
            best = [(offer, filling) for offer, filling in zip(offers, found, strict=True) if any(filling)]
    return best


def _cheaper(search: Search, offers: list[int], by_price: Sequence[int], needed: Sequence[float]) -> list[int]:
    """Return offers that cost less than `offers`, and have together what is `needed`; none if none were drawn."""
    problem = search.problem
    given_back = {
        search.whole_below(len(offers)) for _ in range(1 + search.whole_below(min(MOST_GIVEN_BACK, len(offers))))
    }
    found = [offer for number, offer in enumerate(offers) if number not in given_back]
    # What was given back is not bought again: a choice must cost less.
    usd = sum(problem.offers[offers[number]].price for number in given_back) - 1e-9
    lack = [need - sum(of) for need, of in zip(needed, _columns(search, found), strict=True)]
    while max(lack) > 0:
        search.looked_at += 1
        able = [number for number in by_price if problem.offers[number].price < usd]
        if not able:
            return []
        closing = next((n for n in able if all(map(operator.ge, problem.offers[n].has, lack))), None)
        is_closed = closing is not None and search.below(1) < CLOSES
        chosen = closing if closing is not None and is_closed else able[search.whole_below(len(able))]
        found.append(chosen)
        usd -= problem.offers[chosen].price
        lack = [less - has for less, has in zip(lack, problem.offers[chosen].has, strict=True)]
    return found


def _columns(search: Search, offers: Sequence[int]) -> Sequence[Sequence[float]]:
    """Return what the instances have: their CPU units, their MiB, their GPUs, and their network interfaces."""
    return list(zip(*(search.problem.offers[offer].has for offer in offers), strict=True)) or [(), (), (), ()]
