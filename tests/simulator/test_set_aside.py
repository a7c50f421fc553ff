"""What cannot be handled is set aside at once, with its reason, whatever characters a message holds."""

from __future__ import annotations

import json

import pytest

from simulator.world import World
from steady.aws.queue import set_aside

# SQS API, SendMessage: none of these may be in a body or in an attribute. JSON may escape all of them.
NOT_TAKEN = ("\x00", "\x0b", "\x1b", "\ufffe", "\uffff", "\ud800")


@pytest.mark.parametrize("character", NOT_TAKEN, ids=ascii)
def test_a_request_for_a_cluster_whose_name_no_attribute_can_hold_is_set_aside_at_once(character: str) -> None:
    world = World(seed=1, duplicates=0.0)
    world.group_cluster("web", 1)
    queue = world.suite.launches
    assert queue.dead_letters

    world.account.messaging.enqueue(queue, json.dumps({"cluster": f"we{character}b", "taskDefinition": "report"}))
    world.run(20)

    [message] = queue.dead_letters.messages
    assert message.attributes["error"]["StringValue"]


@pytest.mark.parametrize("body", ["", *NOT_TAKEN], ids=ascii)
def test_any_body_is_set_aside_and_no_reason_is_none(body: str) -> None:
    world = World(seed=1)
    dead = world.suite.launches.dead_letters
    assert dead

    set_aside(world.suite.runtime("test"), body, body, dead.url)

    [message] = dead.messages
    assert message.body
    assert message.attributes["error"]["StringValue"]
