"""Keep the ECS calls of one process within the suite's share of the ECS API, together with its other processes.

Before a look at a cluster, a process asks the ledger for as many calls as the last look took, in one write. Each call
then waits for its turn. Service-out never asks: it writes down what it took (`turn_ledger.charge`), and others wait.
"""

from __future__ import annotations

import functools
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from steady.api_budget.limits import BUCKET_NAMED, BUCKET_OF, THROTTLED, Bucket
from steady.api_budget.rate import REST_S, seconds_of
from steady.api_budget.turns import CLOSE, LONGEST_LOOK_S, Change, Turns, Urgency, calls_from
from steady.aws.api_budget.turn_ledger import TRIES, TurnLedger
from steady.aws.cache import Cache

if TYPE_CHECKING:
    from botocore.model import OperationModel

    from steady.aws.runtime import Runtime

    Admit = Callable[[Turns, float], None]
    # botocore's: what HTTP answered, and what was parsed from it.
    Answer = tuple[object, Mapping[str, Any]]

# A turn that was not used within this time is given up: the tokens have been refilled, and others may have used them.
LAPSES_AFTER_S = 5.0
# Calls that were not foreseen are asked for in numbers that double, up to this many at once.
MOST_AT_ONCE = 32
# How often a thread looks whether the turns that another asks for have come, in seconds.
ASKED_AGAIN_S = 0.02
# The calls of a first look: instances and services, each listed and described.
A_LOOK = Counter({BUCKET_OF["DescribeContainerInstances"].name: 2, BUCKET_OF["DescribeServices"].name: 2})


class OverBudget(Exception):
    """The suite's share of the ECS API is used up for now. The text names the share, and what to change."""


@dataclass(slots=True)
class Budget:
    """The ECS calls that one process may make, beside the suite's other processes; see `budget_of`.

    `share` is over 0 and at most 1. `least_urgent` is the least urgent purpose for which calls may be made now.
    """

    runtime: Runtime
    table: str
    share: float = 1.0
    least_urgent: Urgency = Urgency.SWEEP
    _ledger: TurnLedger = field(init=False)
    # Turns that were given and not used yet, with when they were asked for, by bucket.
    _given: Mapping[str, deque[tuple[float, float]]] = field(default_factory=lambda: {b: deque() for b in BUCKET_NAMED})
    _lock: threading.Lock = field(default_factory=threading.Lock)
    # Calls that were paid: in all, and when each cluster's look began.
    _paid: Counter[str] = field(default_factory=Counter)
    _begun: dict[str, Counter[str]] = field(default_factory=dict)
    # Calls that the last look at each cluster took, and those that this look has asked for besides.
    _looks: dict[str, Counter[str]] = field(default_factory=dict)
    _unforeseen: Counter[str] = field(default_factory=Counter)
    # Calls that were foreseen after the last look at each cluster, and the cluster that is looked at.
    _foreseen: dict[str, Counter[str]] = field(default_factory=dict)
    _looking: str = ""
    _refused: Counter[str] = field(default_factory=Counter)
    # How many threads want a turn, and the buckets of which one of them is asking for turns.
    _wanting: Counter[str] = field(default_factory=Counter)
    _asking: set[str] = field(default_factory=set)
    _rest_until: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._ledger = TurnLedger(self.runtime, self.table)

    def listen(self) -> None:
        """Wait for the turn of each ECS call of this process from now on, and notice each that ECS throttles.

        Raises:
            RuntimeError: if the ECS client was made already. botocore copies a session's listeners into a client when
                it makes the client: its calls would not be noticed.
        """
        if "ecs" in vars(self.runtime):
            raise RuntimeError("the ECS client was made before its budget: its calls would be over the share unseen")
        self.runtime.session.events.register("before-parameter-build.ecs", self._pay_for)
        self.runtime.session.events.register("needs-retry.ecs", self._notice_refusal)

    def allows(self, urgency: Urgency) -> bool:
        """Return whether calls of `urgency` may be made while the ECS API is used as the last look found it."""
        return urgency >= self.least_urgent

    def begin_look(self, cluster: str, share: float) -> None:
        """Ask for the calls of a look at `cluster`: as many as the last one took, with what was foreseen after it.

        Raises:
            OverBudget: if the look would begin late, or take too long.
        """
        self.share = share
        self._unforeseen.clear()
        for given in self._given.values():
            given.clear()
        look, more = self._looks.get(cluster, A_LOOK), self._foreseen.pop(cluster, Counter())
        self._ask(look + more, functools.partial(self._admit, look))
        self._looking = cluster
        self._begun[cluster] = self._paid.copy()

    def end_look(self, cluster: str) -> None:
        """Remember how many calls the look at `cluster` took, for the next one."""
        self._looks[cluster] = (self._paid - self._begun[cluster]) or A_LOOK

    def foresee(self, calls: Mapping[str, int]) -> None:
        """Ask for `calls`, by bucket, that are about to be made: in one write, and the next time with the look's."""
        self._foreseen[self._looking] = Counter(calls)
        lacking = Counter({name: count - len(self._given[name]) for name, count in calls.items()})
        self._ask(+lacking)

    def await_turns(self, calls: Mapping[str, int]) -> None:
        """Wait until all of `calls`, by bucket, may be made."""
        wanted = Counter({name: count for name, count in calls.items() if count})
        if not wanted:
            return
        self._ask(wanted)
        self._sleep_until(max(self._given[name][-1][0] for name in wanted))

    def affordable(self, bucket: Bucket, within_s: float) -> int:
        """Return how many calls could be made within `within_s` seconds, those included that were asked for."""
        more = self._ledger.turns.affordable(bucket, self.share, self.runtime.now(), within_s)
        return len(self._given[bucket.name]) + more

    def pay(self, bucket: Bucket) -> None:
        """Wait for the turn of one call."""
        name = bucket.name
        with self._lock:
            self._wanting[name] += 1
        while (turn := self._take(name)) is None:
            self._ask_together(name)
        self._sleep_until(max(turn, self._rest_until.get(name, 0.0)))

    def report_refusals(self) -> None:
        """Write into the ledger how many calls ECS throttled since the last turns were asked for."""
        if self._refused:
            self._ask({})

    def _pay_for(self, model: OperationModel, **_: object) -> None:
        if bucket := BUCKET_OF.get(model.name):
            self.pay(bucket)

    def _notice_refusal(self, operation: OperationModel, response: Answer | None = None, **_: object) -> None:
        bucket = BUCKET_OF.get(operation.name)
        if bucket and response and response[1].get("Error", {}).get("Code") == THROTTLED:
            # Others than the suite draw on the bucket.
            self._refused[bucket.name] += 1
            self._rest_until[bucket.name] = self.runtime.now() + REST_S

    def _take(self, name: str) -> float | None:
        """Return the next turn that was given, and take it; None: there is none, or it has lapsed."""
        with self._lock:
            given = self._given[name]
            if not given or max(given[0]) < self.runtime.now() - LAPSES_AFTER_S:
                return None
            self._wanting[name] -= 1
            self._paid[name] += 1
            return given.popleft()[0]

    def _ask_together(self, name: str) -> None:
        """Ask for the turns of all threads that want one, and for all lapsed ones again, in one write.

        One thread asks, and the others wait for it: a write for each thread would only refuse those of the others.
        """
        with self._lock:
            is_first = name not in self._asking
            if is_first:
                self._asking.add(name)
                calls = self._take_out(self.runtime.now() - LAPSES_AFTER_S)
                if (lacking := self._wanting[name] - calls[name]) > 0:
                    more = max(lacking, min(MOST_AT_ONCE, self._unforeseen[name]))
                    self._unforeseen[name] += more
                    calls[name] += more
        if not is_first:
            self.runtime.sleep(ASKED_AGAIN_S)
            return
        try:
            self._ask(calls)
        finally:
            with self._lock:
                self._asking.discard(name)

    def _take_out(self, lapsed_before: float) -> Counter[str]:
        taken = Counter[str]()
        for name, given in self._given.items():
            while given and max(given[0]) < lapsed_before:
                given.popleft()
                taken[name] += 1
        return taken

    def _admit(self, look: Mapping[str, int], before: Turns, now: float) -> None:
        levels = [before.allows(BUCKET_NAMED[name], self.share, now) for name in look]
        if None in levels:
            raise OverBudget(
                f"ECS API budget exhausted (api_share {self.share:.0%}): the evaluation is postponed, "
                "nothing is changed"
            )
        self.least_urgent = max((level for level in levels if level is not None), default=Urgency.SWEEP)
        for name, count in look.items():
            takes_s = seconds_of(BUCKET_NAMED[name], count, self.share)
            if takes_s > LONGEST_LOOK_S:
                raise OverBudget(
                    f"{count} {name} calls of one evaluation take {takes_s:.0f} s at api_share {self.share:.0%}, more "
                    f"than {LONGEST_LOOK_S:.0f} s: the cluster is not evaluated; raise api_share"
                )

    def _ask(self, calls: Mapping[str, int], admit: Admit = lambda before, now: None) -> None:
        """Have `calls`, by bucket, given out to this process, unless `admit` raises."""
        refused = self._refused.copy()
        names = {*calls, *refused}
        for _ in range(TRIES):
            now, before = self.runtime.now(), self._ledger.turns
            admit(before, now)
            changes = [
                before.giving(BUCKET_NAMED[name], calls.get(name, 0), self.share, now, refused[name]) for name in names
            ]
            written = self._ledger.write(changes)
            if written:
                # The calls that others asked for at the same time come before ours.
                before = Turns({change.bucket: written[change.bucket] - _seconds(change, now) for change in changes})
                admit(before, now)
                break
        self._refused -= refused
        for name, count in calls.items():
            given = calls_from(before.until.get(name, now), BUCKET_NAMED[name], count, self.share, now)
            self._given[name].extend((given.at(number), now) for number in range(count))

    def _sleep_until(self, at: float) -> None:
        wait_s = at - self.runtime.now()
        if wait_s > CLOSE:
            self.runtime.sleep(wait_s)


# By the ledger's table.
BUDGETS = Cache[str, Budget]()


def budget_of(runtime: Runtime, table: str) -> Budget:
    """Return the budget of this process, which its ECS calls keep to from the first one on.

    Raises:
        RuntimeError: if the process has made its ECS client already.
    """
    if known := BUDGETS.get(runtime, table):
        return known
    budget = Budget(runtime, table)
    budget.listen()
    return BUDGETS.keep(runtime, table, budget)


def _seconds(change: Change, now: float) -> float:
    return change.plus if change.to is None else change.to - now
