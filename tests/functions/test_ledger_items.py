"""The ledger's items: what fits, what is dropped and said, and what is kept of other versions' items."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest

from steady.aws.runtime import Runtime
from steady.aws.scaling import ledger
from steady.aws.scaling.ledger_item import LARGEST, write_item
from steady.aws.scaling.state_codec import from_plain, to_plain
from steady.cluster import Size
from steady.metrics import MetricName
from steady.scaling.demand import MAX_DEMANDS, Demand, RunShape, key_of_run, merge_demands
from steady.scaling.pool_state import Healing, PoolState
from steady.scaling.state import ScalingState
from tests.functions import release_0_1_0
from tests.functions.test_state_codec import FULL, OF_0_1_0

NOW = 1_767_225_600.0
RNG = random.Random(21)
ARN = "arn:aws:ecs:us-east-1:123456789012:container-instance/a-cluster-with-a-long-name/"
ARNS = [f"{ARN}{RNG.getrandbits(128):032x}" for _ in range(3000)]
IDS = [f"i-{RNG.getrandbits(68):017x}" for _ in ARNS]
SAID = [NOW + RNG.random() * 600 for _ in ARNS]


def demands(ids: list[str]) -> dict[str, Demand]:
    said = [Demand(key_of_run(id_), Size(1024, 2048), at, at) for id_, at in zip(ids, SAID, strict=False)]
    return merge_demands({}, said)


def constraints(keys: list[str], length: int) -> dict[str, RunShape]:
    """Constraints of each run that are like no other's."""
    return {key: RunShape(member_of=("attribute:a == " + RNG.randbytes(length // 2).hex(),)) for key in keys}


LONG = demands([f"{n}{'x' * 250}" for n in range(MAX_DEMANDS)])
ACCENTED = demands([f"{n}{'é' * 200}" for n in range(MAX_DEMANDS)])
MANY_INSTANCES = ScalingState(
    draining=dict(zip(ARNS, IDS, strict=True)),
    leaving_since=dict(zip(ARNS, SAID, strict=True)),
    booting_since=dict(zip(IDS, SAID, strict=True)),
    doomed=dict.fromkeys(IDS, NOW),
    healing=Healing(dict(zip(ARNS, SAID, strict=True)), dict.fromkeys(ARNS, NOW)),
)
MANY_INSTANCES_OF_A_POOL = PoolState(
    draining=MANY_INSTANCES.draining,
    leaving_since=MANY_INSTANCES.leaving_since,
    booting_since=MANY_INSTANCES.booting_since,
)


@pytest.mark.parametrize(
    "state",
    [
        ScalingState(demands=LONG),
        ScalingState(demands=ACCENTED, run_shapes=dict.fromkeys(ACCENTED, RunShape(group="é" * 200))),
        MANY_INSTANCES,
        replace(FULL, demands=LONG, leaving_since=MANY_INSTANCES.leaving_since),
        ScalingState(pools={"a": MANY_INSTANCES_OF_A_POOL, "b": MANY_INSTANCES_OF_A_POOL}, demands=LONG),
    ],
    ids=["long ids", "accented ids", "3,000 instances in every state", "both", "several pools"],
)
def test_what_a_cluster_remembers_at_its_worst_hour_fits(runtime: Runtime, table: str, state: ScalingState) -> None:
    ledger.save(runtime, table, ledger.load(runtime, table, "web"), state, held_until=0.0)

    assert ledger.load(runtime, table, "web").state == state
    assert runtime.telemetry.counts == {}  # type: ignore[attr-defined]


def test_what_does_not_fit_is_dropped_and_said(runtime: Runtime, table: str) -> None:
    state = ScalingState(demands=LONG, run_shapes=constraints(list(LONG), 800), draining=MANY_INSTANCES.draining)
    ledger.save(runtime, table, ledger.load(runtime, table, "web"), state, held_until=0.0)

    kept = ledger.load(runtime, table, "web").state
    lost = len(state.run_shapes) - len(kept.run_shapes)
    oldest = sorted(LONG.values(), key=lambda d: d.first_said_at)[: len(kept.run_shapes)]
    assert lost > 0
    assert set(kept.run_shapes) == {d.key for d in oldest}
    assert replace(kept, run_shapes={}) == replace(state, run_shapes={})
    telemetry: Any = runtime.telemetry
    assert telemetry.counts[MetricName.LEDGER_DROPPED] == lost
    assert [line for line in telemetry.log_lines if f"does not hold {lost} launchers' constraints" in line.message]


def test_the_instances_that_scale_in_drains_are_dropped_last() -> None:
    written = write_item(replace(MANY_INSTANCES, demands=LONG, run_shapes=constraints(list(LONG), 2000)), {})

    beside = from_plain(json.loads(written.attributes["memory"]["S"]))
    assert 0 < len(beside.draining) < len(ARNS)
    assert (beside.run_shapes, beside.demands, beside.leaving_since) == ({}, {}, {})
    assert len(written.attributes["memory"]["S"]) + len(written.attributes["packed"]["B"]) <= LARGEST


def test_a_release_that_knows_memory_alone_reads_the_part_of_a_packed_state_that_fits() -> None:
    written = write_item(MANY_INSTANCES, {})

    assert set(written.attributes) == {"memory", "packed"}
    memory = json.loads(written.attributes["memory"]["S"])
    assert set(memory) >= set(OF_0_1_0) - {"told"}
    assert from_plain(memory).draining.items() <= MANY_INSTANCES.draining.items()


def test_half_of_a_surrogate_pair_is_written(runtime: Runtime, table: str) -> None:
    state = ScalingState(demands=demands(["\ud800"]), drift_since={"\udfff": 1.5})
    ledger.save(runtime, table, ledger.load(runtime, table, "web"), state, held_until=0.0)

    assert ledger.load(runtime, table, "web").state == state


@pytest.mark.parametrize("state", [ScalingState(), FULL, MANY_INSTANCES], ids=["empty", "full", "packed"])
def test_release_0_1_0_reads_what_this_version_writes(state: ScalingState) -> None:
    read = release_0_1_0.read(json.loads(write_item(state, {}).attributes["memory"]["S"]))

    if state is FULL:
        assert read == release_0_1_0.read(OF_0_1_0)


LATER: dict[str, Any] = {
    **to_plain(FULL),
    "new": {"a": 1},
    "demands": {"a": [1, 2, 3.5, 4.5, True, "new"], "gone": [1, 2, 3.5, 4.5, True, "new"]},
    "shapes": {"m5.large": [2048, 7946, 1, 2, {"new": 3}]},
    "healing": {**to_plain(FULL)["healing"], "new": []},
    "staffing": {**to_plain(FULL)["staffing"], "new": 4.5},
    "tries": {"service api": {**to_plain(FULL)["tries"]["service api"], "new": "a"}},
    "recent": [9817920, [1, 2, 3, 4], "new"],
}


def test_what_a_later_version_has_written_is_ignored_and_kept(runtime: Runtime, table: str) -> None:
    put(runtime, table, LATER)
    entry = ledger.load(runtime, table, "web")
    assert replace(entry.state, demands=FULL.demands) == FULL

    changed = replace(FULL, healing=replace(FULL.healing, registered_at=99.5), low_since=None)
    entry = ledger.save(runtime, table, entry, changed, held_until=0.0)
    # A second write, from what the first one returned.
    ledger.save(runtime, table, entry, changed, held_until=0.0)

    plain = stored(runtime, table)
    expected = {**LATER, "healing": {**LATER["healing"], "registered_at": 99.5}, "low_since": None}
    assert plain == {**expected, "demands": {"a": [1, 2, 3.5, 4.5, True, "new"]}}
    assert ledger.load(runtime, table, "web").state == changed


def test_the_columns_that_a_later_version_has_added_are_kept(runtime: Runtime, table: str) -> None:
    columns = {
        **to_plain(FULL)["columns"],
        "Demand": ["new", "size.cpu_units", "size.memory_mib", "first_said_at", "last_said_at", "seen"],
        "Later": ["a"],
    }
    put(runtime, table, {"columns": columns, "demands": {"a": ["x", 1, 2, 3.5, 4.5, True]}})

    entry = ledger.load(runtime, table, "web")
    both = {**entry.state.demands, "b": Demand("b", Size(5, 6), 7.5, 8.5)}
    ledger.save(runtime, table, entry, replace(entry.state, demands=both), held_until=0.0)

    plain = stored(runtime, table)
    assert plain["columns"]["Demand"] == [*columns["Demand"][1:], "new"]
    assert plain["columns"]["Later"] == ["a"]
    assert plain["demands"] == {"a": [1, 2, 3.5, 4.5, True, "x"], "b": [5, 6, 7.5, 8.5, False]}


def test_an_item_of_the_last_release_is_read_and_written() -> None:
    written = write_item(from_plain(OF_0_1_0), OF_0_1_0)

    plain = json.loads(written.attributes["memory"]["S"])
    assert {name: plain[name] for name in OF_0_1_0 if name != "told"} == {
        name: value for name, value in OF_0_1_0.items() if name != "told"
    }
    assert "told" not in plain


@pytest.mark.parametrize("memory", ["no JSON", "[]", '{"healing": 5, "low_since": 7.5}'])
def test_what_cannot_be_read_begins_anew_and_is_said(runtime: Runtime, table: str, memory: str) -> None:
    put(runtime, table, memory)

    state = ledger.load(runtime, table, "web").state

    assert state in (ScalingState(), ScalingState(low_since=7.5))
    telemetry: Any = runtime.telemetry
    assert [line for line in telemetry.log_lines if "cannot be read, and begins anew" in line.message]


def put(runtime: Runtime, table: str, plain: Any) -> None:
    text = plain if isinstance(plain, str) else json.dumps(plain)
    item: Any = {"cluster": {"S": "web"}, "version": {"N": "7"}, "memory": {"S": text}, "held_until": {"N": "0"}}
    runtime.dynamodb.put_item(TableName=table, Item=item)


def stored(runtime: Runtime, table: str) -> Any:
    return json.loads(runtime.dynamodb.get_item(TableName=table, Key={"cluster": {"S": "web"}})["Item"]["memory"]["S"])
