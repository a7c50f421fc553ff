"""The suite's share of the ECS API, kept by its functions together: whose turn it is, in one item of the ledger.

A process asks for as many calls as the last look at the cluster took, in one write, and waits for the turn of each.
While the ledger does not answer it keeps the share for itself alone. Service-out never asks: it says what it took, and
others wait.
"""

from __future__ import annotations

import functools
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from steady.api_budget.limits import BUCKET_NAMED, Bucket
from steady.api_budget.turns import CLOSE, LONGEST_LOOK_S, REST_S, Change, Turns, Urgency, calls_from
from steady.aws.cache import Cache
from steady.names import ITEM

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, UniversalAttributeValueTypeDef

    from steady.aws.runtime import Runtime

    Admit = Callable[[Turns, float], None]

# How often a write that others came before is tried again; after that, what is known of theirs must do.
TRIES = 5
# For so long a ledger that did not answer is not asked again.
SILENT_S = 60.0
# A turn that was not used for so long is given up: others count on what has flowed back since.
LAPSES_AFTER_S = 5.0
# What is not foreseen is asked for in ones, twos, fours: the first look at 5,000 instances takes a few writes.
MOST_AT_ONCE = 32
# The least that a look takes: instances and services, listed and described.
A_LOOK = Counter({"cluster-resource-read": 2, "service-read": 2})


class OverBudget(Exception):
    """The suite's share of the ECS API is spent for now; the text says what could be done."""


@dataclass(slots=True)
class Budget:
    """What one process may call of ECS, beside the suite's other processes; made with `of`.

    `share` is over 0 and at most 1. `least_urgent` is what calls may be for while the buckets are used as they are.
    """

    runtime: Runtime
    table: str
    share: float = 1.0
    least_urgent: Urgency = Urgency.SWEEP
    _turns: Turns = field(default_factory=Turns)
    _silent_until: float = 0.0
    # Turns that were given and not used yet, with when they were asked for, by bucket.
    _given: Mapping[str, deque[tuple[float, float]]] = field(default_factory=lambda: {b: deque() for b in BUCKET_NAMED})
    _lock: threading.Lock = field(default_factory=threading.Lock)
    # What was paid, in all and when each cluster's look began.
    _paid: Counter[str] = field(default_factory=Counter)
    _begun: dict[str, Counter[str]] = field(default_factory=dict)
    # What the last look at each cluster took, and what this one has asked for besides.
    _looks: dict[str, Counter[str]] = field(default_factory=dict)
    _unforeseen: Counter[str] = field(default_factory=Counter)
    # What was foreseen after the last look at each cluster, and which cluster is looked at.
    _foreseen: dict[str, Counter[str]] = field(default_factory=dict)
    _looking: str = ""
    _refused: Counter[str] = field(default_factory=Counter)
    _rest_until: dict[str, float] = field(default_factory=dict)

    def begin_look(self, cluster: str, share: float) -> None:
        """Asks for the calls of a look at `cluster`: as many as the last one took, with what was foreseen after it.

        Raises:
            OverBudget: if it would begin late, or take too long.
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
        self._looks[cluster] = (self._paid - self._begun[cluster]) or A_LOOK

    def foresee(self, calls: Mapping[str, int]) -> None:
        """Asks for `calls`, by bucket, that are about to be made: in one write, and the next time with the look's."""
        self._foreseen[self._looking] = Counter(calls)
        lacking = Counter({name: count - len(self._given[name]) for name, count in calls.items()})
        self._ask(+lacking)

    def await_turns(self, calls: Mapping[str, int]) -> None:
        """Waits until all of `calls`, by bucket, may be made."""
        wanted = Counter({name: count for name, count in calls.items() if count})
        if not wanted:
            return
        self._ask(wanted)
        self._sleep_until(max(self._given[name][-1][0] for name in wanted))

    def affordable(self, bucket: Bucket, within_s: float) -> int:
        """How many calls could be made within `within_s` seconds, those included that were asked for."""
        more = self._turns.affordable(bucket, self.share, self.runtime.now(), within_s)
        return len(self._given[bucket.name]) + more

    def pay(self, bucket: Bucket) -> None:
        """Waits for the turn of one call."""
        name = bucket.name
        while (turn := self._next(name)) is None:
            # Beside calls in other threads: whoever is late asks again.
            calls = max(1, min(MOST_AT_ONCE, self._unforeseen[name]))
            self._unforeseen[name] += calls
            self._ask({name: calls})
        self._paid[name] += 1
        self._sleep_until(max(turn, self._rest_until.get(name, 0.0)))

    def _next(self, name: str) -> float | None:
        """The next turn that was given. If it has lapsed, all that have are asked for again, in one write."""
        lapsed_before = self.runtime.now() - LAPSES_AFTER_S
        with self._lock:
            first = next(iter(self._given[name]), None)
            lapsed = self._take_out(lapsed_before) if first and max(first) < lapsed_before else None
        if lapsed:
            self._ask(lapsed)
        try:
            return self._given[name].popleft()[0]
        except IndexError:
            return None

    def _take_out(self, lapsed_before: float) -> Counter[str]:
        taken = Counter[str]()
        for name, given in self._given.items():
            while given and max(given[0]) < lapsed_before:
                given.popleft()
                taken[name] += 1
        return taken

    def refused(self, bucket: Bucket) -> None:
        """A call was throttled: others than the suite draw on the bucket."""
        self._refused[bucket.name] += 1
        self._rest_until[bucket.name] = self.runtime.now() + REST_S

    def settle(self) -> None:
        """Says to the others what was refused since the last calls were asked for."""
        if self._refused:
            self._ask({})

    def _admit(self, look: Mapping[str, int], before: Turns, now: float) -> None:
        levels = [before.allows(BUCKET_NAMED[name], self.share, now) for name in look]
        if None in levels:
            raise OverBudget(f"its ECS calls are at the suite's share of {self.share:.0%} (api_share)")
        self.least_urgent = max((level for level in levels if level is not None), default=Urgency.SWEEP)
        for name, count in look.items():
            takes_s = count / (self.share * BUCKET_NAMED[name].refill_per_s)
            if takes_s > LONGEST_LOOK_S:
                raise OverBudget(
                    f"{count} calls of {name} take {takes_s:.0f} s at the suite's share of {self.share:.0%}, longer "
                    "than a look may: raise api_share"
                )

    def _ask(self, calls: Mapping[str, int], admit: Admit = lambda before, now: None) -> None:
        """Has `calls`, by bucket, given out to this process, unless `admit` raises."""
        refused = self._refused.copy()
        names = {*calls, *refused}
        for _ in range(TRIES):
            now, before = self.runtime.now(), self._turns
            admit(before, now)
            changes = [
                before.giving(BUCKET_NAMED[name], calls.get(name, 0), self.share, now, refused[name]) for name in names
            ]
            written = self._write(changes)
            if written:
                # What others asked for at the same time came before.
                before = Turns({change.bucket: written[change.bucket] - _seconds(change, now) for change in changes})
                admit(before, now)
                break
        self._refused -= refused
        for name, count in calls.items():
            given = calls_from(before.until.get(name, now), BUCKET_NAMED[name], count, self.share, now)
            self._given[name].extend((given.at(number), now) for number in range(count))

    def charge(self, calls: Mapping[str, int]) -> None:
        """Says what was called without asking, by bucket."""
        for _ in range(TRIES):
            now = self.runtime.now()
            changes = [self._turns.charging(BUCKET_NAMED[name], count, now) for name, count in calls.items()]
            if self._write([change for change in changes if change]) is not None:
                return

    def _write(self, changes: Sequence[Change]) -> Mapping[str, float] | None:
        """The turns after `changes`, in the ledger, or in this process while the ledger is silent.

        None if they are not what the changes are for: what they are is known from then on.
        """
        if not changes:
            return {}
        if self.runtime.now() >= self._silent_until:
            try:
                written = _update(self.runtime, self.table, changes)
            except self.runtime.dynamodb_once.exceptions.ConditionalCheckFailedException as error:
                self._turns = self._turns.with_(_turns_of(error.response.get("Item", {})))  # type: ignore[arg-type]
                return None
            except (ClientError, BotoCoreError) as error:
                self.runtime.telemetry.warning(f"the ledger does not say what others call of ECS: {error}")
                self._silent_until = self.runtime.now() + SILENT_S
            else:
                self._turns = self._turns.with_(written)
                return written
        alone = {change.bucket: change.of(self._turns.until.get(change.bucket, 0.0)) for change in changes}
        self._turns = self._turns.with_(alone)
        return alone

    def _sleep_until(self, at: float) -> None:
        wait_s = at - self.runtime.now()
        if wait_s > CLOSE:
            self.runtime.sleep(wait_s)


# What service-out has said that it took, by the ledger's table.
CHARGED = Cache[str, Budget]()


def of(runtime: Runtime, table: str) -> Budget:
    """The budget of this process, which its ECS calls keep to from now on."""
    if runtime.budget is None:
        runtime.budget = Budget(runtime, table)
    return runtime.budget


def charge(runtime: Runtime, table: str, calls: Mapping[str, int]) -> None:
    """Says in the ledger what service-out has called, by bucket; it keeps to no budget itself."""
    if calls:
        known = CHARGED.get(runtime, table) or CHARGED.keep(runtime, table, Budget(runtime, table))
        known.charge(calls)


def _update(runtime: Runtime, table: str, changes: Sequence[Change]) -> Mapping[str, float]:
    """Changes the ledger's item in one write, if all turns are such as the changes are for; the turns after that."""
    sets, conditions, names, values = [], [], {}, {}
    for number, change in enumerate(changes):
        name = f"#b{number}"
        names[name] = change.bucket
        sets.append(f"{name} = {name} + :n{number}" if change.to is None else f"{name} = :n{number}")
        values[f":n{number}"] = _number(change.plus if change.to is None else change.to)
        if change.lowest is not None:
            conditions.append(f"{name} >= :l{number}")
            values[f":l{number}"] = _number(change.lowest)
        if change.below is not None:
            below = f"{name} < :h{number}"
            conditions.append(below if change.lowest is not None else f"(attribute_not_exists({name}) OR {below})")
            values[f":h{number}"] = _number(change.below)
    answer = runtime.dynamodb_once.update_item(
        TableName=table,
        Key={"cluster": {"S": ITEM}},
        UpdateExpression=f"SET {', '.join(sets)}",
        ConditionExpression=" AND ".join(conditions),
        ExpressionAttributeNames=names,
        ExpressionAttributeValues=values,
        ReturnValues="UPDATED_NEW",
        ReturnValuesOnConditionCheckFailure="ALL_OLD",
    )
    return _turns_of(answer["Attributes"])


def _number(seconds: float) -> UniversalAttributeValueTypeDef:
    return {"N": f"{seconds:.5f}"}


def _turns_of(item: Mapping[str, AttributeValueTypeDef]) -> dict[str, float]:
    return {name: float(value["N"]) for name, value in item.items() if "N" in value}


def _seconds(change: Change, now: float) -> float:
    return change.plus if change.to is None else change.to - now
