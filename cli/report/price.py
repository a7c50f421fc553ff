"""Read the prices of instance-hours, from options and from a file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from simulator.bill import Price


class BadPrice(ValueError):
    """A price cannot be read. The text names the instance type, the value and what is needed."""


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
