"""Workloads that no default was chosen on, from a seed: other hours of the day, another scale, another mix.

A change of the decisions is measured on these, too. What helps only the workloads that it was made for shows here.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

from simulator.workload.plan import Job, ServiceChange, Work
from steady.cluster import Size

STEP_S = 300
DAY_S = 86_400.0
# How often the rate of `crowd` is drawn anew.
RATE_EVERY_S = 600


def nightly(hours: float, seed: int) -> Work:
    """Return batch work of a warehouse: waves at 7 and 37 minutes past, from 1 to 6 a.m., and little else.

    A wave is of 20 to 150 tasks of one size, from a quarter of a vCPU to 8, which run 5 to 60 minutes. On two days of
    seven there are none.
    """
    rng = random.Random(f"nightly {seed}")
    jobs = []
    for wave in _times(hours * 3600, 1800, first_s=420):
        day, hour = divmod(wave, DAY_S)
        is_night = 1 <= hour / 3600 < 6 and day % 7 < 5
        size = Size(256 * 2 ** rng.randint(0, 5), 512 * 2 ** rng.randint(0, 6))
        tasks, runs_s = rng.randint(20, 150), rng.uniform(300, 3600)
        for _ in range(tasks if is_night else rng.randint(0, 3)):
            jobs.append(Job(wave + rng.expovariate(1 / 20), "wave", size, runs_s * rng.uniform(0.7, 1.3)))
    return _work(jobs, (), hours)


def offices(hours: float, seed: int) -> Work:
    """Return 120 small services of 1 to 12 tasks, with office hours in three time zones.

    About three times a day each is deployed, with half as many tasks again for five minutes. Now and then a third of
    them get twice the load for ten minutes.
    """
    rng = random.Random(f"offices {seed}")
    crowds = [at for at in _times(hours * 3600, STEP_S) if rng.random() < 0.01]
    changes: list[ServiceChange] = []
    for number in range(120):
        size = Size(rng.choice((128, 256, 512, 1024)), rng.choice((256, 512, 1024, 2048, 4096)))
        peak, offset_s = rng.randint(1, 12), rng.choice((0, 6, 14)) * 3600
        joins, before = number % 3 == 0, None
        for at in _times(hours * 3600, STEP_S):
            load = 0.3 + 0.7 * _office_hours((at + offset_s) % DAY_S)
            if joins and any(0 <= at - crowd < 600 for crowd in crowds):
                load *= 2
            if rng.random() < 3 * STEP_S / DAY_S:
                load *= 1.5
            desired = max(1, round(peak * load))
            if desired != before:
                changes.append(ServiceChange(at, f"office-{number}", desired, size))
                before = desired
    return _work((), changes, hours)


def crowd(hours: float, seed: int) -> Work:
    """Return many small jobs and three large services, ten times the scale of the synthetic day.

    The jobs' rate wanders between 1 and 20 a minute, without any hour of the day. Most run for a minute, some for
    hours.
    """
    rng = random.Random(f"crowd {seed}")
    rate, jobs = 6.0, list[Job]()
    for begin in _times(hours * 3600, RATE_EVERY_S):
        rate = min(20.0, max(1.0, rate * math.exp(rng.gauss(0, 0.35))))
        at = begin + rng.expovariate(rate / 60)
        while at < begin + RATE_EVERY_S:
            size = rng.choice((Size(256, 512), Size(512, 2048), Size(1024, 1024), Size(4096, 8192), Size(2048, 16384)))
            jobs.append(Job(at, "crowd", size, min(4 * 3600.0, rng.lognormvariate(4.5, 1.5))))
            at += rng.expovariate(rate / 60)
    changes = []
    for number, tasks in enumerate((40, 90, 150)):
        desired = tasks
        for at in _times(hours * 3600, 3 * STEP_S):
            changes.append(ServiceChange(at, f"large-{number}", desired, Size(512 * (number + 1), 2048)))
            desired = min(2 * tasks, max(tasks // 2, desired + round(rng.gauss(0, tasks / 20))))
    return _work(jobs, changes, hours)


def _times(until_s: float, every_s: float, first_s: float = 0.0) -> Iterator[float]:
    return (first_s + every_s * step for step in range(max(0, math.ceil((until_s - first_s) / every_s))))


def _office_hours(second_of_day: float) -> float:
    """Return the load from 0 to 1: it rises from 7 to 10, and falls from 16 to 20."""
    hour = second_of_day / 3600
    return max(0.0, min(1.0, (hour - 7) / 3, (20 - hour) / 4))


def _work(jobs: list[Job] | tuple[Job, ...], services: list[ServiceChange] | tuple[()], hours: float) -> Work:
    return Work(
        tuple(sorted((j for j in jobs if j.submit_s < hours * 3600), key=lambda j: j.submit_s)),
        tuple(sorted(services, key=lambda c: c.at_s)),
    )
