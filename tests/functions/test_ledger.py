"""The ledger on DynamoDB: one writer at a time, nothing overwritten."""

from __future__ import annotations

import pytest

from steady.aws.runtime import Runtime
from steady.aws.scaling import ledger
from steady.cluster import InstanceShape, Size
from steady.scaling.demand import Demand
from steady.scaling.recurrence import DAYS, RECENT
from steady.scaling.staffing import Staffing
from steady.scaling.state import Healing, Memory
from steady.scaling.usage import Usage

FULL = Memory(
    demands={"a": Demand("a", Size(1, 2), 3.5, 4.5, seen=True)},
    low_since=10.25,
    drift_since={"api": 1.5},
    placement_failed_at={"api": 2.5},
    draining={"arn-1": "i-1"},
    leaving_since={"arn-2": 6.5},
    raised_by=2,
    raised_to=12,
    booting_since={"i-3": 1_767_225_600.5},
    boots_s=(92.5, 101.0),
    doomed={"i-4": 1_767_225_580.0},
    short_since=1_767_225_590.0,
    next_look_at=1_767_225_615.0,
    shapes={"m5.large": InstanceShape("m5.large", Size(2048, 7946), gpus=1, enis=2)},
    recent=RECENT.seen(1_767_225_600.0, Size(1, 2)).seen(1_767_225_900.0, Size(3, 4)),
    days=DAYS.seen(1_767_225_600.0, Size(5, 6)),
    staffing=Staffing(0.25, tasks=7, lacking=1),
    healing=Healing({"arn-5": 7.5}, {"arn-5": 8.5}, registered_at=9.5, unanswered=(10.5, 11.5)),
    told=("cpu_reservation_high is wrong",),
    usage=Usage(12.5, {"spot m5.large": 2}, {"2026-01-01": {"spot m5.large": 1.25}}),
)


def test_what_was_saved_is_loaded(runtime: Runtime, table: str) -> None:
    saved = ledger.save(runtime, table, ledger.load(runtime, table, "web"), FULL, held_until=7.0)

    assert ledger.load(runtime, table, "web") == saved
    assert saved.memory == FULL


def test_an_unknown_cluster_starts_empty(runtime: Runtime, table: str) -> None:
    assert ledger.load(runtime, table, "new") == ledger.Entry("new", 0, Memory())


def test_the_second_of_two_writers_loses_the_race(runtime: Runtime, table: str) -> None:
    one = ledger.load(runtime, table, "web")
    two = ledger.load(runtime, table, "web")
    ledger.save(runtime, table, one, FULL, held_until=0.0)

    with pytest.raises(ledger.LostRace):
        ledger.save(runtime, table, two, Memory(), held_until=0.0)
    assert ledger.load(runtime, table, "web").memory == FULL


def test_a_release_ends_only_its_own_hold(runtime: Runtime, table: str) -> None:
    mine = ledger.save(runtime, table, ledger.load(runtime, table, "web"), FULL, held_until=100.0)
    theirs = ledger.save(runtime, table, mine, FULL, held_until=200.0)

    ledger.release(runtime, table, mine)
    assert ledger.load(runtime, table, "web").held_until == 200.0

    ledger.release(runtime, table, theirs)
    assert ledger.load(runtime, table, "web").held_until == 0.0


def test_fields_of_a_later_version_do_no_harm(runtime: Runtime, table: str) -> None:
    runtime.dynamodb.put_item(
        TableName=table,
        Item={
            "cluster": {"S": "web"},
            "version": {"N": "3"},
            "memory": {"S": '{"new": 1, "low_since": 5}'},
            "held_until": {"N": "0"},
        },
    )

    assert ledger.load(runtime, table, "web").memory == Memory(low_since=5)
