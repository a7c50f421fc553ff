"""Where the dollars of a run go: what was paid for each instance, minute by minute, and what it was for."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from simulator import prices
from simulator.ec2 import Ec2Instance
from simulator.world import SimulatedCluster
from steady.list_prices import SPOT_SHARE

WORK = "work"
WHOLE = "whole instances"
ROOM = "room"
PINNED = "pinned batch tasks"
LATE = "late scale-in"
BOOTS = "boots"
FALLBACK = "on-demand fallback"
# What the dollars are for:
# - what the tasks reserve, by CPU or memory, whichever is more;
# - what rounds that up to whole instances;
# - other instances with tasks of services alone, and those that have been empty for less than the delay of scale-in;
# - other instances with a batch task, which nobody may move;
# - those that have been empty for longer, or are empty and drain;
# - those that have not registered yet;
# - of all on-demand instances, what they cost more than Spot.
KINDS = (WORK, WHOLE, ROOM, PINNED, LATE, BOOTS, FALLBACK)


@dataclass
class Spending:
    """Counts what is paid. Each instance and minute is of one kind, and its price is that of Spot; see `FALLBACK`.

    Attributes:
        scale_in_after_s: for how long an empty instance is kept on purpose.
    """

    scale_in_after_s: float
    spot_share: float = SPOT_SHARE
    minutes: Counter[str] = field(default_factory=Counter)
    _empty_since: dict[str, float] = field(default_factory=dict)

    def look(self, cluster: SimulatedCluster) -> None:
        """Count one minute of each instance of `cluster`."""
        now = cluster.world.clock.now
        instances = cluster.ec2_instances()
        for instance in instances:
            if instance.on_demand:
                on_demand, spot = (self._price(instance, bought) for bought in ("on-demand", "spot"))
                self.minutes[FALLBACK] += on_demand - spot  # type: ignore[assignment]
        busy = []
        for instance in instances:
            here = instance.container_instance
            if here is None:
                self._count(BOOTS, instance)
            elif here.tasks:
                self._empty_since.pop(instance.id, None)
                busy.append(instance)
            else:
                since = self._empty_since.setdefault(instance.id, now)
                is_kept = here.status == "ACTIVE" and now - since < self.scale_in_after_s
                self._count(ROOM if is_kept else LATE, instance)
        self._count_busy(busy)

    def dollars(self, usd: float) -> dict[str, float]:
        """Return the dollars of each kind. They add up to `usd`, what the run cost to the second."""
        counted = sum(self.minutes.values())
        return {kind: self.minutes[kind] * usd / counted if counted else 0.0 for kind in KINDS}

    def _count_busy(self, busy: Sequence[Ec2Instance]) -> None:
        """Count the instances with tasks: the fullest ones hold all work, the others are spare."""
        fullest = sorted(busy, key=reserved, reverse=True)
        used = sum(map(reserved, fullest))
        needed = math.ceil(round(used, 6))
        for instance in fullest[needed:]:
            assert instance.container_instance
            is_pinned = any(not t.group.startswith("service:") for t in instance.container_instance.tasks.values())
            self._count(PINNED if is_pinned else ROOM, instance)
        for instance in fullest[:needed]:
            self._count(WORK, instance, used / needed)
            self._count(WHOLE, instance, 1 - used / needed)

    def _count(self, kind: str, instance: Ec2Instance, fraction: float = 1.0) -> None:
        self.minutes[kind] += fraction * self._price(instance, "spot")  # type: ignore[assignment]

    def _price(self, instance: Ec2Instance, bought: str) -> float:
        return prices.listed(instance.instance_type, self.spot_share).of(bought, instance.instance_type)


def reserved(instance: Ec2Instance) -> float:
    """Return which fraction of an instance its tasks reserve: of CPU or of memory, whichever is more."""
    here = instance.container_instance
    if here is None:
        return 0.0
    free, whole = here.remaining, here.registered
    return max(1 - free.cpu_units / whole.cpu_units, 1 - free.memory_mib / whole.memory_mib)
