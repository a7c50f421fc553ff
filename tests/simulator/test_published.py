"""The simulated account does what others have measured on AWS, or differs as the page says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simulator.bench.published.measurement import Basis, Compared, Known, Measurement
from simulator.bench.published.measurements import MEASUREMENTS, ORDER, broken


@pytest.mark.parametrize("one", MEASUREMENTS, ids=lambda one: one.what)
def test_the_account_is_as_published_or_differs_as_the_page_says(one: Measurement) -> None:
    found = Compared(one, one.measure(0))

    assert found.is_explained, (found.simulated, found.ratio)


def test_there_are_a_dozen_measurements_by_others_or_more_each_with_its_source() -> None:
    assert len(MEASUREMENTS) >= 12
    assert len({one.what for one in MEASUREMENTS}) == len(MEASUREMENTS)
    assert all(one.source and one.published > 0 for one in MEASUREMENTS)
    assert {what for pair in ORDER for what in pair} <= {one.what for one in MEASUREMENTS}


def figure(published: float, basis: Basis = Basis.MEASURED, known: Known | None = None) -> Measurement:
    return Measurement("boot", published, "s", basis, "somebody", lambda seed: 0.0, known)


@pytest.mark.parametrize(
    ("of", "simulated", "kept"),
    [
        (figure(100), 86, True),
        (figure(100), 84, False),
        (figure(100), 116, False),
        (figure(100, Basis.LIMIT), 1, True),
        (figure(100, Basis.LIMIT), 101, False),
        (figure(100, known=Known("why", (0.2, 0.5), "harms")), 40, True),
        # A known difference that has gone is to be taken off the page.
        (figure(100, known=Known("why", (0.2, 0.5), "harms")), 100, False),
    ],
)
def test_a_figure_differs_by_fifteen_percent_at_most_unless_its_reason_explains_more(
    of: Measurement, simulated: float, kept: bool
) -> None:
    assert Compared(of, simulated).is_explained is kept


def test_peers_in_another_order_than_published_break_the_promise() -> None:
    found = [Compared(one, one.published * (one.known.ratios[0] if one.known else 1)) for one in MEASUREMENTS]
    assert broken(found) == []

    faster, slower = ORDER[0]
    turned = [replace(one, simulated=1e6) if one.of.what == faster else one for one in found]
    lines = broken(turned)

    assert any(faster in line and slower in line and "as published" in line for line in lines)
