"""On what tasks run: a launch type, or the capacity providers of a strategy. A pool serves a part of them, or none."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from steady.arns import name_of

# ECS API, LaunchType: on the EC2 instances that are registered with the cluster. Those of ECS Managed Instances take
# tasks by a strategy alone.
EC2 = "EC2"
# ECS: the two capacity providers that every account has. They have no instances.
FARGATE_PROVIDERS = frozenset({"FARGATE", "FARGATE_SPOT"})


@dataclass(frozen=True, slots=True)
class StrategyItem:
    """One capacity provider of a strategy (ECS API, CapacityProviderStrategyItem): `base` tasks, then by `weight`."""

    provider: str
    weight: int = 0
    base: int = 0


@dataclass(frozen=True, slots=True)
class Launch:
    """On what tasks run: `strategy` if there is one, else `type` (ECS API: EC2, FARGATE, EXTERNAL, …)."""

    type: str = EC2
    strategy: tuple[StrategyItem, ...] = ()

    @staticmethod
    def of(described: Mapping[str, Any], otherwise: "Launch | None" = None) -> "Launch":
        """Return on what the tasks of a service, a deployment, a task set or a call of RunTask run.

        Args:
            described: with `launchType` or `capacityProviderStrategy`, as ECS names them. What is not of its form is
                left out.
            otherwise: what holds if it has neither; None: the launch type EC2.

        >>> Launch.of({"launchType": "FARGATE"}).type
        'FARGATE'
        >>> Launch.of({"capacityProviderStrategy": [{"capacityProvider": "spot"}]}).providers
        frozenset({'spot'})
        """
        items = described.get("capacityProviderStrategy") or ()
        strategy = tuple(
            StrategyItem(name_of(str(one["capacityProvider"])), _count(one.get("weight")), _count(one.get("base")))
            for one in items
            if isinstance(one, Mapping) and one.get("capacityProvider")
        )
        if strategy:
            return Launch("", strategy)
        type_ = described.get("launchType")
        return Launch(str(type_)) if type_ else otherwise or Launch()

    @property
    def is_said(self) -> bool:
        """Whether it names a launch type or a strategy (`UNSAID` does not)."""
        return bool(self.type or self.strategy)

    def __str__(self) -> str:
        return ", ".join(one.provider for one in self.strategy) or self.type

    @property
    def described(self) -> list[dict[str, Any]]:
        """The strategy as ECS describes it."""
        return [{"capacityProvider": one.provider, "weight": one.weight, "base": one.base} for one in self.strategy]

    @property
    def providers(self) -> frozenset[str]:
        """The names of the capacity providers that may get tasks."""
        return frozenset(one.provider for one in self._weighted() if one.weight or one.base)

    def share(self, tasks: int, ours: Collection[str]) -> int:
        """Return how many of `tasks` go to the capacity providers `ours`, or to the cluster's EC2 instances.

        ECS API: the base is filled first, the rest is distributed by weight. A part of a task counts as a whole one.

        >>> both = Launch("", (StrategyItem("a", weight=1, base=4), StrategyItem("b", weight=3)))
        >>> both.share(12, {"a"}), both.share(12, {"b"}), both.share(3, {"b"}), Launch("FARGATE").share(3, ())
        (6, 6, 0, 0)
        """
        if not self.strategy:
            return tasks if self.type == EC2 else 0
        left, got = tasks, 0
        for one in self.strategy:
            base = min(left, one.base)
            left -= base
            got += base if one.provider in ours else 0
        items = self._weighted()
        weight = sum(one.weight for one in items if one.provider in ours)
        return got + math.ceil(left * weight / sum(one.weight for one in items))

    def is_served_by(self, ours: Collection[str]) -> bool:
        """Return whether a pool whose capacity providers are `ours` may get any of the tasks."""
        return not self.providers.isdisjoint(ours) if self.strategy else self.type == EC2

    def is_shared_with(self, ours: Collection[str]) -> bool:
        """Return whether others get a part of the tasks."""
        return self.is_served_by(ours) and not self.providers <= set(ours)

    def _weighted(self) -> tuple[StrategyItem, ...]:
        """Return the strategy; if no item has a weight, each of them counts alike."""
        if any(one.weight for one in self.strategy):
            return self.strategy
        return tuple(StrategyItem(one.provider, 1, one.base) for one in self.strategy)


# A call of RunTask that names neither: the cluster's default says on what its tasks run.
UNSAID = Launch("")


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0
