"""Karpenter on a cluster with several pools: it launches nodes of all their types, in place of the pools.

It works as `simulator.policies.karpenter` says. A new node begins as a claim that any type may meet which holds its
tasks. A task joins the first claim of which a type holds it, too, the largest tasks first. In the end each claim is met
by the cheapest of its types (karpenter.sh, "Concepts", scheduling and bin-packing). Spot prices are the same fraction
of all list prices, so that the order of the types is that of these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from simulator.policies.karpenter import KARPENTER, run
from simulator.policies.node_pool import types_of
from simulator.policies.peer import Pending
from simulator.policies.several.looks import Views
from simulator.workload.pool_plan import largest_size, node_room
from steady.cluster import TaskShape
from steady.scaling.packing import largest_first
from steady.scaling.room import Room

NAME = "karpenter"


@dataclass
class _Claim:
    """A new node: the room that is left on each type which may be launched for it, the cheapest type first."""

    rooms: dict[str, Room]

    def takes(self, task: TaskShape) -> bool:
        """Place `task` if a type holds it, too; the types that do not hold it are left out from now on."""
        able = {type_: room for type_, room in self.rooms.items() if room.holds(task)}
        if able:
            self.rooms = able
            for room in able.values():
                room.place(task)
        return bool(able)


def nodes_for(tasks: Sequence[TaskShape], types: Sequence[str]) -> list[str]:
    """Return the types of the new nodes that hold `tasks`. Tasks that fit none of `types` are left out.

    Args:
        types: the cheapest first.

    >>> from steady.cluster import Size
    >>> nodes_for([TaskShape(Size(1024, 1024)), TaskShape(Size(1024, 1024), gpus=1)], ("m5.large", "g4dn.xlarge"))
    ['g4dn.xlarge']
    """
    claims: list[_Claim] = []
    for task in largest_first(tasks, largest_size(types)):
        if not any(claim.takes(task) for claim in claims):
            fresh = _Claim({type_: node_room(type_).copy() for type_ in types})
            if fresh.takes(task):
                claims.append(fresh)
    return [next(iter(claim.rooms)) for claim in claims]


def start(views: Views, pending: Pending) -> None:
    """Run the policy on the cluster of `views`, with the types of all its pools."""
    types = list({type_: None for view in views.values() for type_ in types_of(view.pool)})
    cluster = next(iter(views.values()))
    run(cluster, pending, replace(KARPENTER, nodes_for=nodes_for), types, list(views.values()))
