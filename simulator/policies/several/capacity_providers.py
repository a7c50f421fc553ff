"""ECS managed scaling with a capacity provider for each pool, and weights of 1 on-demand : 4 Spot.

Each provider is scaled as `simulator.policies.managed_scaling` says, with target capacity 100. A strategy names the
providers of one kind of task: here the cheapest on-demand pool that holds it, with weight 1, and the cheapest Spot pool
that holds it, with weight 4; or one of them, if only that one is there. A strategy is no fallback: where Spot is short,
its tasks stay in PROVISIONING (containers-roadmap #773). Kept simple, in its favour: the tasks of each provider may run
on the instances of all.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from simulator.policies.managed_scaling import (
    DATAPOINTS_UNDER,
    INTERVAL_S,
    TARGET,
    WARM_UP_S,
    WEIGHTS,
    reservation,
    scale_in_step,
)
from simulator.policies.peer import Pending
from simulator.policies.several.looks import PoolLook, Views, WholeLook, look_every
from simulator.prices import list_price
from steady.cluster import TaskShape
from steady.list_prices import SPOT_SHARE
from steady.pools import Purchase
from steady.scaling.packing import instances_needed, pack
from steady.scaling.room import room_on

NAME = "capacity-providers"


@dataclass
class _Provider:
    """What is known of one provider: the datapoints in a row under its target, and when it was scaled out."""

    under: int = 0
    scaled_out_at: float = -math.inf


def start(views: Views, pending: Pending) -> None:
    """Run the policy on the cluster of `views`, every `INTERVAL_S` seconds."""
    providers: dict[str, _Provider] = defaultdict(_Provider)

    def step(look: WholeLook) -> None:
        left = pack(look.pending, room_on(look.snapshot.active, look.snapshot)).left_over
        assigned = by_strategy(left, look.pools)
        for one in look.pools:
            _scale(one, assigned[one.name], providers[one.name])

    look_every(INTERVAL_S, NAME, views, pending, step)


def by_strategy(tasks: Sequence[TaskShape], pools: Sequence[PoolLook]) -> Mapping[str, list[TaskShape]]:
    """Return the tasks of each provider, so that of all tasks the on-demand ones are as many as the weights say."""
    found: dict[str, list[TaskShape]] = defaultdict(list)
    counts: Counter[bool] = Counter()
    for one in pools:
        counts[_is_on_demand(one)] += sum(i.task_count for i in one.snapshot.instances)
    first, second = WEIGHTS
    for task in tasks:
        able = {kind: [p for p in pools if p.room.holds(task) and _is_on_demand(p) is kind] for kind in (True, False)}
        kinds = [kind for kind, some in able.items() if some]
        if not kinds:
            continue
        is_on_demand = counts[True] * second < counts[False] * first if len(kinds) == 2 else kinds[0]
        chosen = min(able[is_on_demand], key=lambda one: (_usd(one, task), one.name))
        counts[is_on_demand] += 1
        found[chosen.name].append(task)
    return found


def _scale(look: PoolLook, waiting: Sequence[TaskShape], known: _Provider) -> None:
    active, now = look.snapshot.active, look.snapshot.at
    needed = sum(i.task_count > 0 for i in active) + instances_needed(waiting, look.room)[0]
    metric = reservation(needed, look.pool.target)
    known.under = known.under + 1 if metric < TARGET else 0
    if metric > TARGET:
        known.scaled_out_at = now
        look.ask_for(needed)
    elif known.under >= DATAPOINTS_UNDER and now - known.scaled_out_at >= WARM_UP_S:
        idle = [i.instance_id for i in active if i.task_count == 0 and i.instance_id in look.pool.members]
        look.take(idle[: scale_in_step(look.pool.target, needed)])


def _is_on_demand(look: PoolLook) -> bool:
    return look.pool.traits.purchase is Purchase.ON_DEMAND


def _usd(look: PoolLook, task: TaskShape) -> float:
    """Return the price of the largest part of an instance that a task takes, in USD an hour."""
    free, price = look.room.free, list_price(look.instance_type) * (1 if _is_on_demand(look) else SPOT_SHARE)
    return price * max(task.size.cpu_units / free.cpu_units, task.size.memory_mib / free.memory_mib)
