"""All pools of a cluster as if they were one."""

from collections.abc import Iterable

from steady.pools import Pool, PoolTraits, Purchase


def together(pools: Iterable[Pool]) -> Pool:
    """Return all capacity of a cluster as if it were one pool: a single pool itself, of several the sums of them all.

    Sums of units say how large it is only where the pools count alike.

    Raises:
        ValueError: if there is no pool.
    """
    first, *others = pools
    if not others:
        return first
    every = [first, *others]
    return Pool(
        first.name,
        target=sum(pool.target for pool in every),
        minimum=sum(pool.minimum for pool in every),
        maximum=sum(pool.maximum for pool in every),
        members={id_: type_ for pool in every for id_, type_ in pool.members.items()},
        weights={type_: 1.0 for pool in every for type_ in pool.types},
        waiting=frozenset[str]().union(*(pool.waiting for pool in every)),
        replacing=frozenset[str]().union(*(pool.replacing for pool in every)),
        on_demand_members=frozenset[str]().union(*(_bought_on_demand(pool) for pool in every)),
        providers=frozenset[str]().union(*(pool.providers for pool in every)),
        launch_zones=frozenset[str]().union(*(pool.launch_zones for pool in every)),
        own_traits=PoolTraits("", "", "", Purchase.SPOT),
    )


def _bought_on_demand(pool: Pool) -> frozenset[str]:
    return frozenset(pool.members) if pool.traits.purchase is Purchase.ON_DEMAND else pool.on_demand_members
