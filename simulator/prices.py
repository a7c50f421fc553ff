"""What instance-hours cost: on-demand as AWS lists it, and Spot at an assumed share of that."""

from __future__ import annotations

from simulator.bill import Bill, Hours, Price, bill
from simulator.instance_types import described
from steady.list_prices import SPOT_SHARE, USD, USD_FOR_A_VCPU


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


def listed(instance_type: str, spot_share: float = SPOT_SHARE) -> Price:
    """Return the USD of an hour of `instance_type`: on-demand as AWS lists it, and on Spot `spot_share` of that.

    Raises:
        NoListPrice: if the price of its family is not known.

    >>> listed("m5.2xlarge", spot_share=0.5)
    Price(on_demand=0.384, spot=0.192)
    """
    on_demand = list_price(instance_type)
    return Price(on_demand, on_demand * spot_share)


def dollars(hours: Hours, spot_share: float = SPOT_SHARE) -> float:
    """Return the USD of `hours`.

    Raises:
        NoListPrice: if a price is not known.

    >>> dollars({"on-demand": {"m5.2xlarge": 10.0}, "spot": {"m5.2xlarge": 100.0}})
    19.2
    """
    return round(listed_bill(hours, spot_share).cost or 0.0, 2)


def listed_bill(hours: Hours, spot_share: float = SPOT_SHARE) -> Bill:
    """Return the bill of `hours` at list prices, and on Spot at `spot_share` of them.

    Raises:
        NoListPrice: if a price is not known.
    """
    types = {type_ for by_type in hours.values() for type_ in by_type}
    return bill(hours, {type_: listed(type_, spot_share) for type_ in types})


def hours_of(hours: Hours, instance_type: str) -> float:
    """Return how many hours of `instance_type` cost as much, on-demand, as all of `hours` would.

    It makes the instance-hours of different sizes one figure.

    >>> hours_of({"on-demand": {"m5.2xlarge": 1.0}, "spot": {"m5.large": 4.0}}, "m5.2xlarge")
    2.0
    """
    every = ((type_, of_type) for by_type in hours.values() for type_, of_type in by_type.items())
    return sum(of_type * list_price(type_) for type_, of_type in every) / list_price(instance_type)
