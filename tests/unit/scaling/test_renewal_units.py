"""Renewal in pools whose instances count different units: as many come as go."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from steady.cluster import Snapshot
from tests.unit.scaling.test_renewal import PROVEN, asked_for, cluster, step


def weighted(old: int, new: int, weight: float, units: int) -> Snapshot:
    """Old instances of one weight, new ones that count one unit each."""
    seen = cluster(old, new)
    types = {id_: "m5.4xlarge" if id_ in seen.pool.drifted else "m5.large" for id_ in seen.pool.members}
    weights = {"m5.4xlarge": weight, "m5.large": 1.0}
    return replace(seen, pool=replace(seen.pool, members=types, weights=weights, target=units))


def test_no_instance_goes_before_as_many_units_have_come() -> None:
    assert step(weighted(3, 4, 8, 28), asked_for(4)).to_drain == ()
    assert len(step(weighted(3, 8, 8, 32), asked_for(8)).to_drain) == 1
    assert step(weighted(3, 4, 8, 28), asked_for(4)).units == 4, "the rest is asked for"
    assert "the maximum is" in str(step(weighted(3, 0, 8, 24), PROVEN, maximum=28).reasons[0])


@pytest.mark.parametrize("weight", [0.5, 1.5, 4.5])
def test_weights_that_are_no_whole_numbers_are_asked_for_whole(weight: float) -> None:
    assert step(weighted(1, 0, weight, math.ceil(weight)), PROVEN).units == math.ceil(weight)
