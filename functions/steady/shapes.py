"""What the instances of a pool offer, of each type that it may launch."""

from steady.cluster import InstanceShape, Snapshot
from steady.memory import Memory


def shapes_of(snapshot: Snapshot, memory: Memory) -> list[InstanceShape]:
    """What the pool's instances offer, of each type that it may launch: the one that gives least for its weight first.

    What was seen registered counts before what EC2 says of a type: the kernel and the agent keep some of it.
    """
    pool = snapshot.pool
    known = {**snapshot.shapes, **memory.shapes}
    types = pool.types or tuple(memory.shapes)
    found = [known[type_] for type_ in types if type_ in known]
    return sorted(found, key=lambda s: (s.size.memory_mib / pool.weight(s.name), s.size.cpu_units, s.name))
