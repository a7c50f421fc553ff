"""The placement strategies of the ECS API, and what RunTask and DescribeServices say of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from simulator.errors import NotSimulated


class Strategy(StrEnum):
    """How an instance is chosen for a task.

    Attributes:
        SPREAD: the default of services: over the zones (the guide), then over the instances of a zone: "favoring
            container instances with the fewest number of running tasks for this service" (the service scheduler).
        BINPACK: the instance with the least memory left.
        RANDOM: the default of RunTask.
    """

    SPREAD = "spread"
    BINPACK = "binpack"
    RANDOM = "random"


# How DescribeServices shows each; nothing for a service that was made without a strategy.
DESCRIBED: Mapping[Strategy, Sequence[Mapping[str, str]]] = {
    Strategy.SPREAD: (),
    Strategy.BINPACK: ({"type": "binpack", "field": "memory"},),
    Strategy.RANDOM: ({"type": "random"},),
}


def strategy_of_run(params: Mapping[str, Any]) -> Strategy:
    """Return the strategy that a call of RunTask names; random if it names none."""
    asked = params.get("placementStrategy", [])
    if not asked:
        return Strategy.RANDOM
    if (
        len(asked) > 1
        or asked[0]["type"] not in set(Strategy)
        or asked[0].get("field", "memory") not in ("memory", "instanceId")
    ):
        raise NotSimulated(f"RunTask with the placement strategy {asked}")
    return Strategy(asked[0]["type"])
