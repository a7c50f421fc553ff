"""The ledger in the hours that fill it: DynamoDB takes 400 KB an item, and the cluster is decided all the same."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

from simulator.suite import FAILURE_TOPIC, LEDGER_TABLE
from simulator.world import SimulatedCluster, World
from steady.aws.scaling import ledger
from steady.metrics import MetricName
from steady.scaling.demand import MAX_DEMANDS, RunShape
from tests.simulator.scaled_clusters import message

QUIET = {"start_at_once_share": 0, "learning": "off"}


def entry_of(web: SimulatedCluster) -> ledger.Entry:
    return ledger.load(web.world.suite.runtime("test"), LEDGER_TABLE, "web")


def test_a_launcher_of_many_tasks_with_long_accented_ids_is_served() -> None:
    web = World(seed=31).group_cluster("web", 1, **QUIET)
    web.batch_task(web.instances()[0], None, cpu=2048)
    for number in range(MAX_DEMANDS):
        web.world.account.messaging.publish(FAILURE_TOPIC, message(f"{number}{'é' * 200}", cpu=64, memory=128))
    web.world.run(25)

    assert len(entry_of(web).state.demands) == MAX_DEMANDS
    assert web.world.suite.telemetry.errors() == []
    # 1,500 tasks of 64 CPU units, 32 an instance.
    assert web.target == 48


def test_what_the_ledger_cannot_hold_is_said_and_stops_nothing() -> None:
    web = World(seed=32).group_cluster("web", 1, **QUIET)
    runtime, entry = web.world.suite.runtime("test"), entry_of(web)
    noise = random.Random(32)
    shapes = {f"a-{n}": RunShape(member_of=("attribute:a == " + noise.randbytes(400).hex(),)) for n in range(1500)}
    ledger.save(runtime, LEDGER_TABLE, entry, replace(entry.state, run_shapes=shapes), held_until=0.0)

    kept = len(entry_of(web).state.run_shapes)
    assert 0 < kept < 1500
    assert web.world.suite.telemetry.counts[MetricName.LEDGER_DROPPED] == 1500 - kept
    web.batch_task(web.instances()[0], None, cpu=2048)
    web.world.account.messaging.publish(FAILURE_TOPIC, message("task-1"))
    web.world.run(70)
    assert web.target == 2
    assert web.world.suite.telemetry.errors() == []


def test_a_cluster_goes_on_from_an_item_of_a_later_version() -> None:
    """After a rollback: fields that this version does not know, and rows that it cannot read."""
    web = World(seed=33).group_cluster("web", 2, **QUIET)
    web.world.run(130)
    tables, key = web.world.account.tables, {"cluster": {"S": "web"}}
    item = tables.get_item({"TableName": LEDGER_TABLE, "Key": key})["Item"]
    plain: dict[str, Any] = json.loads(item["memory"]["S"])
    plain["healing"]["later"] = {"a": 1}
    plain["staffing"]["later"] = 1
    plain["recent"][1] = [one for one in plain["recent"][1] for one in (one, 0.5)] + [7]
    plain["later"] = "x"
    tables.put_item({"TableName": LEDGER_TABLE, "Item": {**item, "memory": {"S": json.dumps(plain)}}})
    web.batch_task(web.instances()[0], None, cpu=2048)
    web.batch_task(web.instances()[1], None, cpu=2048)
    web.world.account.messaging.publish(FAILURE_TOPIC, message("task-1"))
    web.world.run(70)

    assert web.target == 3
    assert web.world.suite.telemetry.errors() == []
    stored = entry_of(web).stored
    assert (stored["healing"]["later"], stored["staffing"]["later"], stored["later"]) == ({"a": 1}, 1, "x")
