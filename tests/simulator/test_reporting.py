"""People are told of what is wrong with parameters: once, with the parameter, its value and the range."""

from __future__ import annotations

from simulator.faults import Refused
from simulator.suite import PEOPLE_TOPIC
from simulator.world import World

BAD = "/steady/clusters/web/cpu_reservation_high"


def test_people_are_told_once_of_a_bad_threshold_and_again_of_another() -> None:
    world = World(seed=1)
    world.spot_cluster("web", 1, cpu_reservation_high=75)
    world.run(65)
    assert world.account.messaging.published == []

    world.account.parameters.put(BAD, "8O")
    world.run(300)

    [(topic, message)] = world.account.messaging.published
    assert topic == PEOPLE_TOPIC
    assert message.startswith(f'{BAD} is "8O": a percentage from 1 to 100 is needed; 75 is used until it is corrected')
    assert "steady config check web" in message

    world.account.parameters.put(BAD, "101")
    world.run(120)
    assert len(world.account.messaging.published) == 2


def test_what_was_mended_and_comes_back_is_told_again() -> None:
    world = World(seed=1)
    world.spot_cluster("web", 1)
    for value in ("no", "80", "no"):
        world.account.parameters.put(BAD, value)
        world.run(130)

    assert len(world.account.messaging.published) == 2


def test_a_cluster_is_scaled_even_if_nobody_can_be_told() -> None:
    world = World(seed=1)
    web = world.spot_cluster("web", 1)
    world.account.endpoint.fault = Refused.denied("sns:Publish", 3600)
    world.account.parameters.put(BAD, "no")
    web.service("api", 6, cpu=1000, memory=1000)

    world.run(240)

    assert len(web.running()) == 6
    assert any("were not sent to people" in text for text in world.suite.telemetry.errors())
