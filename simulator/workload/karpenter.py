"""The workload of Karpenter's own performance test, "Basic Deployment": 1,000 tasks from nothing, and then 700.

kubernetes-sigs/karpenter, `test/suites/performance/basic_test.go`: two deployments of 500 pods, of 900m and 3100Mi and
of 3500m and 28Gi; then of 350 each.
"""

from __future__ import annotations

from simulator.workload.plan import ServiceChange, Work
from steady.cluster import Size

# The type on which both deployments together take as much of the CPU as of the memory.
INSTANCE_TYPE = "r5.8xlarge"
SMALL, LARGE = Size(round(0.9 * 1024), 3100), Size(round(3.5 * 1024), 28 * 1024)
BEFORE, AFTER = 500, 350
BEGIN_S, FEWER_S, HOURS = 60.0, 3600.0, 2.0


def basic(hours: float, seed: int = 0) -> Work:
    """Return the changes of the two services within `hours`. There is nothing that `seed` would change."""
    del seed
    changes = [
        ServiceChange(at_s, name, desired, size)
        for at_s, desired in ((BEGIN_S, BEFORE), (FEWER_S, AFTER))
        for name, size in (("small", SMALL), ("large", LARGE))
    ]
    return Work(services=tuple(change for change in changes if change.at_s < hours * 3600))
