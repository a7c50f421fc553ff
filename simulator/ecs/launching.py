"""Where ECS places a task: its launch type, or the capacity providers of a strategy, say on which instances it may be.

ECS API, RunTask and CreateService: EC2 tasks are placed "on Amazon EC2 instances registered to your cluster", EXTERNAL
ones on ECS Anywhere instances. ECS Managed Instances take tasks by a capacity provider strategy alone. Fargate tasks
have no container instance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from simulator.clients import REGION
from simulator.endpoint import ACCOUNT_ID

FARGATE_PROVIDERS = ("FARGATE", "FARGATE_SPOT")


class Host(Protocol):
    """A container instance: its capacity provider, and whether it is of ECS Anywhere or of ECS Managed Instances."""

    provider: str
    external: bool
    managed: bool


class Started(Protocol):
    """A task: its capacity provider, and whether it stops."""

    provider: str
    stopping: bool


@dataclass(frozen=True, slots=True)
class Provider:
    """A capacity provider; `group` is the name of its Auto Scaling group, "" for ECS Managed Instances.

    Managed scaling is off, so no task waits in PROVISIONING: "the transition to provisioning only happens if you have
    enabled managed scaling for the capacity provider; otherwise, tasks that can't find capacity will fail immediately"
    (AWS Containers Blog, "Deep Dive on Amazon ECS Cluster Auto Scaling"). ECS API, RunTask says the same of the quota
    of tasks in PROVISIONING: it binds "because you use managed scaling".
    """

    name: str
    group: str = ""

    def described(self) -> dict[str, Any]:
        """Describe it as DescribeCapacityProviders does."""
        one: dict[str, Any] = {"name": self.name, "status": "ACTIVE"}
        if not self.group:
            return {**one, "type": "MANAGED_INSTANCES", "managedInstancesProvider": {}}
        arn = f"arn:aws:autoscaling:{REGION}:{ACCOUNT_ID}:autoScalingGroup:0123:autoScalingGroupName/{self.group}"
        provider = {"autoScalingGroupArn": arn, "managedScaling": {"status": "DISABLED"}}
        return {**one, "type": "EC2_AUTOSCALING", "autoScalingGroupProvider": provider}


@dataclass(frozen=True, slots=True)
class Launch:
    """A launch type, or a capacity provider strategy: a weight for each provider, and the base of one of them."""

    type: str = "EC2"
    weights: tuple[tuple[str, int], ...] = ()
    base: int = 0

    @staticmethod
    def on(*names: str) -> Launch:
        """Return the strategy that gives each of these capacity providers as many tasks."""
        return Launch("", tuple((name, 1) for name in names))

    @staticmethod
    def of_run(params: Mapping[str, Any], default: Launch) -> Launch:
        """Return what a call of RunTask names, or the cluster's default (ECS API, RunTask)."""
        items = params.get("capacityProviderStrategy", [])
        weights = tuple((one["capacityProvider"], one.get("weight", 0) or 1) for one in items)
        if weights:
            return Launch("", weights)
        return Launch(params["launchType"]) if "launchType" in params else default

    def described(self) -> dict[str, Any]:
        """Describe it as DescribeServices does: the launch type is left out where there is a strategy."""
        if not self.weights:
            return {"launchType": self.type}
        items = [{"capacityProvider": name, "weight": weight, "base": 0} for name, weight in self.weights]
        items[0]["base"] = self.base
        return {"capacityProviderStrategy": items}

    def providers_of_next(self, tasks: Iterable[Started], count: int) -> list[str]:
        """Return the capacity provider of each of the next `count` tasks beside `tasks`; "" for a launch type.

        The base is filled first. A provider without room keeps its share: ECS gives it to no other one.
        """
        if not self.weights:
            return [""] * count
        counts = Counter(t.provider for t in tasks if not t.stopping)
        first, chosen = self.weights[0][0], []
        for _ in range(count):
            is_base = counts[first] < self.base
            rest = {name: counts[name] - (self.base if name == first else 0) for name, _ in self.weights}
            by_weight = min(self.weights, key=lambda one: (rest[one[0]] / one[1], one[0]))[0]
            chosen.append(first if is_base else by_weight)
            counts[chosen[-1]] += 1
        return chosen

    def is_fargate(self, provider: str) -> bool:
        """Return whether a task that `provider` takes is on Fargate."""
        return self.type == "FARGATE" or provider in FARGATE_PROVIDERS

    def may_be_on(self, instance: Host, provider: str) -> bool:
        """Return whether ECS may place a task that `provider` takes on `instance`."""
        if provider:
            return instance.provider == provider
        if self.type == "EXTERNAL":
            return instance.external
        return self.type == "EC2" and not instance.external and not instance.managed


# The launch type of most tasks.
EC2 = Launch()
