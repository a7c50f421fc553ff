"""The reasons for which instances go: who says so, in which pool, and how much time is left."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

from interruption_handler.notices import health_change
from simulator.bench.interruption import NOTICES_WITHIN_S
from simulator.ec2 import Ec2Instance
from simulator.spot_market import NOTICE_S
from simulator.world import World
from steady.pools import PoolKind

# A hook waits for a batch task of ten minutes, and for a replacement that boots.
HOOK_LASTS_S = 900.0
HEALTH_S = 1200.0
REBALANCE_S = 900.0
# Simulated seconds after the last instance should have gone.
AFTERWARDS_S = 60.0


@dataclass(frozen=True, slots=True)
class Reason:
    """Why instances go.

    Attributes:
        pool: the kind of pool that they are taken from.
        lasts_s: seconds until every instance should have gone.
        take: take these instances away. Returns when each of them ends, by its id, in seconds since the epoch.
        has_time: whether a replacement can boot before the instance goes.
        thresholds: thresholds of the cluster.
        on_spot: whether an Auto Scaling group is one of Spot Instances.
    """

    pool: PoolKind
    lasts_s: float
    take: Callable[[World, Sequence[Ec2Instance]], Mapping[str, float]]
    has_time: bool = True
    thresholds: Mapping[str, Any] = field(default_factory=dict)
    on_spot: bool = False


def _reclaim(world: World, doomed: Sequence[Ec2Instance]) -> Mapping[str, float]:
    """Reclaim Spot instances, one after the other within `NOTICES_WITHIN_S`."""
    ends: dict[str, float] = {}
    for number, instance in enumerate(doomed):
        at = world.clock.now + number * NOTICES_WITHIN_S / len(doomed)
        ends[instance.id] = at + NOTICE_S
        world.clock.at(at, lambda one=instance: world.account.spot.reclaim([one]))  # type: ignore[misc]
    return ends


def _fail(world: World, doomed: Sequence[Ec2Instance]) -> Mapping[str, float]:
    """Let the instances fail their status checks. Their group launches others, and lets them wait under its hook."""
    for instance in doomed:
        world.account.groups.fail(instance)
    return {instance.id: math.inf for instance in doomed}


def _retire(world: World, doomed: Sequence[Ec2Instance]) -> Mapping[str, float]:
    """Let AWS Health announce that the instances are retired, and end them when it has said.

    EC2 User Guide, "Scheduled events for your instances": at the scheduled time EC2 stops or terminates the instance.
    """
    sample, ends_at = health_change.SAMPLE, world.clock.now + HEALTH_S
    entities = [{"entityValue": instance.id, "status": "PENDING"} for instance in doomed]
    detail = {**sample["detail"], "startTime": formatdate(ends_at, usegmt=True), "affectedEntities": entities}
    del detail["endTime"]
    event = {"detail-type": sample["detail-type"], "source": sample["source"], "detail": detail}
    world.account.messaging.put_event(event)
    for instance in doomed:
        world.clock.at(ends_at, lambda one=instance: world.account.ec2.terminate(one))  # type: ignore[misc]
    return {instance.id: ends_at for instance in doomed}


def _recommend(world: World, doomed: Sequence[Ec2Instance]) -> Mapping[str, float]:
    """Recommend to leave the instances. Their fleet launches others, and terminates them after its delay."""
    world.account.spot.recommend(list(doomed), REBALANCE_S)
    if doomed[0].tags.get(PoolKind.AUTO_SCALING_GROUP.traits.tag):
        # A group lets them wait under its hook, once the others are in service.
        return {instance.id: math.inf for instance in doomed}
    return {instance.id: world.clock.now + REBALANCE_S for instance in doomed}


SPOT, SPOT_GROUP = "spot", "spot-group"
REASONS: Mapping[str, Reason] = {
    SPOT: Reason(PoolKind.SPOT_FLEET, NOTICES_WITHIN_S + NOTICE_S, _reclaim, has_time=False),
    SPOT_GROUP: Reason(
        PoolKind.AUTO_SCALING_GROUP, NOTICES_WITHIN_S + NOTICE_S, _reclaim, has_time=False, on_spot=True
    ),
    "hook": Reason(PoolKind.AUTO_SCALING_GROUP, HOOK_LASTS_S, _fail),
    "health": Reason(PoolKind.SPOT_FLEET, HEALTH_S, _retire),
    "rebalance": Reason(
        PoolKind.SPOT_FLEET,
        REBALANCE_S,
        _recommend,
        thresholds={"on_rebalance": "drain", "rebalance_deadline_seconds": int(REBALANCE_S)},
    ),
    "rebalance-group": Reason(PoolKind.AUTO_SCALING_GROUP, HOOK_LASTS_S, _recommend, on_spot=True),
}
# EC2 takes these back within two minutes: what moves finds room on the instances that stay, or none.
RECLAIMS = (SPOT, SPOT_GROUP)
