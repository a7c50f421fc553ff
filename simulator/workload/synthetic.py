"""A synthetic day from a seed: services with a daily curve, batches on the hour, and Spot reclaims."""

from __future__ import annotations

import math
import random
from dataclasses import replace

from simulator.workload.plan import ClusterPlan, Job, ServiceChange, SpotMarket
from steady.cluster import Size
from steady.pools import PoolKind

STEP_S = 300
MARKET_MOST = 20
RECLAIM_EVERY_S = 3 * 3600
ADHOC_EVERY_S = 60
# Interruptions an hour for each instance. AWS's Spot Instance Advisor, worst band: over 20 % a month.
MILD_LOSSES_PER_HOUR = 3e-4

# Name, tasks at night, tasks at the evening peak, size of a task.
_WEB_SERVICES = (
    ("front", 6, 24, Size(512, 1024)),
    ("api", 8, 30, Size(1024, 2048)),
    ("search", 3, 8, Size(2048, 8192)),
)
_MIXED_SERVICES = (
    ("front", 10, 40, Size(512, 1024)),
    ("arm", 6, 24, Size(1024, 2048)),
    ("infer", 1, 4, Size(2048, 8192)),
)
# Family, mean seconds between two jobs, sizes, GPUs.
_MIXED_JOBS = (
    ("small", 40, (Size(256, 512), Size(1024, 2048)), 0),
    ("large", 240, (Size(4096, 30_000), Size(8192, 60_000)), 0),
    ("train", 900, (Size(4096, 16_384),), 1),
)
_BATCH_SERVICES = (("worker", 16, 48, Size(1024, 2048)),)


def day(hours: float, seed: int) -> tuple[ClusterPlan, ...]:
    """Return the plans of two clusters for `hours` hours.

    `web` runs services on an Auto Scaling group. `batch` runs jobs and a service on a Spot Fleet.
    """
    rng = random.Random(f"synthetic day {seed}")
    until_s = hours * 3600
    return (
        ClusterPlan("web", PoolKind.AUTO_SCALING_GROUP, "m5.2xlarge", services=_services(_WEB_SERVICES, until_s, rng)),
        ClusterPlan(
            "batch",
            PoolKind.SPOT_FLEET,
            "m5.2xlarge",
            jobs=_jobs(until_s, rng),
            services=_services(_BATCH_SERVICES, until_s, rng),
            market=_market(until_s, rng),
        ),
    )


def work_of_a_day(hours: float, seed: int) -> ClusterPlan:
    """Return the work of both clusters of a day on one cluster, which is to get its pools (`ClusterPlan.pools`)."""
    web, batch = day(hours, seed)
    services = sorted((*web.services, *batch.services), key=lambda change: change.at_s)
    return replace(batch, name="work", services=tuple(services))


def mixed(hours: float, seed: int) -> ClusterPlan:
    """Return work whose tasks differ in shape, on one cluster, which is to get its pools.

    Services: small ones, one of images for arm64, and one with a GPU for each task. Jobs: small ones, ones with much
    memory, and some with a GPU. The images of all but the arm64 service are for both architectures.
    """
    rng = random.Random(f"mixed day {seed}")
    until_s = hours * 3600
    services = [
        replace(change, architecture="arm64" if change.service == "arm" else "", gpus=int(change.service == "infer"))
        for change in _services(_MIXED_SERVICES, until_s, rng)
    ]
    jobs = []
    for family, every_s, sizes, gpus in _MIXED_JOBS:
        at_s = rng.expovariate(1 / every_s)
        while at_s < until_s:
            jobs.append(Job(at_s, family, rng.choice(sizes), rng.lognormvariate(6.0, 0.8), gpus))
            at_s += rng.expovariate(1 / every_s)
    market = mild_market(hours, seed)
    by_time = sorted(jobs, key=lambda job: job.submit_s)
    return ClusterPlan("work", PoolKind.SPOT_FLEET, "", tuple(by_time), tuple(services), market)


def _services(
    kinds: tuple[tuple[str, int, int, Size], ...], until_s: float, rng: random.Random
) -> tuple[ServiceChange, ...]:
    changes = []
    for name, night, peak, size in kinds:
        before = None
        for at_s in range(0, int(until_s), STEP_S):
            desired = round((night + (peak - night) * _daily_curve(at_s)) * rng.uniform(0.96, 1.04))
            if desired != before:
                changes.append(ServiceChange(at_s, name, desired, size))
                before = desired
    return tuple(sorted(changes, key=lambda c: c.at_s))


def _daily_curve(at_s: float) -> float:
    """Return the load from 0 (4 a.m.) to 1 (8 p.m.), with a smaller peak at noon."""
    hour = at_s / 3600 % 24
    evening = math.exp(-(((hour - 20) / 3.5) ** 2)) + math.exp(-(((hour + 4) / 3.5) ** 2))
    noon = 0.6 * math.exp(-(((hour - 12.5) / 2.5) ** 2))
    return min(1.0, evening + noon)


def _jobs(until_s: float, rng: random.Random) -> tuple[Job, ...]:
    jobs = []
    for hour in range(math.ceil(until_s / 3600)):
        # Cron jobs start together on the hour. From 1 to 3 a.m. there are more of them.
        for _ in range(120 if hour % 24 in (1, 2, 3) else 30):
            jobs.append(Job(hour * 3600 + rng.uniform(0, 5), "cron", Size(1024, 3072), rng.uniform(120, 900)))
    at_s = rng.expovariate(1 / ADHOC_EVERY_S)
    while at_s < until_s:
        size = rng.choice((Size(512, 1024), Size(2048, 4096), Size(4096, 16384)))
        jobs.append(Job(at_s, "adhoc", size, rng.lognormvariate(5.5, 1.0)))
        at_s += rng.expovariate(1 / ADHOC_EVERY_S)
    return tuple(sorted((j for j in jobs if j.submit_s < until_s), key=lambda j: j.submit_s))


def mild_market(hours: float, seed: int) -> SpotMarket:
    """Return a market as most fleets see it.

    At times a single instance is interrupted, and about once a week half of the fleet, for half an hour.
    """
    rng = random.Random(f"mild market {seed}")
    most, until_s = 4, hours * 3600
    available = [most] * (math.ceil(until_s / STEP_S) + 1)
    for every_s, left, steps in ((3600 / (MILD_LOSSES_PER_HOUR * most), most - 1, 1), (7 * 86_400, most // 2, 6)):
        at = rng.expovariate(1 / every_s)
        while at < until_s:
            _take(available, at, steps, left)
            at += rng.expovariate(1 / every_s)
    return SpotMarket(STEP_S, tuple(available))


def _market(until_s: float, rng: random.Random) -> SpotMarket:
    """Return a market with a few reclaims a day, each of a tenth to a half, for a quarter of an hour to an hour."""
    available = [MARKET_MOST] * (math.ceil(until_s / STEP_S) + 1)
    at = rng.expovariate(1 / RECLAIM_EVERY_S)
    while at < until_s:
        left = round(MARKET_MOST * (1 - rng.uniform(0.1, 0.5)))
        _take(available, at, rng.randint(3, 12), left)
        at += rng.expovariate(1 / RECLAIM_EVERY_S)
    return SpotMarket(STEP_S, tuple(available))


def _take(available: list[int], at_s: float, steps: int, left: int) -> None:
    """Limit the market to `left` instances for `steps` steps, from the step at `at_s` on."""
    first = int(at_s // STEP_S)
    for step in range(first, min(len(available), first + steps)):
        available[step] = min(available[step], left)
