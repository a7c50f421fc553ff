"""What instance-hours cost."""

from __future__ import annotations

import pytest

from simulator import comparison, prices


def test_on_demand_hours_cost_the_list_price_and_spot_hours_a_share_of_it() -> None:
    hours = {"on-demand": {"r5.8xlarge": 10.0}, "spot": {"r5.8xlarge": 10.0}}

    assert prices.dollars(hours) == round(20.16 * (1 + 0.4), 2)
    assert prices.dollars(hours, spot_share=1.0) == 40.32


def test_a_type_without_a_known_price_is_refused_with_what_is_needed() -> None:
    with pytest.raises(prices.NoListPrice, match=r'"x1e.xlarge" is not known: a type of one of the families c5, '):
        prices.list_price("x1e.xlarge")


def test_every_workload_has_a_price() -> None:
    assert all(prices.list_price(workload.instance_type) > 0 for workload in comparison.WORKLOADS)
