"""What the instances of a pool offer, of each type that it may launch."""

from collections.abc import Sequence

from steady.cluster import ContainerInstance, InstanceShape, InstanceStatus, Snapshot
from steady.scaling.state import LEAVES_WITHIN_S, Memory


def shapes_of(snapshot: Snapshot, memory: Memory) -> list[InstanceShape]:
    """What the pool's instances offer, of each type that it may launch: the one that gives least for its weight first.

    What was seen registered counts before what EC2 says of a type: the kernel and the agent keep some of it.
    """
    pool = snapshot.pool
    known = {**snapshot.shapes, **memory.shapes}
    types = pool.types or tuple(memory.shapes)
    found = [known[type_] for type_ in types if type_ in known]
    return sorted(found, key=lambda s: (s.size.memory_mib / pool.weight(s.name), s.size.cpu_units, s.name))


def coming_units(snapshot: Snapshot, memory: Memory) -> int:
    """The units that the pool has promised and that have not registered: booting, or still to be launched."""
    return max(0, snapshot.pool.target - staying_units(snapshot, memory))


def coming_shapes(snapshot: Snapshot, memory: Memory, shapes: Sequence[InstanceShape]) -> list[InstanceShape]:
    """The instances that will register: those that boot are of a known type, the others are taken for the smallest."""
    pool, units = snapshot.pool, coming_units(snapshot, memory)
    known = {shape.name: shape for shape in shapes}
    coming = []
    registered = {i.instance_id for i in snapshot.instances}
    for id_, type_ in sorted(pool.members.items()):
        if id_ not in registered and pool.weight(type_) <= units:
            coming.append(known.get(type_, shapes[0]))
            units -= pool.weight(type_)
    return coming + [shapes[0]] * (units // pool.weight(shapes[0].name))


def staying_units(snapshot: Snapshot, memory: Memory) -> int:
    """What the pool's registered instances come to, in its units, less those that are about to leave."""
    return snapshot.pool.units(i.instance_id for i in snapshot.instances if not _is_leaving(i, snapshot.at, memory))


def leaving_units(snapshot: Snapshot, memory: Memory) -> int:
    """What the pool's instances that are about to leave come to, in its units.

    One that others began to drain is about to leave, and the pool replaces it; but one that drains for longer than any
    notice lasts was drained by hand: it stays, and nothing comes in its place.
    """
    return snapshot.pool.units(i.instance_id for i in snapshot.instances if _is_leaving(i, snapshot.at, memory))


def _is_leaving(instance: ContainerInstance, now: float, memory: Memory) -> bool:
    if instance.status is not InstanceStatus.DRAINING:
        return False
    # What we drain ourselves stays until we terminate it.
    if instance.arn in memory.draining or instance.arn in memory.healing.emptying:
        return False
    return now - memory.leaving_since.get(instance.arn, now) <= LEAVES_WITHIN_S
