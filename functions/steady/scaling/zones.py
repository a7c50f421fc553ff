"""Zones: which instances can go so that an Auto Scaling group stays balanced over its Availability Zones.

Auto Scaling API, TerminateInstanceInAutoScalingGroup: a group that a termination leaves unbalanced "tries to rebalance
the group, and rebalancing might terminate instances in other zones". It launches one in the empty zone, and ends one
that scale-in would never have chosen. So what unbalances a group saves nothing.
"""

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from steady.pools import Pool


@dataclass(slots=True)
class ZoneUnits:
    """The units of a pool in each zone, as instances go one after the other.

    Attributes:
        units: by zone; empty for a pool that does not balance its zones.
        weights: the units of each instance, by its id, and `zones` its zone.
        step: a difference between two zones that no other distribution of the instances may better.
    """

    units: dict[str, float]
    zones: dict[str, str]
    weights: dict[str, float]
    step: float

    @staticmethod
    def of(pool: Pool, without: Collection[str] = ()) -> "ZoneUnits":
        """Return the units of `pool` without those of the instance ids `without`."""
        weights = {id_: pool.weight(type_) for id_, type_ in pool.members.items()}
        zones = {id_: zone for zone, ids in pool.zones.items() for id_ in ids if id_ in weights}
        units = {
            zone: sum(weights[id_] for id_ in ids if id_ in weights and id_ not in without)
            for zone, ids in pool.zones.items()
        }
        return ZoneUnits(units, zones, weights, max(weights.values(), default=1.0))

    def stay_balanced_without(self, instance_id: str) -> bool:
        """Return whether the zones are balanced, or no less than now, once the instance has gone."""
        zone = self.zones.get(instance_id)
        if zone is None:
            return True
        after = {**self.units, zone: self.units[zone] - self.weights[instance_id]}
        return _difference(after) <= max(self.step, _difference(self.units))

    def take(self, instance_id: str) -> None:
        """Let the instance go."""
        if instance_id in self.zones:
            self.units[self.zones[instance_id]] -= self.weights[instance_id]

    def put_back(self, instance_id: str) -> None:
        """Let the instance stay after all."""
        if instance_id in self.zones:
            self.units[self.zones[instance_id]] += self.weights[instance_id]


def in_balance(instance_ids: Sequence[str], zones: ZoneUnits) -> Iterator[str]:
    """Yield those of `instance_ids` that can go one after the other, the first one first. `zones` changes.

    An instance that would unbalance the zones comes once others have gone before it, or not at all.
    """
    # Instances of one zone and one weight are alike here: only the first of them can be next.
    alike: dict[tuple[str, float], deque[tuple[int, str]]] = {}
    for number, id_ in enumerate(instance_ids):
        key = zones.zones.get(id_, ""), zones.weights.get(id_, 0.0)
        alike.setdefault(key, deque()).append((number, id_))
    while first := [waiting for waiting in alike.values() if waiting and zones.stay_balanced_without(waiting[0][1])]:
        _, one = min(first, key=lambda waiting: waiting[0]).popleft()
        zones.take(one)
        yield one


def _difference(units: dict[str, float]) -> float:
    return max(units.values()) - min(units.values())
