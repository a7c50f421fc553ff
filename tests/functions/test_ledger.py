"""The ledger on DynamoDB: one writer at a time, nothing overwritten."""

from __future__ import annotations

import pytest

from steady.aws.runtime import Runtime
from steady.aws.scaling import ledger
from steady.scaling.state import ScalingState
from tests.functions.test_state_codec import FULL


def test_what_was_saved_is_loaded(runtime: Runtime, table: str) -> None:
    saved = ledger.save(runtime, table, ledger.load(runtime, table, "web"), FULL, held_until=7.0)

    assert ledger.load(runtime, table, "web") == saved
    assert saved.state == FULL


def test_an_unknown_cluster_starts_empty(runtime: Runtime, table: str) -> None:
    assert ledger.load(runtime, table, "new") == ledger.Entry("new", 0, ScalingState())


def test_the_second_of_two_writers_loses_the_race(runtime: Runtime, table: str) -> None:
    one = ledger.load(runtime, table, "web")
    two = ledger.load(runtime, table, "web")
    ledger.save(runtime, table, one, FULL, held_until=0.0)

    with pytest.raises(ledger.LostRace):
        ledger.save(runtime, table, two, ScalingState(), held_until=0.0)
    assert ledger.load(runtime, table, "web").state == FULL


def test_only_the_hold_of_an_invocation_that_is_over_is_freed(runtime: Runtime, table: str) -> None:
    until = runtime.now() + 20
    held = ledger.save(runtime, table, ledger.load(runtime, table, "web"), ScalingState(), until, held_by="crashed")

    ledger.free(runtime, table, "web", "another")
    assert ledger.load(runtime, table, "web").held_until == held.held_until
    ledger.free(runtime, table, "web", "crashed")
    assert not ledger.load(runtime, table, "web").held_until
    ledger.free(runtime, table, "nobody", "crashed")
    assert ledger.load(runtime, table, "nobody").version == 0


def test_a_release_ends_only_its_own_hold(runtime: Runtime, table: str) -> None:
    mine = ledger.save(runtime, table, ledger.load(runtime, table, "web"), FULL, held_until=100.0)
    theirs = ledger.save(runtime, table, mine, FULL, held_until=200.0)

    ledger.release(runtime, table, mine)
    assert ledger.load(runtime, table, "web").held_until == 200.0

    ledger.release(runtime, table, theirs)
    assert ledger.load(runtime, table, "web").held_until == 0.0
