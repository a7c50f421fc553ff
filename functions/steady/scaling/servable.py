"""Which tasks the pool can serve: what none of its instances can hold teaches nothing and asks for nothing."""

from collections.abc import Iterable, Mapping

from steady.cluster import InstanceShape, Snapshot, TaskShape
from steady.scaling.room import new_room, shapes_of_pool
from steady.scaling.tries import Tries, given_up, key_of


class Servable:
    """Choose the tasks that an instance of the pool could hold, and that are not given up.

    Args:
        seen: the shapes that instances were seen registered with, by type.
    """

    def __init__(self, snapshot: Snapshot, seen: Mapping[str, InstanceShape], tries: Mapping[str, Tries]) -> None:
        # Before the first instance of a pool that names no type, nobody knows what it can hold.
        self._rooms = [new_room(shape, snapshot) for shape in shapes_of_pool(snapshot, seen)]
        self._given_up = given_up(tries)
        self._known: dict[TaskShape, bool] = {}

    def of(self, tasks: Iterable[TaskShape]) -> list[TaskShape]:
        """Return those of `tasks` that can be served."""
        return [task for task in tasks if self._is(task)]

    def _is(self, task: TaskShape) -> bool:
        if task not in self._known:
            is_held = not self._rooms or any(room.holds(task) for room in self._rooms)
            self._known[task] = is_held and key_of(task) not in self._given_up
        return self._known[task]
