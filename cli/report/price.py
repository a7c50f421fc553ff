"""Compute what instance-hours cost, and what they would have cost if all were on-demand."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steady.pools import Purchase

# Instance-hours by purchase (on-demand, spot), then by instance type.
Hours = Mapping[str, Mapping[str, float]]


class BadPrice(ValueError):
    """A price is missing or cannot be read. The text names the instance type, the value and what is needed."""


@dataclass(frozen=True, slots=True)
class Price:
    """The price of an hour of one instance type, in the currency of the reader. `spot` is None if it is not known."""

    on_demand: float
    spot: float | None = None

    def of(self, bought: str, type_: str) -> float:
        """Return the price of an hour that was `bought` on-demand or on Spot.

        Raises:
            BadPrice: if the Spot price is needed and not known.
        """
        if bought == Purchase.ON_DEMAND:
            return self.on_demand
        if self.spot is None:
            raise BadPrice(f"{type_} has no Spot price: --price {type_}={self.on_demand:g},SPOT is needed")
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
        BadPrice: if there are prices, and the one of a type in `hours` is missing.
    """
    totals = {bought: sum(hours.get(bought, {}).values()) for bought in (Purchase.ON_DEMAND, Purchase.SPOT)}
    if not prices:
        return Bill(totals[Purchase.ON_DEMAND], totals[Purchase.SPOT])
    cost = only = 0.0
    for bought, by_type in hours.items():
        for type_, of_type in by_type.items():
            if type_ not in prices:
                raise BadPrice(f"{type_} has no price: --price {type_}=ON_DEMAND,SPOT is needed")
            cost += of_type * prices[type_].of(bought, type_)
            only += of_type * prices[type_].on_demand
    return Bill(totals[Purchase.ON_DEMAND], totals[Purchase.SPOT], cost, only)


def total(hours: Iterable[Hours]) -> Hours:
    """Return the sum of `hours`, by purchase and type."""
    found: dict[str, Counter[str]] = {Purchase.ON_DEMAND: Counter(), Purchase.SPOT: Counter()}
    for each in hours:
        for bought, by_type in each.items():
            found[bought].update(by_type)
    return {bought: dict(by_type) for bought, by_type in found.items()}


def read_prices(given: Iterable[str], file: Path | None) -> dict[str, Price]:
    """Return the prices by instance type. An option of `given` replaces the price of the same type in `file`.

    Args:
        given: the options `--price`, as TYPE=ON_DEMAND[,SPOT].
        file: the file of the option `--prices`.

    Raises:
        BadPrice: if a price cannot be read.
    """
    prices = _of_file(file) if file else {}
    for text in given:
        type_, equals, amounts = text.partition("=")
        on_demand, _, spot = amounts.partition(",")
        if not equals or not type_:
            raise BadPrice(f'--price is "{text}": TYPE=ON_DEMAND,SPOT is needed, for example m5.large=0.096,0.035')
        prices[type_] = _price(f"--price {type_}", on_demand, spot or None)
    return prices


def _of_file(file: Path) -> dict[str, Price]:
    try:
        says = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise BadPrice(f"{file}: {why}: a JSON file of prices is needed") from error
    if not isinstance(says, dict):
        raise BadPrice(
            f'{file} holds no JSON object: one such as {{"m5.large": {{"on_demand": 0.096, "spot": 0.035}}}} is needed'
        )
    return {type_: _of_row(f"{file}: {type_}", row) for type_, row in says.items()}


def _of_row(where: str, row: Any) -> Price:
    if not isinstance(row, dict) or "on_demand" not in row or set(row) - {"on_demand", "spot"}:
        raise BadPrice(f'{where} is {row!r}: {{"on_demand": 0.096, "spot": 0.035}} is needed')
    return _price(where, row["on_demand"], row.get("spot"))


def _price(where: str, on_demand: Any, spot: Any) -> Price:
    return Price(_amount(where, on_demand), None if spot is None else _amount(where, spot))


def _amount(where: str, value: Any) -> float:
    try:
        amount = float(value)
    except (TypeError, ValueError):
        amount = -1.0
    if not 0 <= amount < 1_000_000:
        raise BadPrice(f"{where} is {value!r}: the price of an hour, 0 or more, is needed")
    return amount
