"""Ask the interruption handler to stop batch tasks that have run for too long on instances that renewal empties."""

from __future__ import annotations

from collections.abc import Mapping

from steady.aws.runtime import Runtime, batches
from steady.aws.scaling.handler_messages import send_message
from steady.names import LATE_BATCH_TASKS

# SQS: 256 KiB a message. An instance takes about 40 bytes of it.
INSTANCES_A_MESSAGE = 4000


def report_late(runtime: Runtime, queue_url: str, cluster: str, late: Mapping[str, float]) -> None:
    """Send a message that names the instances, with the time at which their batch tasks are to have ended.

    It is sent at each look while they run, which changes nothing. A call that fails is logged: the next look sends it.
    """
    if not queue_url:
        return
    try:
        for some in batches(sorted(late), INSTANCES_A_MESSAGE):
            send_message(runtime, queue_url, LATE_BATCH_TASKS, {"instances": {id_: int(late[id_]) for id_ in some}})
    except Exception as error:
        runtime.telemetry.error(
            f"cluster {cluster}: the interruption handler could not be asked to stop the batch tasks of {len(late)} "
            f"instances that are renewed; the next look does: {error}",
            cluster=cluster,
        )
