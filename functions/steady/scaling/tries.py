"""Tries: instances asked for on account of a demand that the pool may not be able to serve, in a bounded number.

Two kinds of demand are tried. One fits a type of the pool, but not the type that the pool launches. The other would fit
by our placement, but ECS refuses it. Neither is asked for again and again: `MOST_TRIES` times, a boot apart. Then it is
given up for `TRY_AGAIN_S`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto

from steady.cluster import TaskShape

MOST_TRIES = 3
TRY_AGAIN_S = 6 * 3600.0
# A demand that is not seen for this long after its last try was served. A launcher's message may come late.
SERVED_AFTER_S = 300.0
# The ledger holds so many at most: those tried last.
MOST_KEPT = 200


class Verdict(Enum):
    """The verdict on a demand: ask for it now, wait for its last try (or for certainty), or give it up."""

    ASK = auto()
    WAIT = auto()
    GIVEN_UP = auto()


@dataclass(frozen=True, slots=True)
class Tries:
    """The tries for one demand so far.

    Attributes:
        asked: how many times; 0: it is only suspected.
        at: the time of the last one, or since when it is suspected, in seconds since the epoch.
        is_over: whether the demand is given up.
        lacked: how many tasks lacked a place then.
    """

    asked: int = 0
    at: float = 0.0
    is_over: bool = False
    lacked: int = 0


@dataclass(frozen=True, slots=True)
class Tried:
    """A demand that is tried.

    Attributes:
        sure_after_s: how long it must be suspected before the first try; 0: it is tried at once. All that are suspected
            first share their tries: one a boot.
        lacks: how many tasks lack a place. If they have become fewer since the last try, it has helped.
    """

    key: str
    sure_after_s: float = 0.0
    lacks: int = 1


def judge(
    tries: Mapping[str, Tries], wanted: Iterable[Tried], now: float, boot_s: float
) -> tuple[dict[str, Tries], dict[str, Verdict]]:
    """Return the tries with what this look adds, and the verdict on each demand of `wanted`, by key.

    Args:
        boot_s: how long a try takes: until then the next one waits.
    """
    asked_for = {one.key: one for one in wanted}
    kept = {key: one for key, one in tries.items() if key not in asked_for and _is_kept(one, now, boot_s)}
    verdicts: dict[str, Verdict] = {}
    shared = [tries[key] for key, one in asked_for.items() if one.sure_after_s and key in tries]
    is_tried = any(one.asked and not one.is_over and now - one.at < boot_s for one in shared)
    for key, one in asked_for.items():
        before = tries.get(key, Tries(at=now))
        if before.is_over and now - before.at > TRY_AGAIN_S:
            before = Tries(at=now)
        if is_tried and one.sure_after_s and not before.is_over:
            kept[key], verdicts[key] = before, Verdict.WAIT
        else:
            kept[key], verdicts[key] = _next(before, one, now, boot_s)
    newest = sorted(kept, key=lambda key: (kept[key].at, key), reverse=True)[:MOST_KEPT]
    return {key: kept[key] for key in sorted(newest)}, verdicts


def given_up(tries: Mapping[str, Tries]) -> frozenset[str]:
    """Return the keys of the demands that are given up."""
    return frozenset(key for key, one in tries.items() if one.is_over)


def key_of(task: TaskShape) -> str:
    """Return the key of a demand for places of such tasks.

    >>> from steady.cluster import Size
    >>> key_of(TaskShape(Size(1024, 2048), gpus=1))
    '1024 CPU units, 2048 MiB, 1 GPUs'
    """
    size = task.size
    parts = [f"{size.cpu_units} CPU units", f"{size.memory_mib} MiB"]
    parts += [f"{task.gpus} GPUs"] if task.gpus else []
    parts += [f"memberOf {expression}" for expression in sorted(task.member_of)]
    parts += ["kept free"] if task.is_spare else []
    parts += [f"capacity provider {name}" for name in sorted(task.providers)]
    return ", ".join(parts)


def _next(before: Tries, one: Tried, now: float, boot_s: float) -> tuple[Tries, Verdict]:
    if before.is_over:
        return before, Verdict.GIVEN_UP
    if now - before.at < (boot_s if before.asked else one.sure_after_s):
        return before, Verdict.WAIT
    has_helped = one.lacks < before.lacked
    if before.asked >= MOST_TRIES and not has_helped:
        return replace(before, at=now, is_over=True), Verdict.GIVEN_UP
    return Tries(1 if has_helped else before.asked + 1, now, lacked=one.lacks), Verdict.ASK


def _is_kept(one: Tries, now: float, boot_s: float) -> bool:
    return now - one.at <= (TRY_AGAIN_S if one.is_over else boot_s + SERVED_AFTER_S if one.asked else 0.0)
