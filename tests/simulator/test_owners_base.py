"""The on-demand part that the owner of a pool has set: never lowered, restored, and followed if it changes."""

from __future__ import annotations

import pytest

from simulator.errors import AwsError
from simulator.faults import Hooked
from simulator.suite import LEDGER_TABLE
from simulator.world import World
from steady.aws.capacity import pools
from steady.aws.scaling import ledger
from steady.pools import PoolKind, PoolName
from steady.scaling.state import ScalingState
from tests.simulator.spot_groups import QUIET, fleet_of, fleet_with_part, group_of, on_demand, set_base, with_base

EMPTY = {"cluster": {"S": "web"}, "version": {"N": "0"}, "held_until": {"N": "0"}}
DISTRIBUTION = "autoscaling:UpdateAutoScalingGroup"


def test_while_spot_is_there_the_owners_base_is_left_alone() -> None:
    world = World(seed=1)
    web = with_base(world, 6, base=2)
    before = {i.id for i in web.ec2_instances()}
    world.run(1800)

    assert (group_of(web).on_demand_base, on_demand(web), web.target) == (2, 2, 6)
    assert {i.id for i in web.ec2_instances()} == before
    assert group_of(web).tags == {}


def test_a_short_market_adds_to_the_owners_base_and_it_is_restored_exactly() -> None:
    world = World(seed=2)
    web = with_base(world, 8, base=2)
    world.account.spot.set_available(web.pool, 0.25)
    world.run(300)
    assert group_of(web).on_demand_base == on_demand(web) > 2

    world.account.spot.set_available(web.pool, 1.0)
    world.run(1200)

    assert (group_of(web).on_demand_base, on_demand(web), web.target) == (2, 2, 8)
    assert group_of(web).tags == {}, "nothing of the suite's is left on the group"
    assert (group_of(web).realigned, world.account.killed_tasks) == (0, 0)


def test_a_whole_reclaim_and_the_way_back_keep_the_owners_base() -> None:
    world = World(seed=3)
    web = with_base(world, 8, base=3)
    world.account.spot.set_available(web.pool, 0.0)
    world.run(600)
    assert (group_of(web).on_demand_base, on_demand(web)) == (8, 8)

    world.account.spot.set_available(web.pool, 1.0)
    world.run(2400)

    assert (group_of(web).on_demand_base, on_demand(web), web.target) == (3, 3, 8)
    assert world.account.killed_tasks == 0


@pytest.mark.parametrize("theirs", [0, 1, 3])
def test_a_base_that_the_owner_sets_meanwhile_is_the_new_one(theirs: int) -> None:
    world = World(seed=4)
    web = with_base(world, 8, base=2)
    world.account.spot.set_available(web.pool, 0.25)
    world.run(300)
    assert group_of(web).on_demand_base > 3

    set_base(world, theirs)
    world.run(120)
    assert group_of(web).on_demand_base > 3, "Spot is still short"
    world.account.spot.set_available(web.pool, 1.0)
    world.run(1800)

    assert (group_of(web).on_demand_base, on_demand(web)) == (theirs, theirs)
    assert world.account.killed_tasks == 0


def test_a_higher_base_that_the_owner_sets_stays_once_the_group_has_followed_it() -> None:
    world = World(seed=5)
    web = with_base(world, 6, base=1)
    set_base(world, 3)
    world.run(3600)

    assert (group_of(web).on_demand_base, on_demand(web)) == (3, 3)


def test_scale_in_leaves_the_instances_of_the_owners_base() -> None:
    world = World(seed=6)
    web = world.spot_group_cluster("web", 6, **QUIET)
    for instance in web.ec2_instances()[:2]:
        instance.on_demand = True
    group_of(web).on_demand_base = 2
    kept = {i.id for i in web.ec2_instances() if i.on_demand}
    # No task at all: every instance is as cheap to end as the others.
    web.service("api", 0, cpu=1000, memory=1000)
    world.run(7200)

    assert (web.target, group_of(web).realigned) == (2, 0)
    assert {i.id for i in web.ec2_instances()} == kept
    assert group_of(web).on_demand_base == 2


def test_the_owners_base_is_known_after_the_ledger_was_lost() -> None:
    world = World(seed=7)
    web = with_base(world, 8, base=2)
    world.account.spot.set_available(web.pool, 0.25)
    world.run(300)
    world.account.tables.put_item({"TableName": LEDGER_TABLE, "Item": EMPTY})
    assert ledger.load(world.suite.runtime("test"), LEDGER_TABLE, "web").state == ScalingState()
    assert group_of(web).on_demand_base > 2

    pool = pools.read_pool(world.suite.runtime("test"), PoolName(PoolKind.AUTO_SCALING_GROUP, "web"))

    assert pool.on_demand_floor == 2


@pytest.mark.parametrize(("weight", "base", "on_demand_instances"), [(2, 3, 2), (2, 2, 1), (4, 1, 1), (4, 6, 2)])
def test_a_base_that_is_no_number_of_whole_instances_is_left_alone_and_restored(
    weight: int, base: int, on_demand_instances: int
) -> None:
    """A group launches whole instances: their units may be more than the base."""
    world = World(seed=10)
    web = world.spot_group_cluster("web", 4 * weight, "m5.xlarge", types={"m5.xlarge": weight}, **QUIET)
    for instance in web.ec2_instances()[:on_demand_instances]:
        instance.on_demand = True
    group_of(web).on_demand_base = base
    web.service("api", 8, cpu=2000, memory=2000)
    world.run(900)
    assert (group_of(web).on_demand_base, web.target, group_of(web).tags) == (base, 4 * weight, {})

    world.account.spot.set_available(web.pool, 0.0)
    world.run(600)
    assert group_of(web).on_demand_base > base
    world.account.spot.set_available(web.pool, 1.0)
    world.run(2400)

    assert (group_of(web).on_demand_base, web.target, group_of(web).tags) == (base, 4 * weight, {})
    assert on_demand(web) == on_demand_instances
    assert (len(web.running()), group_of(web).realigned, world.account.killed_tasks) == (8, 0, 0)


def test_a_refused_change_of_the_base_still_asks_for_the_capacity() -> None:
    world = World(seed=8)
    web = with_base(world, 4, base=1)

    def refuse(at: str, name: str) -> None:
        if (at, name) == ("before", DISTRIBUTION):
            raise AwsError("ValidationError", "Valid requests must contain either launchTemplateId or …")

    world.account.endpoint.fault = Hooked(refuse)
    world.account.spot.set_available(web.pool, 0.5)
    web.service("more", 4, cpu=1000, memory=1000)
    world.run(400)

    assert web.target > 4
    assert group_of(web).on_demand_base == 1
    pool = pools.read_pool(world.suite.runtime("test"), PoolName(PoolKind.AUTO_SCALING_GROUP, "web"))
    assert pool.on_demand_floor == 1, "a mark without the change is no change"


def test_the_whole_distribution_is_sent_and_no_launch_template() -> None:
    world = World(seed=9)
    web = with_base(world, 4, base=1)
    world.account.endpoint.log = []
    world.account.spot.set_available(web.pool, 0.5)
    world.run(300)

    [sent, *_] = [c.params["MixedInstancesPolicy"] for c in world.account.endpoint.log if c.name == DISTRIBUTION]
    assert set(sent) == {"InstancesDistribution"}
    assert set(sent["InstancesDistribution"]) == {
        "OnDemandAllocationStrategy",
        "OnDemandBaseCapacity",
        "OnDemandPercentageAboveBaseCapacity",
        "SpotAllocationStrategy",
    }


# A fleet, whose part is its on-demand target capacity.


def test_a_fleet_keeps_its_owners_part_while_spot_is_there() -> None:
    world = World(seed=11)
    web = fleet_with_part(world, 6, part=2)
    before = {i.id for i in web.ec2_instances()}
    world.run(1800)

    assert (fleet_of(web).on_demand_target, on_demand(web), web.target) == (2, 2, 6)
    assert {i.id for i in web.ec2_instances()} == before
    assert fleet_of(web).tags == {}


def test_a_fleet_has_its_owners_part_again_after_a_shortage() -> None:
    world = World(seed=12)
    web = fleet_with_part(world, 8, part=2)
    calls = world.account.endpoint.log = []
    world.account.spot.set_available(web.pool, 0.25)
    world.run(300)
    # Once such a fleet holds its target, it is asked for the owner's part: what runs on-demand stays.
    parts = [c.params["OnDemandTargetCapacity"] for c in calls if "OnDemandTargetCapacity" in c.params]
    assert max(parts) > 2
    assert min(parts) == 2
    assert on_demand(web) > 2

    world.account.spot.set_available(web.pool, 1.0)
    world.run(2400)

    assert (fleet_of(web).on_demand_target, on_demand(web), web.target) == (2, 2, 8)
    assert fleet_of(web).tags == {}
    assert world.account.killed_tasks == 0


def test_a_fleet_whose_target_is_lower_than_the_owners_part_is_asked_for_no_more() -> None:
    """EC2 API, ModifySpotFleetRequest: the on-demand part is a part of the target capacity."""
    world = World(seed=13)
    web = fleet_with_part(world, 2, part=2)
    fleet_of(web).tags["steady:on-demand-base"] = "own=4 set=4/2"
    world.run(300)
    assert fleet_of(web).on_demand_target == 2

    web.service("more", 8, cpu=1000, memory=1000)
    world.run(900)

    assert (fleet_of(web).on_demand_target, fleet_of(web).tags) == (4, {})
    assert on_demand(web) == 4


def test_a_mark_that_cannot_be_written_keeps_no_fleet_from_growing() -> None:
    world = World(seed=14)
    web = fleet_with_part(world, 4, part=1)

    def refuse(at: str, name: str) -> None:
        if (at, name) == ("before", "ec2:CreateTags"):
            raise AwsError("UnauthorizedOperation", "You are not authorized to perform this operation.", status=403)

    world.account.endpoint.fault = Hooked(refuse)
    world.account.spot.set_available(web.pool, 0.5)
    web.service("more", 4, cpu=1000, memory=1000)
    world.run(400)

    assert web.target > 4
    assert fleet_of(web).on_demand_target == 1
