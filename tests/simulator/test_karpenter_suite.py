"""Karpenter's own performance test, as a workload."""

from __future__ import annotations

import pytest

from simulator.bench import karpenter_suite
from simulator.bench.karpenter_suite import plan, settled_at
from simulator.instance_types import registered_size
from simulator.outcome import Sample
from simulator.workload.karpenter import FEWER_S, INSTANCE_TYPE


def sample(at_s: float, instances: int) -> Sample:
    return Sample(at_s, instances, instances, 0, 50, 50, 0)


def test_it_is_a_thousand_tasks_and_then_seven_hundred() -> None:
    changes = plan().services

    assert [sum(c.desired for c in changes if c.at_s == at) for at in sorted({c.at_s for c in changes})] == [1000, 700]
    assert all(registered_size(INSTANCE_TYPE).holds(c.size) for c in changes)


def test_the_number_of_instances_has_settled_after_its_last_change() -> None:
    samples = [sample(60, 0), sample(3540, 77), sample(3660, 70), sample(3720, 54), sample(3780, 54)]

    assert settled_at(samples) == 3720
    assert settled_at(samples[:2]) == FEWER_S


@pytest.mark.parametrize("policy", ["steady", "karpenter"])
def test_all_tasks_run_densely_and_the_cluster_shrinks_in_time(policy: str) -> None:
    found = karpenter_suite.run(policy)

    missed = [what for what, kept in found.promises() if not kept]
    assert [what for what in missed if "tasks placed in" not in what] == []
    # A boot takes some 90 s, with a tail. An unknown cluster first launches one instance to learn what it registers.
    assert found.out_s < 400
