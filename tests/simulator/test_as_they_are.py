"""The short form of the table of clusters as they are: some runs of each row, and that each row can be broken."""

from __future__ import annotations

import pytest

from simulator.chaos.as_they_are import taken
from simulator.chaos.as_they_are.notices import Noticed
from simulator.chaos.as_they_are.refusals import UNFORESEEN, Refusal
from simulator.chaos.as_they_are.stopping import Stopping
from simulator.chaos.as_they_are.table import KINDS, Kind, draws
from simulator.chaos.scenarios import Trial
from simulator.errors import AwsError
from simulator.faults import Fault, Try
from steady.pools import PoolKind

# Runs of each row that `make test` makes; the first ones of those of `make chaos`.
FEW = 2


@pytest.mark.parametrize("seed", range(FEW))
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_promises_hold_in_clusters_as_they_are(kind: Kind, seed: int) -> None:
    drawn, broken = kind.draw_and_run(seed)

    assert list(broken) == [], drawn


def test_the_same_seed_draws_the_same_world() -> None:
    assert Noticed(5).drawn == Noticed(5).drawn != Noticed(6).drawn


@pytest.mark.parametrize(
    "seed", [48, 54], ids=["ECS retires a task too late", "a notice takes a resting chain's lease"]
)
def test_a_draw_that_once_broke_a_promise_keeps_it(seed: int) -> None:
    assert taken.time(seed)[1] == []


@pytest.mark.parametrize(
    ("name", "number"), [("ecs:UpdateContainerInstancesState", 0), ("ec2:DescribeSpotFleetRequests", 1)]
)
def test_an_error_that_no_sdk_raises_concerns_one_thing(
    monkeypatch: pytest.MonkeyPatch, name: str, number: int
) -> None:
    """For good, from before the notices on: it is no fault that the next step has got over."""
    trial = Refusal(1)
    assert trial.kind is PoolKind.SPOT_FLEET
    monkeypatch.setattr(trial, "refuse", lambda: trial.refuse_for(name, UNFORESEEN, number))
    trial.run()

    assert trial.broken_promises() == []


def test_every_row_has_its_runs() -> None:
    runs = [draw.kind.name for draw in draws()]

    assert {kind.name: runs.count(kind.name) for kind in KINDS} == {kind.name: kind.runs for kind in KINDS}


@pytest.mark.parametrize("drawn", [Stopping, Noticed, Refusal], ids=lambda drawn: drawn.name)
def test_a_promise_that_does_not_hold_is_seen(drawn: type[Trial]) -> None:
    """What would be broken if nothing at all worked, in at least one of two worlds."""
    found = []
    for seed in range(2):
        trial = drawn(seed)  # type: ignore[arg-type]
        trial.world.account.endpoint.fault = _Nothing()
        trial.begin()
        trial.world.run(trial.lasts_s)
        found += trial.broken_promises()

    assert found


class _Nothing(Fault):
    def before(self, tried: Try) -> None:  # noqa: ARG002
        raise AwsError("InternalError", "nothing works", 500)
