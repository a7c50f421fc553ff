"""Read what Spot Instances cost now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from statistics import mean

from steady.aws.runtime import Runtime

# AMIs of the suite's clusters are Linux's. EC2 tells the prices of other products, too.
PRODUCTS = ["Linux/UNIX"]


def read_spot_prices(runtime: Runtime, types: Iterable[str]) -> dict[str, float]:
    """Return the USD of an hour of each of `types` on Spot: the mean of the zones, in which a pool may launch.

    A type that has no Spot price is left out. EC2 API, DescribeSpotPriceHistory: with a start and an end, "it also
    returns the last price change before the start time, which is the effective price as of the start time".

    Raises:
        ClientError: if EC2 refuses.
    """
    asked = sorted(set(types))
    if not asked:
        return {}
    now = datetime.fromtimestamp(runtime.now(), UTC)
    pages = runtime.ec2_once.get_paginator("describe_spot_price_history").paginate(
        InstanceTypes=asked,  # type: ignore[arg-type]
        ProductDescriptions=PRODUCTS,
        StartTime=now,
        EndTime=now,
    )
    latest: dict[tuple[str, str], tuple[datetime, float]] = {}
    for page in pages:
        for one in page["SpotPriceHistory"]:
            key, said = (one["InstanceType"], one["AvailabilityZone"]), (one["Timestamp"], float(one["SpotPrice"]))
            latest[key] = max(latest.get(key, said), said)
    of_type = defaultdict(list)
    for (type_, _), (_, usd) in latest.items():
        of_type[type_].append(usd)
    return {type_: mean(prices) for type_, prices in of_type.items()}
