"""Tell the interruption handler of the instances that wait under a lifecycle hook, and that it does not know of."""

from __future__ import annotations

from collections.abc import Mapping

from steady.aws.runtime import Runtime, batches
from steady.aws.scaling import ledger
from steady.aws.scaling.handler_messages import send_message
from steady.cluster import Snapshot
from steady.names import WAITING_INSTANCES
from steady.scaling.unserved import find_unserved, find_waiting

# SQS: 256 KiB a message. An instance id takes about 25 bytes of it.
INSTANCES_A_MESSAGE = 5000


def report_unserved(
    runtime: Runtime, queue_url: str, ledger_table: str, snapshot: Snapshot, noticed: Mapping[str, float]
) -> None:
    """Send a notice of the instances of `snapshot` that wait under a hook and that no service-out empties.

    Nothing is called if no instance waits. A call that fails is logged: the next tick sees the same. A notice that is
    sent again changes nothing.

    Args:
        noticed: when a notice named an instance, in seconds since the epoch, by its id.
    """
    waiting = find_waiting(snapshot)
    if not waiting or not queue_url:
        return
    try:
        at_work_until = ledger.service_out_until(runtime, ledger_table, snapshot.cluster)
        ids = [i.instance_id for i in find_unserved(waiting, noticed, at_work_until, runtime.now())]
        for some in batches(ids, INSTANCES_A_MESSAGE):
            detail = {"group": snapshot.pool.name.name, "instances": some}
            send_message(runtime, queue_url, WAITING_INSTANCES, detail)
    except Exception as error:
        runtime.telemetry.error(
            f"cluster {snapshot.cluster}: {len(waiting)} instances wait under a lifecycle hook; whether they are being "
            f"emptied could not be found out or sent, the next tick tries again: {error}",
            cluster=snapshot.cluster,
        )
        return
    if ids:
        runtime.telemetry.warning(
            f"cluster {snapshot.cluster}: {len(ids)} instances wait under a lifecycle hook and nobody empties them: "
            f"their notice was lost, or is late. The interruption handler is told",
            cluster=snapshot.cluster,
            instances=ids,
        )
