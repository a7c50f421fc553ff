"""Parse the autoscaler's message about instances that wait under a lifecycle hook, and whose notice was lost.

{"detail-type": "Steady Waiting Instances", "source": "steady",
 "detail": {"group": "web", "instances": ["i-0b66…"], "at": 1767225600}}
"""

from collections.abc import Mapping
from typing import Any

from steady.messages import Malformed, is_instance_id, shown, text
from steady.names import WAITING_INSTANCES
from steady.service_out.notice import WaitingNotice


def parse(event: Mapping[str, Any]) -> WaitingNotice:
    """Parse a message that `steady.aws.scaling.unserved` has sent.

    Raises:
        Malformed: naming what is wrong with it.
    """
    group = text(event, "detail", "group")
    ids, at = event["detail"].get("instances"), event["detail"].get("at")
    if not isinstance(ids, list) or not all(map(is_instance_id, ids)):
        raise Malformed(f"{WAITING_INSTANCES}: instances is {shown(ids)}: a list of instance ids is needed")
    if isinstance(at, bool) or not isinstance(at, int) or not 0 <= at < 10**12:
        raise Malformed(f"{WAITING_INSTANCES}: at is {shown(at)}: seconds since the epoch are needed")
    return WaitingNotice(group, tuple(ids), float(at))
