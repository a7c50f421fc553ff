"""Rows of cdk.json for clusters and pools that exist."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Field, PlainValidator, model_validator

from infra.settings.checks import REQUIRED, Flag, Table, refusal, text, whole
from steady.pools import POOL_NAMES, PoolName
from steady.settings import LARGEST_PRIORITY
from steady.thresholds import THRESHOLDS

MOST_UNITS = 100_000


def parse_thresholds(given: Any) -> dict[str, str]:
    """Check a table of thresholds, and return their values as texts."""
    if not isinstance(given, dict):
        raise refusal('a table of thresholds with their values, such as {"drift_seconds": 10}, is needed')
    for name, value in given.items():
        if name not in THRESHOLDS:
            raise refusal(f"a known threshold is needed, one of {', '.join(THRESHOLDS)}", name)
        try:
            THRESHOLDS[name].parse(str(value), name)
        except ValueError as error:
            raise refusal(THRESHOLDS[name].needed, name) from error
    return {name: str(value) for name, value in given.items()}


def _pool(given: Any) -> PoolName:
    found = PoolName.parse(given) if isinstance(given, str) else None
    if found is None:
        raise refusal(f"{POOL_NAMES} is needed")
    return found


class ManagedCluster(Table):
    """One cluster of the table, and the thresholds that differ from the deployment's defaults."""

    # ECS: letters, digits, hyphens and underscores; the name is part of SSM parameters and IAM conditions, too.
    name: Annotated[
        str,
        text(r"[A-Za-z][A-Za-z0-9_-]{0,99}", "a name of up to 100 letters, digits, - and _ that begins with a letter"),
    ] = REQUIRED
    own_thresholds: Annotated[Mapping[str, str], PlainValidator(parse_thresholds)] = Field(
        default={}, alias="thresholds"
    )

    @property
    def thresholds(self) -> Mapping[str, str]:
        """Return the thresholds that get a parameter for this cluster."""
        return self.own_thresholds


class PoolOfSeveral(Table):
    """One of several pools of a cluster: its name within the cluster, and its part of the order in which they grow."""

    name: Annotated[
        str,
        text(r"[A-Za-z][A-Za-z0-9_-]{0,49}", "a name of up to 50 letters, digits, - and _ that begins with a letter"),
    ] = REQUIRED
    priority: Annotated[int | None, whole(0, LARGEST_PRIORITY)] = None

    @property
    def parameters(self) -> Mapping[str, int]:
        """Return the values that get a parameter for this pool."""
        return {} if self.priority is None else {"priority": self.priority}


class AdoptedPool(PoolOfSeveral):
    """A pool that exists, as one of several of its cluster. `hook` is whether a group gets the lifecycle hook."""

    pool: Annotated[PoolName, PlainValidator(_pool)] = Field(default=None, alias="capacity", validate_default=True)
    hook: Flag = True
    minimum: Annotated[int | None, whole(0, MOST_UNITS)] = Field(default=None, alias="min")
    maximum: Annotated[int | None, whole(1, MOST_UNITS)] = Field(default=None, alias="max")

    @property
    def parameters(self) -> Mapping[str, int]:
        own = {"min_capacity": self.minimum, "max_capacity": self.maximum}
        return {**{name: value for name, value in own.items() if value is not None}, **super().parameters}

    @model_validator(mode="after")
    def _has_min_under_max(self) -> Self:
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise refusal(f"a number that is not over max, {self.maximum}, is needed", "min")
        return self


class AdoptedCluster(ManagedCluster):
    """A cluster that exists, on a pool that exists. `hook` is whether a group gets the suite's lifecycle hook."""

    pool: Annotated[PoolName, PlainValidator(_pool)] = Field(alias="capacity")
    hook: Flag = True

    @property
    def adopted_pools(self) -> tuple[AdoptedPool, ...]:
        """Return the cluster's pool, without a name of its own."""
        return (AdoptedPool.model_construct(name="", pool=self.pool, hook=self.hook),)
