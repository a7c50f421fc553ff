"""What a step leaves for the next one: messages to our own queue, with a delay.

{"detail-type": "Steady Drain Continuation", "source": "steady",
 "detail": {"doomed": [{"instance_id": "i-0b66…", "cluster": "web", "deadline_s": 1767225720.0,
                        "container_instance_arn": "arn:aws:ecs:…", "hook": null}],
            "due": {"web": ["arn:aws:ecs:…"]}}}
"""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from steady.aws.queue import Malformed
from steady.drain import Doomed, LifecycleHook

DETAIL_TYPE = "Steady Drain Continuation"

# SQS: 256 KiB a message. A doomed instance takes about 300 bytes of it, a task's ARN about 100.
DOOMED_A_MESSAGE = 400
DUE_A_MESSAGE = 1000


@dataclass(frozen=True, slots=True)
class Continuation:
    """Instances to go on with, and the tasks (ARNs, by cluster) that only wait for their turn to be stopped.

    What was due once stays due: a target that has left does not come back, and deadlines do not move away.
    """

    doomed: tuple[Doomed, ...] = ()
    due: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def messages(cluster: str, doomed: Sequence[Doomed], due: Sequence[str] = ()) -> Iterator[str]:
    """The bodies of the messages that go on with `doomed` and with the tasks `due`, in as few as hold them."""
    for some_doomed, some_due in itertools.zip_longest(
        _parts(doomed, DOOMED_A_MESSAGE), _parts(due, DUE_A_MESSAGE), fillvalue=()
    ):
        detail: dict[str, Any] = {"doomed": [asdict(d) for d in some_doomed]}
        if some_due:
            detail["due"] = {cluster: list(some_due)}
        yield json.dumps({"detail-type": DETAIL_TYPE, "source": "steady", "detail": detail}, separators=(",", ":"))


def parse(event: Mapping[str, Any]) -> Continuation:
    try:
        detail = event["detail"]
        doomed = tuple(
            Doomed(**{**fields, "hook": LifecycleHook(**fields["hook"]) if fields.get("hook") else None})
            for fields in detail["doomed"]
        )
        return Continuation(doomed, {cluster: tuple(arns) for cluster, arns in detail.get("due", {}).items()})
    except (KeyError, TypeError, AttributeError) as error:
        raise Malformed(f"{DETAIL_TYPE}: {error!r}: what interruption_handler itself sends is needed") from error


def _parts(items: Sequence[Any], size: int) -> Iterable[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))
