"""The Spot prices of a cluster's pools, kept in its ledger entry for an hour."""

from __future__ import annotations

from dataclasses import replace

from steady.aws.capacity.spot_prices import read_spot_prices
from steady.aws.runtime import Runtime
from steady.cluster import Snapshot
from steady.pools import Purchase
from steady.scaling.state import ScalingState
from steady.thresholds import Thresholds

KEPT_S = 3600.0


def with_spot_prices(runtime: Runtime, whole: Snapshot, state: ScalingState, thresholds: Thresholds) -> ScalingState:
    """Return `state` with Spot prices of the last hour, if the cluster's expander compares prices.

    If EC2 does not tell them, those that are known are used, for another hour: no decision waits for a price.
    """
    if thresholds.expander != "price" or whole.at - state.spot_prices_at < KEPT_S:
        return state
    spot = [pool for pool in whole.pools.values() if pool.traits.purchase is Purchase.SPOT]
    if not spot:
        return state
    try:
        found = read_spot_prices(runtime, (type_ for pool in spot for type_ in pool.types))
    except Exception as error:
        runtime.telemetry.warning(
            f"cluster {whole.cluster}: Spot prices cannot be read: {len(state.spot_prices)} known ones are used, and a "
            f"share of the list price for all other types: {error}",
            cluster=whole.cluster,
        )
        found = {}
    return replace(state, spot_prices={**state.spot_prices, **found}, spot_prices_at=whole.at)
