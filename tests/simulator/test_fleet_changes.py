"""Spot Fleets that refuse changes for some seconds, or launch nothing: the decision waits, and has EC2's own words."""

from __future__ import annotations

import pytest

from simulator.errors import AwsError
from simulator.faults import Hooked
from simulator.fleet_history import BLACKLISTED, ROLE_INVALID, SPOT_QUOTA, FleetEvent
from simulator.world import World

QUIET = {"start_at_once_share": 0, "learning": "off", "cpu_reservation_high": 100, "memory_reservation_high": 100}


def reasons(world: World, *, after_s: float = 0.0) -> list[str]:
    lines = [line for line in world.suite.telemetry.decisions() if line.at >= after_s]
    return [r["text"] for line in lines for r in line.fields["reasons"]]


def operator_changes(world: World, target: int) -> None:
    params = {"SpotFleetRequestId": "sfr-web", "TargetCapacity": target}
    world.account.endpoint.answer("operator", "ec2:ModifySpotFleetRequest", params)


def test_a_fleet_is_modifying_for_some_seconds_and_shows_its_old_target() -> None:
    world = World(seed=1, scaling=False)
    world.spot_cluster("web", 2)
    ec2 = world.suite.runtime("test").ec2
    operator_changes(world, 4)

    def seen() -> tuple[str, int]:
        fleet = ec2.describe_spot_fleet_requests(SpotFleetRequestIds=["sfr-web"])["SpotFleetRequestConfigs"][0]
        return fleet["SpotFleetRequestState"], fleet["SpotFleetRequestConfig"]["TargetCapacity"]

    assert seen() == ("modifying", 2)
    with pytest.raises(ec2.exceptions.ClientError, match="FleetNotInModifiableState"):
        ec2.modify_spot_fleet_request(SpotFleetRequestId="sfr-web", TargetCapacity=5)
    world.run(4)
    assert seen() == ("active", 4)


@pytest.mark.parametrize("at_call", ["before the look", "during the decision"])
def test_a_fleet_that_refuses_a_change_is_asked_again_within_seconds(at_call: str) -> None:
    world = World(seed=2)
    web = world.spot_cluster("web", 2, **QUIET)
    world.run(50)
    web.service("api", 8, cpu=1024, memory=1000)
    changed = []

    def change(at: str, name: str) -> None:
        ours = "ec2:ModifySpotFleetRequest" if at_call == "during the decision" else "ec2:DescribeSpotFleetRequests"
        if (at, name) == ("before", ours) and not changed:
            changed.append(world.clock.now)
            operator_changes(world, 2)

    world.account.endpoint.fault = Hooked(change)
    world.account.endpoint.log = []
    world.run(60)

    log = world.account.endpoint.log
    ours = [c for c in log if c.name == "ec2:ModifySpotFleetRequest" and c.caller != "operator"]
    taken = [c.at for c in ours if not c.error]
    assert taken, ours
    assert taken[0] < changed[0] + 10, "a look of its own, not the next tick"
    assert len(ours) - len(taken) == int(at_call == "during the decision"), "one read as modifying is not asked"
    assert web.target == 4
    assert not [f for function in world.suite.functions() for f in function.failures]
    assert world.suite.telemetry.errors() == []


def test_a_temporary_target_is_still_known_as_one_after_a_refusal() -> None:
    world = World(seed=3, boot_s=80)
    web = world.spot_cluster("web", 6)
    web.service("api", 11, cpu=1024, memory=1000)
    world.run(70)
    first = [world.clock.now]
    refusals = []

    def change(at: str, name: str) -> None:
        # Each change of ours meets one of somebody else's, to the same target, for the first minute.
        if (at, name) == ("before", "ec2:ModifySpotFleetRequest") and len(refusals) < 3:
            refusals.append(world.clock.now)
            operator_changes(world, web.target)

    web.reclaim(2)
    world.run(10)
    assert web.target == 8
    world.account.endpoint.fault = Hooked(change)
    world.run(300)

    assert refusals, first
    assert web.target == 6, "the raise ends although EC2 refused that at first"


@pytest.mark.parametrize("event", [SPOT_QUOTA, ROLE_INVALID, BLACKLISTED])
def test_a_fleet_that_launches_nothing_says_so_in_ec2s_own_words(event: FleetEvent) -> None:
    world = World(seed=4)
    web = world.spot_cluster("web", 1, fallback_after_seconds=86_400, **QUIET)
    web.pool.refusal = event  # type: ignore[union-attr]
    web.service("api", 4, cpu=1024, memory=1024)
    world.run(10 * 60)

    said = f"the pool is 1 units short of its target: {event.sub_type}: {event.description}"
    assert any(said[:300] in text for text in reasons(world))
    assert web.target == 2, "it is not asked for more and more"
    assert world.suite.telemetry.errors() == []

    web.pool.refusal = None  # type: ignore[union-attr]
    world.run(5 * 60)
    assert len(web.running()) == 4
    web.service("more", 2, cpu=1024, memory=1024)
    since = world.clock.now
    world.run(5 * 60)
    assert len(web.running()) == 6
    assert not [text for text in reasons(world, after_s=since) if event.sub_type in text], "an instance came since"


def test_a_history_that_cannot_be_read_stops_nothing() -> None:
    world = World(seed=5)
    web = world.spot_cluster("web", 1, **QUIET)

    def refuse(at: str, name: str) -> None:
        if (at, name) == ("before", "ec2:DescribeSpotFleetRequestHistory"):
            raise AwsError("UnauthorizedOperation", "You are not authorized to perform this operation.", status=403)

    world.account.endpoint.fault = Hooked(refuse)
    web.service("api", 4, cpu=1024, memory=1024)
    world.run(5 * 60)

    assert len(web.running()) == 4
