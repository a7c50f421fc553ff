"""Choose the drain marks that service-out writes: what was drained for what, and what of it has passed."""

from collections.abc import Iterable, Mapping

from steady.cluster import ContainerInstance, InstanceStatus
from steady.drain_mark import LASTING, ORDER, DrainMark, DrainReason
from steady.service_out.doomed import Doomed
from steady.service_out.notice import Notice, Over


def mark_of(notice: Notice, deadline_s: float) -> DrainMark | None:
    """Return the mark of an instance that `notice` names and that ends at `deadline_s`; None if it always goes."""
    if notice.reason is None:
        return None
    return DrainMark(notice.reason, int(deadline_s if notice.until_s is None else notice.until_s), int(notice.at))


def lasting_mark(one: DrainMark | None, other: DrainMark | None) -> DrainMark | None:
    """Return the mark that counts of the two: the other reason ends with it."""
    return max((one, other), key=lambda mark: ORDER.index(mark.reason) if mark else -1)


def marks_of(doomed: Iterable[Doomed], described: Iterable[ContainerInstance]) -> dict[str, DrainMark]:
    """Return the marks to write for instances that are about to be drained, by container instance ARN.

    An instance that is draining already, without a mark, was drained by somebody else: it is left to them. Under a hook
    it is marked all the same: if its group gives it back from the warm pool, the group wants it in service, whether
    scale-in, ECS's managed draining or a person had drained it.

    Args:
        described: the container instances as far as they were read. Others of `doomed` were drained by an earlier step.
    """
    here = {i.arn: i for i in described}
    return {
        arn: instance.mark
        for instance in doomed
        if (arn := instance.container_instance_arn)
        and instance.mark
        and (arn not in here or _is_written(instance.mark, here[arn]))
    }


def marks_over(overs: Iterable[Over], described: Mapping[str, ContainerInstance], now: float) -> dict[str, DrainMark]:
    """Return the marks that end, by container instance ARN: those of draining instances whose reason has passed.

    An event from before the notice ends nothing: events come late and out of order.

    Args:
        described: the container instances, by EC2 instance id.
        now: seconds since the epoch.
    """
    found: dict[str, DrainMark] = {}
    for over in overs:
        instance = described.get(over.instance_id)
        mark = instance.drain_mark if instance else None
        if instance and mark and mark.reason in over.reasons and not mark.is_over and over.at > mark.since:
            found[instance.arn] = mark.ended(over.at, now)
    return found


def _is_written(mark: DrainMark, instance: ContainerInstance) -> bool:
    """Whether `mark` is written over what the instance carries."""
    known = instance.drain_mark
    if known and known.is_over:
        return not known.ended_after(mark.since)
    if instance.status is InstanceStatus.ACTIVE:
        return True
    if known is None:
        return mark.reason is DrainReason.HOOK
    return known.reason not in LASTING and (known.reason, known.until) != (mark.reason, mark.until)
