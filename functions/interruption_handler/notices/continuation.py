"""What a step leaves for the next one: a message to our own queue, with a delay.

{"detail-type": "Steady Drain Continuation", "source": "steady",
 "detail": {"doomed": [{"instance_id": "i-0b66…", "cluster": "web", "deadline_s": 1767225720.0,
                        "container_instance_arn": "arn:aws:ecs:…", "hook": null}]}}
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from steady.aws.queue import Malformed
from steady.drain import Doomed, LifecycleHook

DETAIL_TYPE = "Steady Drain Continuation"


def message(doomed: Iterable[Doomed]) -> str:
    """The body of the message that goes on with `doomed`."""
    return json.dumps(
        {"detail-type": DETAIL_TYPE, "source": "steady", "detail": {"doomed": [asdict(d) for d in doomed]}},
        separators=(",", ":"),
    )


def parse(event: Mapping[str, Any]) -> tuple[Doomed, ...]:
    try:
        return tuple(
            Doomed(**{**fields, "hook": LifecycleHook(**fields["hook"]) if fields.get("hook") else None})
            for fields in event["detail"]["doomed"]
        )
    except (KeyError, TypeError) as error:
        raise Malformed(f"{DETAIL_TYPE}: {error!r}: what interruption_handler itself sends is needed") from error
