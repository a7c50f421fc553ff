"""Rows of cdk.json for clusters that exist: on one pool, or on several."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, PlainValidator, model_validator

from infra.settings.checks import REQUIRED, Flag, Table, needs, refusal, text, whole
from steady.pools import POOL_NAMES, PoolKind, PoolName
from steady.settings import LARGEST_PRIORITY
from steady.thresholds import THRESHOLDS

MOST_UNITS = 100_000
# The ledger's item keeps the state of each.
MOST_POOLS = 10


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


class AdoptedPool(Table):
    """A pool that exists, as one of several of its cluster. `hook` is whether a group gets the lifecycle hook."""

    name: Annotated[
        str,
        text(r"[A-Za-z][A-Za-z0-9_-]{0,49}", "a name of up to 50 letters, digits, - and _ that begins with a letter"),
    ] = REQUIRED
    pool: Annotated[PoolName, PlainValidator(_pool)] = Field(default=None, alias="capacity", validate_default=True)
    hook: Flag = True
    minimum: Annotated[int | None, whole(0, MOST_UNITS)] = Field(default=None, alias="min")
    maximum: Annotated[int | None, whole(1, MOST_UNITS)] = Field(default=None, alias="max")
    priority: Annotated[int | None, whole(0, LARGEST_PRIORITY)] = None

    @property
    def parameters(self) -> Mapping[str, int]:
        """Return the values that get a parameter for this pool."""
        given = {"min_capacity": self.minimum, "max_capacity": self.maximum, "priority": self.priority}
        return {name: value for name, value in given.items() if value is not None}

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
    def pool_kind(self) -> PoolKind:
        """Return the kind of the cluster's pool."""
        return self.pool.kind

    @property
    def pools(self) -> tuple[AdoptedPool, ...]:
        """Return the cluster's pool, without a name of its own."""
        return (AdoptedPool.model_construct(name="", pool=self.pool, hook=self.hook),)


def _differ(given: tuple[AdoptedPool, ...]) -> tuple[AdoptedPool, ...]:
    for key, values in (("name", [one.name for one in given]), ("capacity", [str(one.pool) for one in given])):
        for number, value in enumerate(values):
            if (other := values.index(value)) < number:
                raise refusal(f"another {key} than that of pools[{other}] is needed", number, key)
    if not 1 < len(given) <= MOST_POOLS:
        raise refusal(f"2 to {MOST_POOLS} pools are needed; one pool is the key capacity")
    return given


class AdoptedPools(ManagedCluster):
    """A cluster that exists, on several pools that exist."""

    several: Annotated[
        tuple[AdoptedPool, ...],
        needs('a list of pools such as {"name": "spot", "capacity": "auto-scaling-group:web-spot"}'),
        AfterValidator(_differ),
    ] = Field(alias="pools")

    @property
    def pools(self) -> tuple[AdoptedPool, ...]:
        """Return the cluster's pools."""
        return self.several
