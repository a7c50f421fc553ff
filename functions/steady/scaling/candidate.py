"""A pool that may be asked for what waits: the room it has, the room that is coming, and what a new instance offers."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from steady.cluster import InstanceShape, Snapshot, TaskShape
from steady.list_prices import price
from steady.pools import Purchase
from steady.scaling.pool import Bounds, coming_units, launched_shapes, next_shape, shapes_of
from steady.scaling.room import Room, new_room, room_on
from steady.scaling.state import ScalingState
from steady.scaling.tries import given_up, key_of
from steady.thresholds import Thresholds


@dataclass(frozen=True)
class Candidate:
    """One pool of several, with its own instances, state and bounds.

    Attributes:
        snapshot: the cluster with the pool's instances alone.
        is_passed_over: whether it does not deliver (`steady.scaling.delivery`).
    """

    name: str
    snapshot: Snapshot
    state: ScalingState
    thresholds: Thresholds
    priority: int = 0
    is_passed_over: bool = False

    @cached_property
    def shapes(self) -> Sequence[InstanceShape]:
        """What an instance of each of its types offers; the type with the least memory a unit comes first."""
        return shapes_of(self.snapshot, self.state)

    @cached_property
    def likely(self) -> Sequence[InstanceShape]:
        """What it launches next: one shape, or all if that is not known."""
        known = next_shape(self.snapshot, self.state, self.shapes) if self.shapes else None
        return (known,) if known else self.shapes

    @cached_property
    def rooms(self) -> dict[InstanceShape, Room]:
        """The room on a new instance of each shape."""
        return {shape: new_room(shape, self.snapshot) for shape in self.shapes}

    @cached_property
    def units_left(self) -> int:
        """How many units may be added to its target."""
        return max(0, Bounds.of(self.snapshot, self.thresholds).maximum - self.snapshot.pool.target)

    @property
    def passing_units(self) -> int:
        """The units of its target that are there for a time: asked for by renewal, or ahead of a replacement."""
        pool, state = self.snapshot.pool, self.state
        return state.renewal.asked + (state.raised_by if pool.target == state.raised_to else 0)

    @property
    def lasting_units(self) -> int:
        """The units that are registered and take tasks, or are coming, without those that are there for a time."""
        taking = self.snapshot.pool.units(i.instance_id for i in self.snapshot.active)
        return max(0, taking + coming_units(self.snapshot, self.state) - self.passing_units)

    def weight(self, shape: InstanceShape) -> float:
        """Return how many units an instance of `shape` counts."""
        return self.snapshot.pool.weight(shape.name)

    def price(self, shape: InstanceShape) -> float:
        """Return the USD of an hour of an instance of `shape`, as the pool buys it."""
        on_spot = self.snapshot.pool.traits.purchase is Purchase.SPOT
        return price(shape, self.state.spot_prices if on_spot else None)

    @property
    def running_usd(self) -> float:
        """The USD of an hour of its instances that take tasks."""
        count = Counter(i.instance_type for i in self.snapshot.active)
        return sum(self.price(shape) * count[shape.name] for shape in self.shapes)

    def serves(self, task: TaskShape) -> bool:
        """Whether ECS may place `task` on its instances: by the capacity provider strategy."""
        return not task.providers or not task.providers.isdisjoint(self.snapshot.pool.providers)

    def holds(self, task: TaskShape) -> bool:
        """Whether an instance that it launches next holds `task`."""
        return self._is_held(task, self.likely)

    def may_hold(self, task: TaskShape) -> bool:
        """Whether an instance of any of its types holds `task`; the pool may launch another type."""
        return self._is_held(task, self.shapes)

    def there(self) -> list[Room]:
        """Return the room on its instances that take tasks."""
        return room_on(self.snapshot.active, self.snapshot)

    def drained(self) -> list[Room]:
        """Return the room on the instances that scale-in has chosen: they can be taken back."""
        return room_on([i for i in self.snapshot.instances if i.arn in self.state.draining], self.snapshot)

    def coming(self) -> list[Room]:
        """Return the room on the instances that boot, or that are still to be launched."""
        if not self.shapes:
            return []
        launched, units = launched_shapes(self.snapshot, self.state, self.shapes)
        shape = self.likely[0]
        return [self.rooms[one].copy() for one in (*launched, *[shape] * int(units // self.weight(shape)))]

    def _is_held(self, task: TaskShape, shapes: Sequence[InstanceShape]) -> bool:
        # Before the first instance of a pool that names no type, nobody knows what it can hold.
        if not self.serves(task) or key_of(task) in given_up(self.state.tries):
            return False
        return not self.shapes or any(self.rooms[shape].holds(task) for shape in shapes)
