"""A cluster's ledger entry is lost, or an older one comes back from a backup: nothing of it is forgotten."""

from __future__ import annotations

import copy

import pytest

from simulator.endpoint import Params
from simulator.errors import AwsError
from simulator.faults import Hooked
from simulator.suite import LEDGER_TABLE
from simulator.world import SimulatedCluster, World
from steady.aws.scaling import ledger
from steady.aws.scaling.last_known import keep_entry, recovered
from steady.cluster import Size
from steady.scaling.demand import Demand
from steady.scaling.state import ScalingState
from tests.simulator.spot_groups import QUIET, fleet_with_part, group_of, on_demand, on_demand_part, with_base

KEY = {"TableName": LEDGER_TABLE, "Key": {"cluster": {"S": "web"}}}


def item(world: World) -> Params:
    found: Params = copy.deepcopy(world.account.tables.get_item(KEY)["Item"])
    return found


def put(world: World, stored: Params) -> None:
    world.account.tables.put_item({"TableName": LEDGER_TABLE, "Item": stored})


def lose(world: World) -> None:
    put(world, {"cluster": {"S": "web"}, "version": {"N": "0"}, "held_until": {"N": "0"}})


def draining(web: SimulatedCluster) -> int:
    return sum(i.status == "DRAINING" for i in web.instances())


def lost_lines(world: World) -> int:
    return sum("its ledger entry was lost" in line.message for line in world.suite.telemetry.log_lines)


@pytest.mark.parametrize("kind", ["fleet", "group"])
@pytest.mark.parametrize("until_lost_s", [0, 60, 130, 150, 170, 240])
def test_a_ledger_that_is_lost_while_spot_comes_back_leaves_no_instance_draining(kind: str, until_lost_s: int) -> None:
    world = World(seed=1)
    web = fleet_with_part(world, 8, part=2) if kind == "fleet" else with_base(world, 8, base=2)
    world.account.spot.set_available(web.pool, 0.25)
    world.run(600)
    world.account.spot.set_available(web.pool, 1.0)
    world.run(until_lost_s)
    lose(world)
    world.run(2400)

    assert draining(web) == 0
    assert (on_demand(web), on_demand_part(web), web.target) == (2, 2, 8)
    assert web.pool.tags == {}
    assert world.account.killed_tasks == 0
    assert lost_lines(world) == 1


@pytest.mark.parametrize("kind", ["fleet", "group"])
def test_an_older_entry_that_comes_back_during_scale_in_does_not_count(kind: str) -> None:
    world = World(seed=2)
    build = world.spot_cluster if kind == "fleet" else world.group_cluster
    web = build("web", 6, **QUIET)
    web.service("api", 2, cpu=100, memory=100)
    world.run(130)
    old = item(world)
    while not draining(web):
        world.run(10)
    put(world, old)
    world.run(3600)

    assert draining(web) == 0
    assert web.target == 1


def test_an_order_of_types_is_restored_although_the_ledger_was_lost_meanwhile() -> None:
    world = World(seed=3)
    types = {"m5.large": 1, "m5.xlarge": 2}
    web = world.group_cluster("web", 1, types=types, type_order="fitting", max_capacity=40, **QUIET)
    group_of(web).unavailable |= set(types)
    web.service("large", 1, cpu=3000, memory=9000)
    world.run(90)
    assert list(group_of(web).overrides) == ["m5.xlarge", "m5.large"]

    lose(world)
    group_of(web).unavailable.clear()
    world.run(900)

    assert len(web.running()) == 1
    assert list(group_of(web).overrides) == ["m5.large", "m5.xlarge"]


def test_a_look_that_fails_before_it_writes_leaves_the_next_one_to_write_the_entry() -> None:
    world = World(seed=4)
    web = world.group_cluster("web", 2, **QUIET)
    world.run(130)
    version = int(item(world)["version"]["N"])
    lose(world)

    def refuse(at: str, name: str) -> None:
        if (at, name) == ("before", "autoscaling:DescribeAutoScalingGroups"):
            raise AwsError("AccessDenied", "not authorized", 403)

    world.account.endpoint.fault = Hooked(refuse)
    world.run(120)
    assert int(item(world)["version"]["N"]) == 0
    world.account.endpoint.fault = Hooked(lambda at, name: None)
    world.run(120)

    assert int(item(world)["version"]["N"]) > version
    assert web.target <= 2


def test_of_two_processes_the_one_that_knows_more_is_right_and_new_demands_stay() -> None:
    world = World(seed=5, scaling=False)
    one, two = (world.suite.runtime("test") for _ in range(2))
    older = ledger.save(
        one, LEDGER_TABLE, ledger.load(one, LEDGER_TABLE, "web"), ScalingState(short_since=1.0), held_until=0.0
    )
    newer = ledger.save(two, LEDGER_TABLE, older, ScalingState(short_since=2.0), held_until=0.0)
    keep_entry(one, older)
    keep_entry(two, newer)
    demand = Demand("job", Size(1024, 1024), 5.0, 5.0)
    lose(world)
    new = ledger.load(one, LEDGER_TABLE, "web")
    ledger.save(one, LEDGER_TABLE, new, ScalingState(demands={"job": demand}), held_until=0.0)

    for runtime in (one, two, one):
        entry = recovered(runtime, ledger.load(runtime, LEDGER_TABLE, "web"))
        if entry.at_least:
            keep_entry(runtime, ledger.save(runtime, LEDGER_TABLE, entry, entry.state, held_until=0.0))

    found = ledger.load(one, LEDGER_TABLE, "web")
    assert found.state.short_since == 2.0
    assert set(found.state.demands) == {"job"}
    assert found.version > newer.version
