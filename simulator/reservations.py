"""Record what the tasks of each service and batch family reserve, and for how long instances have tasks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from simulator.account import Account
from simulator.ecs.state import Task
from simulator.instance_types import described


@dataclass(slots=True)
class Reserved:
    """What the tasks of one service, or of one batch family, reserved from their creation to their end."""

    tasks: int = 0
    vcpu_hours: float = 0.0
    gib_hours: float = 0.0


class Reservations:
    """Follow the tasks of an account from now on. A task ends with its instance, if that goes first."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._reserved: dict[str, dict[tuple[str, str], Reserved]] = defaultdict(lambda: defaultdict(Reserved))
        self._occupied_s: Counter[str] = Counter()
        # Since when each container instance that has tasks has had some, as far as its tasks have ended.
        self._since: dict[str, float] = {}
        account.scheduler.observer.stopped = self._count

    def figures(self) -> dict[str, dict[str, Any]]:
        """Return by cluster what docs/simulator.md explains under `clusters`. It ends the record: call it once."""
        now, clusters = self._account.clock.now, self._account.scheduler.clusters
        self._end(task for cluster in clusters.values() for task in cluster.tasks.values())
        found = {}
        for name in clusters:
            hours = self._account.ec2.hours.until(now, name)
            found[name] = {
                "instance_hours_by": {
                    bought: {type_: round(of_type, 4) for type_, of_type in by_type.items()}
                    for bought, by_type in hours.items()
                },
                "instance_types": {
                    type_: _offered(type_) for type_ in sorted({t for by_type in hours.values() for t in by_type})
                },
                "occupied_hours": round(self._occupied_s[name] / 3600, 4),
                "reserved": [
                    {
                        "service": service,
                        "family": family,
                        "tasks": by.tasks,
                        "vcpu_hours": round(by.vcpu_hours, 4),
                        "gib_hours": round(by.gib_hours, 4),
                    }
                    for (service, family), by in sorted(self._reserved[name].items())
                ],
            }
        return found

    def _end(self, tasks: Iterable[Task]) -> None:
        left: dict[str, list[Task]] = defaultdict(list)
        for task in tasks:
            left[task.instance.arn].append(task)
        for together in left.values():
            for task in together:
                self._add(task)
            self._empty(together[0])

    def _count(self, task: Task) -> None:
        self._add(task)
        if not task.instance.tasks:
            self._empty(task)

    def _add(self, task: Task) -> None:
        hours = (self._until(task) - task.created_at) / 3600
        found = self._reserved[task.cluster.name][task.service_name, task.definition.family]
        found.tasks += 1
        found.vcpu_hours += hours * task.definition.size.cpu_units / 1024
        found.gib_hours += hours * task.definition.size.memory_mib / 1024
        arn = task.instance.arn
        self._since[arn] = min(self._since.get(arn, task.created_at), task.created_at)

    def _empty(self, last: Task) -> None:
        """Note that the container instance of `last` has no task any more."""
        self._occupied_s[last.cluster.name] += self._until(last) - self._since.pop(last.instance.arn)  # type: ignore[assignment]

    def _until(self, task: Task) -> float:
        host = self._account.ec2.instances.get(task.instance.ec2_id)
        return (host and host.terminated_at) or self._account.clock.now


def _offered(instance_type: str) -> dict[str, float]:
    """Return the vCPUs and the GiB of an instance type, as EC2 describes it."""
    found = described(instance_type)
    return {"vcpu": found["VCpuInfo"]["DefaultVCpus"], "gib": found["MemoryInfo"]["SizeInMiB"] / 1024}
