"""Cheaper pools beside a pool that shrinks: what they have free may take the tasks of the instances that it empties."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from steady.cluster import NOTHING, Beside, Size, largest, smallest
from steady.scaling.division import Part
from steady.scaling.reservation import registered_on, reserved_on
from steady.scaling.rules import wants_of


@dataclass(frozen=True, slots=True)
class _Priced:
    """A part, and the USD an hour of a vCPU of the instance that its pool launches next."""

    part: Part
    usd: float


def dearest_first(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Return `parts`, the one with the dearest vCPUs first, each with the pools that cost less beside it.

    A pool that is passed over takes no tasks of others. Neither does one that is being renewed: what it has free is for
    the tasks of its own old instances.
    """
    priced = sorted((_Priced(part, _usd(part)) for part in parts), key=lambda one: (-one.usd, one.part.settings.name))
    ready = [one for one in priced if not one.part.gives_back and not one.part.state.renewal.is_under_way]

    def with_cheaper(one: _Priced) -> Part:
        beside = tuple(_beside(other.part) for other in ready if other.usd < one.usd)
        return replace(one.part, snapshot=replace(one.part.snapshot, beside=beside))

    return tuple(map(with_cheaper, priced))


def _usd(part: Part) -> float:
    """Return the price of a vCPU; of a pool whose instances are not known yet, none: it has none to empty."""
    pool = part.candidate
    if not pool.likely:
        return 0.0
    shape = pool.likely[0]
    return pool.price(shape) * 1024 / shape.size.cpu_units


def _beside(part: Part) -> Beside:
    """Return the instances of a pool, and what they may take so that no rule of the pool asks for more then."""
    snapshot, thresholds = part.snapshot, part.thresholds
    registered, reserved = registered_on(snapshot.active), reserved_on(snapshot.active)
    kept = largest(NOTHING, *(want.capacity for want in wants_of(snapshot, part.state, thresholds)))
    spare = thresholds.scale_in_headroom
    most = Size(
        registered.cpu_units * (thresholds.cpu_reservation_high - spare) // 100,
        registered.memory_mib * (thresholds.memory_reservation_high - spare) // 100,
    )
    return Beside(snapshot.active, largest(NOTHING, smallest(registered - kept, most - reserved)))
