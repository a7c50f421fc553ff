"""Random durations, with or without a tail."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from statistics import NormalDist


def drawn(mean_s: float, tail: float, spread: tuple[float, float], rng: random.Random) -> Callable[[], float]:
    """Return a function that draws durations in seconds.

    Args:
        mean_s: their mean, if they have a tail.
        tail: their 99th percentile divided by their median (log-normal); 0: they have none.
        spread: without a tail, they are evenly drawn between these multiples of `mean_s`.

    >>> 7 < drawn(10.0, 0.0, (0.7, 1.3), random.Random(1))() < 13
    True
    """
    if not tail:
        return lambda: mean_s * rng.uniform(*spread)
    # Log-normal: its 99th percentile is exp(2.326 sigma) medians, and its mean exp(sigma^2 / 2) medians.
    sigma = math.log(tail) / NormalDist().inv_cdf(0.99)
    factor_mu = -(sigma**2) / 2
    return lambda: mean_s * rng.lognormvariate(factor_mu, sigma)
