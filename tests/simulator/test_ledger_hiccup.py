"""One call of the ledger that fails, at any moment of a reclaim: the chain of its steps goes on."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.chaos.scenarios import ComingBack
from simulator.errors import AwsError
from simulator.faults import NO_FAULT, CrashAt, Fault, Recorded, TimedOut, Try, Unforeseen
from simulator.timing import Timing
from simulator.world import World


class FailsOnce(Fault):
    """The `number`-th call of DynamoDB fails, and so do the next `more`. `unheard`: it had its effect, unanswered."""

    def __init__(self, number: int, *, unheard: bool, more: int) -> None:
        self.failing, self.unheard, self.calls = range(number, number + 1 + more), unheard, 0

    def _is_failing(self, tried: Try) -> bool:
        return tried.name.startswith("dynamodb:") and self.calls - 1 in self.failing

    def before(self, tried: Try) -> None:
        self.calls += tried.name.startswith("dynamodb:")
        if not self.unheard and self._is_failing(tried):
            raise AwsError("InternalServerError", "try again", 500)

    def answered(self, tried: Try, answer: dict[str, Any]) -> dict[str, Any]:
        if self.unheard and self._is_failing(tried):
            raise TimedOut(connected=True)
        return answer


def reclaimed(fault: Fault, timing: Timing) -> World:
    world = World(seed=10, duplicates=0.0, scaling=False, timing=timing)
    fleet = world.spot_cluster("web", 8, "m5.xlarge", mode="paused")
    fleet.service("api", 16, requests_per_s=1, exit_s=2.0)
    for instance in fleet.instances()[:2]:
        fleet.batch_task(instance, run_s=3600)
    world.run(60)
    world.account.endpoint.fault = fault
    fleet.reclaim()
    world.run(119)
    world.account.endpoint.fault = NO_FAULT
    world.run(10)
    return world


@pytest.mark.parametrize("more", [0, 1, 2])
@pytest.mark.parametrize("unheard", [False, True], ids=["refused", "unheard"])
def test_a_reclaim_survives_it(unheard: bool, more: int) -> None:
    for number in range(0, 24, 1 + more):
        world = reclaimed(FailsOnce(number, unheard=unheard, more=more), Timing())
        lost = (world.account.killed_tasks, world.account.balancing.failed_requests)
        assert lost == (0, 0), f"call {number}"


@pytest.mark.parametrize("after", [False, True])
def test_a_chain_whose_end_the_ledger_did_not_take_leaves_no_notice_with_itself(after: bool) -> None:
    # A notice comes three seconds after the last step of a maintenance's service-out, while its lease still lasts.
    calls = Recorded()
    trial = ComingBack()
    trial.world.account.endpoint.fault = calls
    trial.run()
    writes = [at for at, name in enumerate(calls.names[:90]) if name == "dynamodb:UpdateItem"]
    assert len(writes) > 10

    for at in writes:
        trial = ComingBack()
        endpoint = trial.world.account.endpoint
        endpoint.fault = CrashAt(endpoint.tries + at, after=after, kind=Unforeseen)
        trial.run()
        assert trial.broken_promises() == [], f"an unforeseen error at call {at}"
