"""What the report reads from the logged decisions of a run."""

from __future__ import annotations

import itertools
import re

from simulator.report.decisions import decisions_of, within
from simulator.simulation import Scenario, simulate
from simulator.workload.plan import ClusterPlan, Job
from steady.cluster import Size
from steady.pools import PoolKind


def test_what_a_pool_takes_only_later_is_told_as_wanted_and_is_no_change() -> None:
    """As for a fleet that is `modifying`: the decision is logged, and its target waits."""
    jobs = tuple(Job(60.0 + 4 * number, "crunch", Size(1024, 3072), 600.0) for number in range(40))
    plan = ClusterPlan("batch", PoolKind.SPOT_FLEET, "m5.2xlarge", jobs=jobs, services=(), on_spot=True)
    run = simulate("steady", Scenario((plan,), hours=0.5))

    decided = decisions_of(run)
    waits = [d for d in decided if d.put_off]
    told = within(decided, "batch", 0.0, 1800.0)

    assert waits
    assert all("wanted once the last change of the pool is done: " in d.text for d in waits)
    assert all("target" not in d.done for d in waits)
    assert not any(a.put_off and b.put_off and not a.changed and not b.changed for a, b in itertools.pairwise(told))
    # Each change of the target begins where the one before ended.
    steps = [re.search(r"target (\d+) to (\d+)", d.done) for d in decided if d.changed]
    targets = [step.groups() for step in steps if step]
    assert targets
    assert all(before[1] == after[0] for before, after in itertools.pairwise(targets))
