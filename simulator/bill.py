"""Compute what instance-hours cost, and what they would have cost if all were on-demand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from steady.pools import Purchase

# Instance-hours by purchase (on-demand, spot), then by instance type.
Hours = Mapping[str, Mapping[str, float]]


class NoPrice(ValueError):
    """The price of an hour is not known. The text names the instance type and what is needed."""


@dataclass(frozen=True, slots=True)
class Price:
    """The price of an hour of one instance type, in the currency of the reader. `spot` is None if it is not known."""

    on_demand: float
    spot: float | None = None

    def of(self, bought: str, type_: str) -> float:
        """Return the price of an hour that was `bought` on-demand or on Spot.

        Raises:
            NoPrice: if the Spot price is needed and not known.
        """
        if bought == Purchase.ON_DEMAND:
            return self.on_demand
        if self.spot is None:
            raise NoPrice(f"{type_} has no Spot price: --price {type_}={self.on_demand:g},SPOT is needed")
        return self.spot


@dataclass(frozen=True, slots=True)
class Bill:
    """Instance-hours by purchase, and their cost. Without prices, the costs are None."""

    on_demand_hours: float
    spot_hours: float
    cost: float | None = None
    on_demand_only_cost: float | None = None

    @property
    def spot_to_each_on_demand(self) -> float | None:
        """The Spot hours for each on-demand hour; None without on-demand hours."""
        return self.spot_hours / self.on_demand_hours if self.on_demand_hours else None

    @property
    def saved_percent(self) -> float | None:
        """How much less the hours cost than if all were on-demand, in percent; None without prices."""
        if self.cost is None or not self.on_demand_only_cost:
            return None
        return 100 * (1 - self.cost / self.on_demand_only_cost)


def bill(hours: Hours, prices: Mapping[str, Price]) -> Bill:
    """Return the bill of `hours`. Without any prices, it has no costs.

    Raises:
        NoPrice: if there are prices, and the one of a type in `hours` is missing.
    """
    bought_hours = {bought: hours_bought(hours, bought) for bought in (Purchase.ON_DEMAND, Purchase.SPOT)}
    if not prices:
        return Bill(bought_hours[Purchase.ON_DEMAND], bought_hours[Purchase.SPOT])
    cost = only = 0.0
    for bought, by_type in hours.items():
        for type_, of_type in by_type.items():
            if type_ not in prices:
                raise NoPrice(f"{type_} has no price: --price {type_}=ON_DEMAND,SPOT is needed")
            cost += of_type * prices[type_].of(bought, type_)
            only += of_type * prices[type_].on_demand
    return Bill(bought_hours[Purchase.ON_DEMAND], bought_hours[Purchase.SPOT], cost, only)


def hours_bought(hours: Hours, purchase: Purchase) -> float:
    """Return how many of `hours` were bought on-demand, or on Spot."""
    return float(sum(hours.get(purchase, {}).values()))


def total(hours: Iterable[Hours]) -> Hours:
    """Return the sum of `hours`, by purchase and type."""
    found: dict[str, Counter[str]] = {Purchase.ON_DEMAND: Counter(), Purchase.SPOT: Counter()}
    for each in hours:
        for bought, by_type in each.items():
            found[bought].update(by_type)
    return {bought: dict(by_type) for bought, by_type in found.items()}
