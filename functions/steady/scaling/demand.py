"""Demands: tasks that a batch launcher could not place, remembered while the launcher repeats them."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from steady.cluster import Placement, Size, TaskShape

# hako repeats a failure every 10 s, and the message takes some 3 s to be remembered. A demand that was not repeated for
# longer was most likely placed: no capacity is asked for on its account.
FRESH_S = 15.0
# A DynamoDB item holds 400 KB and a demand takes about 150 bytes of it.
MAX_DEMANDS = 1500
# hako's ids take 36 bytes (UUIDs). A longer one than this is stored as its digest, which takes as many.
LONGEST_KEY = 64


def key_of_run(launcher_id: str, number: int = 1) -> str:
    """Return the key of the task `number` of a launcher's run: its id, or the SHA-256 digest of a long one.

    >>> key_of_run("3f0c", 2), len(key_of_run("é" * 200))
    ('3f0c/2', 64)
    """
    raw = launcher_id.encode(errors="surrogatepass")
    key = launcher_id if len(raw) <= LONGEST_KEY else hashlib.sha256(raw).hexdigest()
    # A call for several tasks: the first one has the run's own key.
    return key if number == 1 else f"{key}/{number}"


@dataclass(frozen=True, slots=True)
class Demand:
    """One task that `RunTask` had no room for. Times are in seconds since the epoch.

    Attributes:
        key: that of `key_of_run`, the same for every try of one run: a demand is counted once.
        seen: whether a look at the cluster has taken the demand into account.
    """

    key: str
    size: Size
    first_said_at: float
    last_said_at: float
    seen: bool = False


@dataclass(frozen=True, slots=True)
class RunShape:
    """What a task of a launcher needs besides CPU and memory, as far as its message says (see `TaskShape`)."""

    ports: tuple[int, ...] = ()
    gpus: int = 0
    enis: int = 0
    member_of: tuple[str, ...] = ()
    group: str = ""
    distinct: bool = False
    placement: str = Placement.SPREAD.value
    providers: tuple[str, ...] = ()

    @staticmethod
    def of(task: TaskShape) -> "RunShape":
        return RunShape(
            tuple(sorted(task.ports)),
            task.gpus,
            task.enis,
            tuple(sorted(task.member_of)),
            task.group,
            task.distinct,
            task.placement.value,
            tuple(sorted(task.providers)),
        )

    def task(self, size: Size) -> TaskShape:
        """Return the shape of the task, which reserves `size`."""
        # A later version may know other placements.
        placement = Placement(self.placement) if self.placement in set(Placement) else Placement.SPREAD
        return TaskShape(
            size,
            frozenset(self.ports),
            self.gpus,
            self.enis,
            frozenset(self.member_of),
            self.group,
            self.distinct,
            placement=placement,
            providers=frozenset(self.providers),
        )


def task_of(demand: Demand, runs: Mapping[str, RunShape]) -> TaskShape:
    """Return the shape of the task that `demand` waits for: with what `runs` says of it, by the demand's key."""
    return runs.get(demand.key, RunShape()).task(demand.size)


def merge_demands(demands: Mapping[str, Demand], repeated: Iterable[Demand]) -> dict[str, Demand]:
    """Return `demands` with those just `repeated` added or renewed, whatever the order in which messages came.

    At most `MAX_DEMANDS` are kept: those that have waited longest.
    """
    kept = dict(demands)
    for demand in repeated:
        known = kept.get(demand.key)
        kept[demand.key] = (
            demand
            if known is None
            else replace(
                demand,
                first_said_at=min(known.first_said_at, demand.first_said_at),
                last_said_at=max(known.last_said_at, demand.last_said_at),
                seen=known.seen,
            )
        )
    oldest_first = sorted(kept.values(), key=lambda d: (d.first_said_at, d.key))
    return {d.key: d for d in oldest_first[:MAX_DEMANDS]}


def waiting(demands: Mapping[str, Demand], now: float) -> list[Demand]:
    """Return the demands that were repeated within the last `FRESH_S` seconds: their tasks still wait."""
    return [d for d in demands.values() if now - d.last_said_at <= FRESH_S]


def still_repeated(demands: Mapping[str, Demand], now: float, silent_after_s: float) -> dict[str, Demand]:
    """Return the demands that were repeated within the last `silent_after_s` seconds."""
    return {key: d for key, d in demands.items() if now - d.last_said_at <= silent_after_s}
