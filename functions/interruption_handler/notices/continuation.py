"""Write and parse continuations: delayed messages to the own queue, with the work that a step leaves to the next one.

{"detail-type": "Steady Drain Continuation", "source": "steady",
 "detail": {"doomed": [{"instance_id": "i-0b66…", "cluster": "web", "deadline_s": 1767225720.0,
                        "container_instance_arn": "arn:aws:ecs:…", "hook": null}],
            "due": {"web": ["arn:aws:ecs:…"]}}}
"""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeVar

from steady.messages import Malformed, shown
from steady.service_out.drain import Doomed, LifecycleHook

DETAIL_TYPE = "Steady Drain Continuation"
# The JSON types that a field of each type takes; the hook is parsed separately.
TYPES: Mapping[object, tuple[type, ...]] = {str: (str,), bool: (bool,), int: (int,), float: (int, float)}
Known = TypeVar("Known", Doomed, LifecycleHook)

# SQS: 256 KiB a message. A doomed instance takes about 300 bytes of it, a task's ARN about 100.
DOOMED_A_MESSAGE = 400
DUE_A_MESSAGE = 1000


@dataclass(frozen=True, slots=True)
class Continuation:
    """Unfinished instances, and the tasks (ARNs, by cluster) that only wait for their turn to be stopped.

    A task that was due once stays due: a target that has left does not come back, and deadlines never move later.
    """

    doomed: tuple[Doomed, ...] = ()
    due: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def messages(cluster: str, doomed: Sequence[Doomed], due: Sequence[str] = ()) -> Iterator[str]:
    """Yield the bodies of as few messages as hold `doomed` and the tasks `due` (ARNs) of `cluster`."""
    for some_doomed, some_due in itertools.zip_longest(
        _parts(doomed, DOOMED_A_MESSAGE), _parts(due, DUE_A_MESSAGE), fillvalue=()
    ):
        detail: dict[str, Any] = {"doomed": [asdict(d) for d in some_doomed]}
        if some_due:
            detail["due"] = {cluster: list(some_due)}
        yield json.dumps({"detail-type": DETAIL_TYPE, "source": "steady", "detail": detail}, separators=(",", ":"))


def parse(event: Mapping[str, Any]) -> Continuation:
    """Parse a message that `messages` made.

    Raises:
        Malformed: naming what is wrong with it.
    """
    try:
        detail = event["detail"]
        doomed = tuple(
            _typed(Doomed, {**one, "hook": _typed(LifecycleHook, one["hook"]) if one.get("hook") else None})
            for one in detail["doomed"]
        )
        due = {cluster: tuple(_arn(arn) for arn in arns) for cluster, arns in detail.get("due", {}).items()}
        return Continuation(doomed, due)
    except (KeyError, TypeError, AttributeError) as error:
        raise Malformed(
            f"{DETAIL_TYPE}: {shown(error)}: a message that interruption_handler has sent is needed"
        ) from error


def _typed(kind: type[Known], given: Mapping[str, Any]) -> Known:
    """Make a `kind` of the fields `given`, and check their types.

    Raises:
        TypeError: naming the field whose value has another type.
    """
    made = kind(**given)
    for each in fields(kind):
        value, takes = getattr(made, each.name), TYPES.get(each.type)
        if takes and (not isinstance(value, takes) or (isinstance(value, bool) and each.type is not bool)):
            raise TypeError(f"{each.name} is {shown(value)}")
    return made


def _arn(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"due holds {shown(value)}")
    return value


def _parts(items: Sequence[Any], size: int) -> Iterable[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))
