"""The key `clusters` of cdk.json: each row is a cluster, on one pool or on several; each is made, or exists.

{"name": "web", "kind": "on-demand", "types": {"m5.large": 1, "m5.xlarge": 2}, "min": 2, "max": 40,
 "zones": ["us-east-1a", "us-east-1b"]}                  made: an ECS cluster on its own Auto Scaling group
{"name": "old", "capacity": "auto-scaling-group:old-asg"}  adopted
{"name": "mix", "cluster": "adopted",
 "pools": [{"name": "base", "capacity": "auto-scaling-group:mix"},
           {"name": "gpu", "kind": "spot", "types": {"g5.xlarge": 1}, "zones": ["us-east-1a"]}]}  one pool of each
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, ValidationInfo, model_validator

from infra.settings.adopted import AdoptedCluster, AdoptedPool, ManagedCluster
from infra.settings.checks import REQUIRED, needs, refusal, text
from infra.settings.made import Made, MadeKind, MadePool
from steady.pools import PoolKind, PoolName
from steady.settings import MOST_POOLS

# IAM: 10 managed policies of 6,144 characters each for a role. A role names its clusters and pools in each of some.
MOST_CLUSTERS = 100
# Lambda: 4 KB of environment variables. One has all names.
MOST_CHARACTERS_OF_NAMES = 3000
# A made fleet terminates an instance at risk this long after it launched its replacement (EC2: 120 to 7,200 s).
REBALANCE_DEADLINE_S = 900
# The fleet launches a replacement when an instance is at risk: the handler empties the old one meanwhile.
OF_FLEETS = {"on_rebalance": "drain", "rebalance_deadline_seconds": str(REBALANCE_DEADLINE_S)}
_MOVES_FROM = MadeKind.SPOT_FLEET
# It is a part of the name of the cluster's stack, which has no underscore (CloudFormation).
_OF_A_STACK = r"[A-Za-z][A-Za-z0-9-]{0,99}"
_NAME_OF_A_STACK = "a name of up to 100 letters, digits and - that begins with a letter"


@dataclass(frozen=True, slots=True)
class PlacedPool:
    """A pool that is made, in its cluster. `name` is "" for a cluster's only pool."""

    cluster: str
    made: Made
    name: str = ""

    @property
    def is_first(self) -> bool:
        """Whether it is the cluster's only pool, or was before others came: it is named like the cluster."""
        return self.name in ("", self.cluster)

    @property
    def group(self) -> str:
        """Return the name of its Auto Scaling group, if that is its kind."""
        return self.cluster if self.is_first else f"{self.cluster}-{self.name}"

    @property
    def pool_name(self) -> PoolName | None:
        """Return its group; None for a fleet, whose id EC2 chooses."""
        kind = self.made.pool_kind
        return PoolName(kind, self.group) if kind is PoolKind.AUTO_SCALING_GROUP else None

    @property
    def image(self) -> str:
        """Return what its image is named by (`steady image`): the cluster, and the pool if that has another name."""
        return self.cluster if self.is_first else f"{self.cluster}/{self.name}"


class MadeCluster(ManagedCluster, Made):
    """A cluster that the deployment makes, on one pool of the same name.

    `moves_from` is `spot-fleet` while a cluster moves from its fleet to its group: both are there.
    """

    name: Annotated[str, text(_OF_A_STACK, _NAME_OF_A_STACK)] = REQUIRED
    moves_from: Annotated[
        MadeKind | None,
        BeforeValidator(MadeKind),
        needs(f"{_MOVES_FROM}, or no such key,", lambda word: word == _MOVES_FROM),
    ] = None

    @property
    def is_made(self) -> bool:
        """Whether the ECS cluster is made."""
        return True

    @property
    def made_pools(self) -> tuple[PlacedPool, ...]:
        return (PlacedPool(self.name, self),)

    @property
    def adopted_pools(self) -> tuple[AdoptedPool, ...]:
        return ()

    @property
    def thresholds(self) -> Mapping[str, str]:
        """Return the row's bounds and the thresholds that fit its pool. Those that the row names come first."""
        bounds = {"min_capacity": str(self.minimum), "max_capacity": str(self.maximum)}
        of_fleets = OF_FLEETS if MadeKind.SPOT_FLEET in (self.kind, self.moves_from) else {}
        return {**bounds, **of_fleets, **self.own_thresholds}

    @model_validator(mode="after")
    def _moves_to_a_group(self) -> Self:
        if self.moves_from and self.kind is not MadeKind.SPOT:
            raise refusal(f"kind {MadeKind.SPOT} is needed, to which a fleet can move", "moves_from")
        return self


def _a_pool(given: Any, info: ValidationInfo) -> AdoptedPool | MadePool:
    kinds: Mapping[str, type[AdoptedPool | MadePool]] = {"capacity": AdoptedPool, "kind": MadePool}
    found = [of for key, of in kinds.items() if isinstance(given, dict) and key in given]
    if len(found) != 1:
        raise refusal(
            'a pool that exists, such as {"name": "spot", "capacity": "auto-scaling-group:web-spot"}, or one to make '
            '{"name": …, "kind": …, "types": …, "zones": …} is needed'
        )
    return found[0].model_validate(given, context=info.context)


def _differ(given: tuple[AdoptedPool | MadePool, ...]) -> tuple[AdoptedPool | MadePool, ...]:
    for key, values in (
        # Construct ids, alarms and metrics whose names differ in case alone are taken for one another.
        ("name", [one.name.lower() for one in given]),
        ("capacity", [str(one.pool) if isinstance(one, AdoptedPool) else one.name for one in given]),
    ):
        for number, value in enumerate(values):
            if (other := values.index(value)) < number:
                raise refusal(f"another {key} than that of pools[{other}] is needed", number, key)
    if not 1 < len(given) <= MOST_POOLS:
        raise refusal(f"2 to {MOST_POOLS} pools are needed; one pool is the key capacity, or kind")
    return given


class ClusterOfPools(ManagedCluster):
    """A cluster with several pools. `cluster` says whether it is made, or is adopted; each pool says so by its keys."""

    cluster: Annotated[Literal["made", "adopted"] | None, needs("made or adopted")] = None
    several: Annotated[
        tuple[Annotated[AdoptedPool | MadePool, PlainValidator(_a_pool)], ...],
        needs('a list of pools such as {"name": "spot", "capacity": "auto-scaling-group:web-spot"}'),
        AfterValidator(_differ),
    ] = Field(alias="pools")

    @property
    def is_made(self) -> bool:
        """Whether the ECS cluster is made."""
        return self.cluster == "made"

    @property
    def made_pools(self) -> tuple[PlacedPool, ...]:
        """Return the pools that are made."""
        return tuple(PlacedPool(self.name, one, one.name) for one in self.several if isinstance(one, MadePool))

    @property
    def adopted_pools(self) -> tuple[AdoptedPool, ...]:
        """Return the pools that exist."""
        return tuple(one for one in self.several if isinstance(one, AdoptedPool))

    @property
    def thresholds(self) -> Mapping[str, str]:
        has_fleet = any(one.made.kind is MadeKind.SPOT_FLEET for one in self.made_pools)
        return {**(OF_FLEETS if has_fleet else {}), **self.own_thresholds}

    @model_validator(mode="after")
    def _says_whether_it_is_made(self) -> Self:
        made = next((number for number, one in enumerate(self.several) if isinstance(one, MadePool)), None)
        if made is not None and self.cluster is None:
            needed = f'"made" is needed if the deployment is to make the ECS cluster, too, as it makes pools[{made}]'
            raise refusal(f'{needed}; "adopted" if that exists', "cluster")
        if made is None and self.is_made:
            raise refusal('"adopted", or a pool that is made, is needed', "cluster")
        if made is not None and "_" in self.name:
            raise refusal(f"{_NAME_OF_A_STACK} is needed where something of the cluster is made", "name")
        return self

    @model_validator(mode="after")
    def _makes_no_group_that_it_adopts(self) -> Self:
        groups = {one.pool_name for one in self.made_pools}
        for number, one in enumerate(self.several):
            if isinstance(one, AdoptedPool) and one.pool in groups:
                needed = "a group that the row does not make is needed: the group of a made pool is named CLUSTER-POOL"
                raise refusal(needed, "pools", number, "capacity")
        return self


Row = AdoptedCluster | ClusterOfPools | MadeCluster
# A row with a stack of its own, with what is made for it.
RowToMake = ClusterOfPools | MadeCluster


def _pools_of(row: Row) -> list[tuple[str | int, ...]]:
    """Return the capacity of each pool of a row, as a key and a value, and where it stands in the row.

    Fleets that are made are left out: each has an id that no other has.
    """
    if isinstance(row, AdoptedCluster):
        return [("capacity", str(row.pool), "capacity")]
    groups = {one.name: str(one.pool_name) for one in row.made_pools if one.pool_name}
    if isinstance(row, MadeCluster):
        return [("capacity", group, "name") for group in groups.values()]
    places = ((number, one) for number, one in enumerate(row.several))
    return [
        ("capacity", str(one.pool), "pools", number, "capacity")
        if isinstance(one, AdoptedPool)
        else ("capacity", groups[one.name], "pools", number, "name")
        for number, one in places
        if isinstance(one, AdoptedPool) or one.name in groups
    ]


# Which key of a row says what it is.
KINDS_OF_ROW: Mapping[str, type[Row]] = {
    "kind": MadeCluster,
    "capacity": AdoptedCluster,
    "pools": ClusterOfPools,
}


def _row(given: Any, info: ValidationInfo) -> Row:
    if not isinstance(given, dict) or sum(key in given for key in KINDS_OF_ROW) != 1:
        raise refusal(
            'a row {"name": …, "kind": …, "types": …, "zones": …} for a cluster to make, or {"name": …, "capacity": …} '
            'for one that exists, or {"name": …, "pools": […]} for one with several pools, is needed'
        )
    kind = next(of for key, of in KINDS_OF_ROW.items() if key in given)
    return kind.model_validate(given, context={"images": info.data.get("images")})


def _one_cluster_each(clusters: tuple[Row, ...]) -> tuple[Row, ...]:
    seen: dict[tuple[str | int, str | int], int] = {}
    for number, row in enumerate(clusters):
        for key, value, *at in (("name", row.name, "name"), *_pools_of(row)):
            if (other := seen.setdefault((key, value), number)) < number:
                needed = f"one cluster to a pool is needed, and clusters[{other}] has the {key} {value}, too"
                raise refusal(needed, number, *at)
    # Stacks, alarms and metrics whose names differ in case alone are taken for one another.
    lower = [c.name.lower() for c in clusters]
    for number, name in enumerate(lower):
        if (other := lower.index(name)) < number:
            raise refusal(
                f"a name that differs from {clusters[other].name} in more than case is needed", number, "name"
            )
    if len(clusters) > MOST_CLUSTERS:
        raise refusal(f"at most {MOST_CLUSTERS} clusters are needed: deploy others in another Region or account")
    characters = sum(len(c.name) + 1 for c in clusters)
    if characters > MOST_CHARACTERS_OF_NAMES:
        raise refusal(
            f"names with at most {MOST_CHARACTERS_OF_NAMES:,} characters in all are needed, and these have "
            f"{characters:,}: deploy some clusters in another Region or account"
        )
    return clusters


Clusters = Annotated[
    tuple[Annotated[Row, PlainValidator(_row)], ...],
    needs('a list of rows {"name": …, "kind": …, "types": …, "zones": …} or {"name": …, "capacity": …}', bool),
    AfterValidator(_one_cluster_each),
]
