"""Rows of cdk.json for clusters and pools that exist."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, PlainValidator, model_validator

from infra.settings.checks import REQUIRED, Flag, Table, needs, refusal, text, whole
from steady.pools import POOL_NAMES, PoolName
from steady.settings import LARGEST_PRIORITY, MOST_UNITS
from steady.thresholds import THRESHOLDS


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
    if not found.is_exact:
        raise refusal("a name without *, ? and $ is needed: in IAM it would stand for other pools, too")
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


# ECS API, Attribute: letters, digits, -, _, / and . in a name; also @, : and spaces in a value, not at its ends. ECS
# names its own attributes ecs.*, and the suite its marks steady.*.
AttributeName = Annotated[
    str,
    text(
        r"(?!ecs\.|steady\.|com\.amazonaws\.)[A-Za-z0-9._/-]{1,128}", "a key that is an attribute's name such as pool"
    ),
]
AttributeValue = Annotated[
    str,
    text(r"[A-Za-z0-9._/@:-]([A-Za-z0-9._/@: -]{0,126}[A-Za-z0-9._/@:-])?", "an attribute's value such as gpu"),
]
# ECS: 10 custom attributes a resource. Two are left to the suite's marks.
MOST_ATTRIBUTES = 8


class PoolOfSeveral(Table):
    """One of several pools of a cluster: its name within the cluster, and its part of the order in which they grow.

    `attributes` are custom attributes of its container instances, which placement constraints can name.
    """

    name: Annotated[
        str,
        text(r"[A-Za-z][A-Za-z0-9_-]{0,49}", "a name of up to 50 letters, digits, - and _ that begins with a letter"),
    ] = REQUIRED
    priority: Annotated[int | None, whole(0, LARGEST_PRIORITY)] = None
    attributes: Annotated[
        Mapping[AttributeName, AttributeValue],
        needs(
            f'a table of up to {MOST_ATTRIBUTES} attributes such as {{"pool": "gpu"}}',
            lambda value: isinstance(value, dict) and len(value) <= MOST_ATTRIBUTES,
        ),
        AfterValidator(lambda given: dict(sorted(given.items()))),
    ] = Field(default={})

    @property
    def parameters(self) -> Mapping[str, int]:
        """Return the numbers that get a parameter for this pool."""
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
