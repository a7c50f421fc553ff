"""Choose when the tasks leave that ECS can neither replace nor stop: one instance's at a time, of each service.

ECS API (UpdateContainerInstancesState): while instances drain, a service with a maximum percent of 100 starts no task
before another one has stopped, and at a minimum healthy percent of 100 ECS stops none. So where there is time,
service-out stops them, and ECS replaces what was stopped before the next one goes.
"""

from collections.abc import Iterable, Mapping, Sequence

from steady.service_out.doomed import Doomed, DoomedTask, TaskKind

# By then the pool has booted the instance that takes the place of the doomed one: there is room for the replacement.
ROOM_AFTER_S = 240.0


def waits_for_turn(task: DoomedTask, instance: Doomed) -> bool:
    """Return whether `task` leaves only when it is the turn of its instance.

    That is so, too, where requests may still reach it: as late as they can be, all tasks of the service would go at
    once.
    """
    return (
        instance.is_patient
        and not instance.gone
        and task.kind is TaskKind.SERVICE
        and not task.replaced_first
        and not task.protected
    )


def next_turns(doomed: Iterable[Doomed], tasks_of: Mapping[str, Sequence[DoomedTask]], now: float) -> Mapping[str, str]:
    """Return the instance whose tasks may leave next, by the name of their service.

    A service is left out as long as tasks of it are leaving, or `ROOM_AFTER_S` has not passed since the notice.

    >>> first = Doomed("i-1", "web", deadline_s=7200.0, container_instance_arn="arn-1")
    >>> task = DoomedTask("task", "arn-1", TaskKind.SERVICE, 30, service="api", replaced_first=False)
    >>> next_turns([first], {"i-1": [task]}, now=100.0), next_turns([first], {"i-1": [task]}, now=240.0)
    ({}, {'api': 'i-1'})

    Args:
        tasks_of: the tasks on each instance, by its id.
        now: seconds since the epoch.
    """
    turns: dict[str, str] = {}
    leaving: set[str] = set()
    for instance in sorted(doomed, key=lambda d: (d.noticed_at, d.instance_id)):
        for task in tasks_of.get(instance.instance_id, ()):
            if task.stopping or not waits_for_turn(task, instance):
                continue
            if instance.looked_at and task.service not in instance.held:
                leaving.add(task.service)
            elif now - instance.noticed_at >= ROOM_AFTER_S:
                turns.setdefault(task.service, instance.instance_id)
    return {name: instance_id for name, instance_id in turns.items() if name not in leaving}
