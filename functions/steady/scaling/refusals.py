"""Refusals: what ECS has said again and again that it cannot place, whatever our placement says.

Our placement knows CPU, memory, GPUs, ports, network interfaces and constraints, but not all of each task: a batch
launcher (hako) sends CPU and memory alone. A refusal that is repeated for longer than a look outweighs it.
"""

from collections import Counter
from dataclasses import dataclass

from steady.cluster import Snapshot, TaskShape
from steady.scaling.demand import task_of, waiting
from steady.scaling.state import ScalingState
from steady.scaling.tries import Tried, key_of

# A refusal that is younger is not repeated: a look comes once a minute.
REPEATED_AFTER_S = 60.0
# For so long a task that would fit may still be placed: a launcher tries again each 10 s, ECS within a minute.
SURE_AFTER_S = 45.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """Tasks like `task` that ECS refuses; it matters if they would fit by our placement.

    Attributes:
        text: what is refused, as an operator reads it.
        look_at: where the operator finds the cause.
    """

    task: TaskShape
    tried: Tried
    text: str
    look_at: str


def repeated_refusals(snapshot: Snapshot, state: ScalingState) -> list[Refusal]:
    """Return what ECS has refused for longer than `REPEATED_AFTER_S`: runs of launchers, and tasks of services.

    A service counts once ECS has said again that its placement failed after our placement had found room.
    """
    now = snapshot.at
    found: dict[str, Refusal] = {}
    old = Counter(
        task_of(d, state.run_shapes) for d in waiting(state.demands, now) if now - d.first_said_at >= REPEATED_AFTER_S
    )
    for task, count in old.items():
        text, key = f"RunTask of {key_of(task)}", f"RunTask {key_of(task)}"
        look_at = "the failures that RunTask answers (GPUs, ports, network interfaces, constraints, overrides)"
        found[key] = Refusal(task, Tried(key, SURE_AFTER_S, count), text, look_at)
    for service in snapshot.services:
        said_at, key = state.placement_failed_at.get(service.name), f"service {service.name}"
        known = state.tries.get(key)
        if service.missing and service.shape and said_at is not None:
            is_said_again = known is None or known.asked or known.is_over or said_at > known.at
            sure_after_s = SURE_AFTER_S if is_said_again else float("inf")
            look_at = "the service's events (constraints, ports, network interfaces, attributes)"
            tried = Tried(key, sure_after_s, service.missing)
            found[key] = Refusal(service.shape, tried, f"a task of service {service.name}", look_at)
    return [found[key] for key in sorted(found)]
