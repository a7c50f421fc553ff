"""Write and parse continuations: delayed messages to the own queue, with the work that a step leaves to the next one.

{"detail-type": "Steady Drain Continuation", "source": "steady",
 "detail": {"cluster": "web", "lease": "5e1f…", "spare": false,
            "doomed": [{"instance_id": "i-0b66…", "deadline_s": 1767225720.0, "looked_at": true}],
            "prefix": "arn:aws:ecs:…:task/web/", "from": 1767225600, "due": [["0f3a…", 40, 82, 0]],
            "leaving": {"arn:aws:elasticloadbalancing:…": [["i-0b66…", 32768]]}}}

A stop is its task's ARN without the prefix, its `at` and `by` in seconds after `from`, and its `rank`. A doomed
instance has the fields that are not their defaults; as a text of its own, it is what one step hands over to another
(`steady.aws.service_out.lease`).
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, TypeVar

from steady.drain_mark import DrainMark
from steady.messages import Malformed, shown
from steady.service_out.doomed import Doomed, LifecycleHook, Target
from steady.service_out.stops import Stop

DETAIL_TYPE = "Steady Drain Continuation"
# The JSON types that a field of each type takes; hooks and marks are parsed separately.
TYPES: Mapping[object, tuple[type, ...]] = {"str": (str,), "bool": (bool,), "int": (int,), "float": (int, float)}
Known = TypeVar("Known", Doomed, LifecycleHook)

# SQS: 256 KiB a message. The names of groups, hooks and clusters have at most 255 characters, so that an instance takes
# at most 1,200 bytes of it, and usually 200. A stop takes about 50, a target about 30.
BYTES_A_MESSAGE = 240_000
BYTES_OF_STEP = 140_000
BYTES_OF_LEAVING = 60_000


@dataclass(frozen=True, slots=True)
class Continuation:
    """Unfinished instances of a cluster, and the stops that wait for their time or for their turn.

    Attributes:
        lease: the token by which the continuation goes on with the lease of the step that sent it, and those before it
            if the ledger did not answer that step (`steady.aws.service_out.lease.Lease.tokens`).
        spare: whether it is a copy that comes some seconds later, for the case that the step of the first one crashes.
        leaving: the targets that the next step deregisters first.
    """

    cluster: str
    doomed: tuple[Doomed, ...] = ()
    due: tuple[Stop, ...] = ()
    lease: str = ""
    spare: bool = False
    leaving: tuple[Target, ...] = ()


def messages(
    cluster: str,
    doomed: Sequence[Doomed],
    due: Sequence[Stop] = (),
    lease: str = "",
    leaving: Sequence[Target] = (),
    *,
    spare: bool = False,
) -> Iterator[str]:
    """Yield the bodies of as few messages as hold `doomed` and as many of the stops `due` and of `leaving` as fit.

    Those that are left out are found again by the next look at their instances. Only the first message goes on with
    the `lease`: the others are handed over to it.
    """
    # All tasks of a cluster have one prefix, whatever the form of their ARNs.
    prefix = max({stop.arn.rpartition("/")[0] + "/" for stop in due}, default="", key=len)
    prefix = prefix if all(stop.arn.startswith(prefix) for stop in due) else ""
    begin = math.floor(min((stop.by for stop in due), default=0.0))
    groups: dict[str, list[list[str | int]]] = {}
    for target in _split(leaving, BYTES_OF_LEAVING, lambda one: [one.id, one.port])[0]:
        groups.setdefault(target.group_arn, []).append([target.id, target.port])
    stops = [[s.arn.removeprefix(prefix), math.ceil(s.at) - begin, math.floor(s.by) - begin, s.rank] for s in due]
    fitting = _split(stops, BYTES_OF_STEP - len(_text(groups)))[0]
    detail: dict[str, Any] = {"lease": lease, "spare": spare, "prefix": prefix, "from": begin, "due": fitting}
    detail |= {"leaving": groups} if groups else {}
    rest = [_plain(d) for d in doomed]
    while True:
        some, rest = _split(rest, BYTES_A_MESSAGE - len(_text(detail)))
        whole = {"cluster": cluster, "doomed": some, **detail}
        yield _text({"detail-type": DETAIL_TYPE, "source": "steady", "detail": whole})
        if not rest:
            return
        detail = {}


def encode(doomed: Doomed) -> str:
    """Return `doomed` as a text, for `decode`."""
    return _text(_plain(doomed))


def decode(text: str, cluster: str) -> Doomed:
    """Return the doomed instance of `cluster` that `encode` made into a text."""
    return _doomed(json.loads(text), cluster)


def parse(event: Mapping[str, Any]) -> Continuation:
    """Parse a message that `messages` made.

    Raises:
        Malformed: naming what is wrong with it.
    """
    try:
        detail = event["detail"]
        cluster, prefix = _string(detail["cluster"]), _string(detail.get("prefix", ""))
        doomed = tuple(_doomed(one, cluster) for one in detail["doomed"])
        begin = _number(detail.get("from", 0))
        due = tuple(
            Stop(prefix + _string(arn), begin + _number(at), begin + _number(by), int(_number(rank)))
            for arn, at, by, rank in detail.get("due", ())
        )
        leaving = tuple(
            Target(_string(arn), _string(id_), int(_number(port)))
            for arn, members in detail.get("leaving", {}).items()
            for id_, port in members
        )
        lease = _string(detail.get("lease", ""))
        return Continuation(cluster, doomed, due, lease, bool(lease) and detail.get("spare") is True, leaving)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise Malformed(
            f"{DETAIL_TYPE}: {shown(error)}: a message that interruption_handler has sent is needed"
        ) from error


def _plain(doomed: Doomed) -> dict[str, Any]:
    """Return the fields of `doomed` that are not their defaults; the cluster is the message's."""
    defaults = {f.name: f.default for f in fields(Doomed) if f.default is not MISSING}
    values = asdict(doomed) | {"mark": str(doomed.mark) if doomed.mark else None}
    return {name: value for name, value in values.items() if name != "cluster" and defaults.get(name) != value}


def _doomed(given: Mapping[str, Any], cluster: str) -> Doomed:
    hooks = tuple(_typed(LifecycleHook, hook) for hook in given.get("hooks", ()))
    mark = DrainMark.parse(given["mark"]) if given.get("mark") else None
    lists = {name: tuple(_string(one) for one in given.get(name, ())) for name in ("held", "stale")}
    return _typed(Doomed, {**given, **lists, "cluster": cluster, "hooks": hooks, "mark": mark})


def _typed(kind: type[Known], given: Mapping[str, Any]) -> Known:
    """Make a `kind` of the fields `given`, and check their types.

    Raises:
        TypeError: naming the field whose value has another type.
    """
    made = kind(**given)
    for each in fields(kind):
        value, takes = getattr(made, each.name), TYPES.get(each.type)
        if takes and (not isinstance(value, takes) or (isinstance(value, bool) and each.type != "bool")):
            raise TypeError(f"{each.name} is {shown(value)}")
    return made


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{shown(value)} is no text")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{shown(value)} is no number")
    return float(value)


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _split(
    items: Sequence[Any], room: int, plain: Callable[[Any], object] = lambda item: item
) -> tuple[list[Any], list[Any]]:
    """Return the first of `items` that fit into `room` bytes as they are written, one at least, and the others."""
    taken = 0
    for number, item in enumerate(items):
        taken += len(_text(plain(item))) + 1
        if number and taken > room:
            return list(items[:number]), list(items[number:])
    return list(items), []
