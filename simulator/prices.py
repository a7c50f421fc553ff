"""What instance-hours cost: on-demand as AWS lists it, and Spot at an assumed share of that."""

from __future__ import annotations

from collections.abc import Mapping

from simulator.instance_types import described
from steady.list_prices import SPOT_SHARE, USD, USD_FOR_A_VCPU
from steady.pools import Purchase

# Instance-hours by purchase (on-demand, spot), then by instance type.
Hours = Mapping[str, Mapping[str, float]]


class NoListPrice(ValueError):
    """The list price of an instance type is not known. The text names the families whose prices are."""


def list_price(instance_type: str) -> float:
    """Return the on-demand price of an hour of `instance_type`, in USD.

    Raises:
        NoListPrice: if the price of its family is not known.
        NoSuchInstanceType: if EC2 has no such type.

    >>> list_price("m5.2xlarge")
    0.384
    """
    family, _, size = instance_type.partition(".")
    if instance_type in USD:
        return USD[instance_type]
    vcpus: int = described(instance_type)["VCpuInfo"]["DefaultVCpus"]
    if family not in USD_FOR_A_VCPU or size.startswith("metal"):
        raise NoListPrice(
            f'the list price of "{instance_type}" is not known: a type of one of the families '
            f"{', '.join(USD_FOR_A_VCPU)} is needed"
        )
    return round(USD_FOR_A_VCPU[family] * vcpus, 6)


def price(instance_type: str, bought: str, spot_share: float = SPOT_SHARE) -> float:
    """Return the USD of an hour of `instance_type` that is `bought` on-demand, or on Spot at `spot_share` of the list.

    Raises:
        NoListPrice: if the price of its family is not known.

    >>> price("m5.2xlarge", "spot", spot_share=0.5)
    0.192
    """
    return list_price(instance_type) * (spot_share if Purchase(bought) is Purchase.SPOT else 1.0)


def dollars(hours: Hours, spot_share: float = SPOT_SHARE) -> float:
    """Return the USD of `hours`.

    Raises:
        NoListPrice: if a price is not known.

    >>> dollars({"on-demand": {"m5.2xlarge": 10.0}, "spot": {"m5.2xlarge": 100.0}})
    19.2
    """
    every = ((bought, type_, of_type) for bought, by_type in hours.items() for type_, of_type in by_type.items())
    return round(sum(of_type * price(type_, bought, spot_share) for bought, type_, of_type in every), 2)


def hours_bought(hours: Hours, purchase: Purchase) -> float:
    """Return how many of `hours` were bought on-demand, or on Spot."""
    return float(sum(hours[purchase].values()))


def hours_of(hours: Hours, instance_type: str) -> float:
    """Return how many hours of `instance_type` cost as much, on-demand, as all of `hours` would.

    It makes the instance-hours of different sizes one figure.

    >>> hours_of({"on-demand": {"m5.2xlarge": 1.0}, "spot": {"m5.large": 4.0}}, "m5.2xlarge")
    2.0
    """
    every = ((type_, of_type) for by_type in hours.values() for type_, of_type in by_type.items())
    return sum(of_type * list_price(type_) for type_, of_type in every) / list_price(instance_type)
