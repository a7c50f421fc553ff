"""A decision's calls: one that fails in any way stops no other, but a hold that is lost stops all."""

from __future__ import annotations

import pytest

from simulator.errors import AwsError
from simulator.world import World
from steady.aws.capacity import pools
from steady.aws.ecs.container_instances import describe_all_instances
from steady.aws.runtime import Runtime
from steady.aws.scaling.acting import carry_out
from steady.aws.scaling.ledger import LostRace
from steady.cluster import Snapshot
from steady.pools import PoolKind, PoolName
from steady.scaling.decision import Decision

KINDS = {PoolKind.AUTO_SCALING_GROUP: "web", PoolKind.SPOT_FLEET: "sfr-web"}
CHANGE = {
    PoolKind.AUTO_SCALING_GROUP: "autoscaling:SetDesiredCapacity",
    PoolKind.SPOT_FLEET: "ec2:ModifySpotFleetRequest",
}


def seen(world: World, kind: PoolKind) -> tuple[Runtime, Snapshot]:
    """Build a cluster of three instances, and return what a look sees of it."""
    build = world.group_cluster if kind is PoolKind.AUTO_SCALING_GROUP else world.spot_cluster
    build("web", 3)
    runtime = world.suite.runtime("test")
    pool = pools.read_pool(runtime, PoolName(kind, KINDS[kind]))
    return runtime, Snapshot("web", world.clock.now, describe_all_instances(runtime, "web"), (), pool)


@pytest.mark.parametrize("kind", PoolKind)
@pytest.mark.parametrize("error", [AwsError("ServiceUnavailable", "try again", 503), KeyError("nobody has thought")])
def test_a_target_that_cannot_be_set_stops_no_drain(kind: PoolKind, error: Exception) -> None:
    world = World(seed=1, scaling=False)
    runtime, snapshot = seen(world, kind)

    def refused(params: object) -> dict[str, object]:
        raise error

    world.account.endpoint.actions[CHANGE[kind]] = refused
    drained = snapshot.instances[0].arn

    outcome = carry_out(runtime, snapshot, Decision("web", 5, to_drain=(drained,)))

    assert [i.arn for i in describe_all_instances(runtime, "web") if i.status == "DRAINING"] == [drained]
    with pytest.raises(type(outcome.error) if outcome.error else ZeroDivisionError):
        outcome.raise_error()


@pytest.mark.parametrize("kind", PoolKind)
def test_a_hold_that_is_lost_among_the_terminations_stops_the_rest(kind: PoolKind) -> None:
    world = World(seed=2, scaling=False)
    runtime, snapshot = seen(world, kind)
    kept = []

    def keep_hold() -> None:
        kept.append(world.clock.now)
        # Before the order of types, before the capacity, and before each termination.
        if len(kept) == 3:
            raise LostRace("another invocation holds the cluster")

    ids = tuple(i.instance_id for i in snapshot.instances[:2])
    decision = Decision("web", 1, to_terminate=ids, to_drain=(snapshot.instances[2].arn,))
    with pytest.raises(LostRace):
        carry_out(runtime, snapshot, decision, keep_hold)

    assert all(i.alive for i in world.account.ec2.instances.values())
    assert all(i.status == "ACTIVE" for i in describe_all_instances(runtime, "web"))
