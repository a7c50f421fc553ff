"""Read the pools of a cluster from its parameters: one `capacity`, or several pools with a `capacity` each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from steady.aws.runtime import Runtime
from steady.aws.settings.history import newest
from steady.names import CAPACITY, POOLS
from steady.pools import PoolName
from steady.settings import (
    ATTRIBUTES,
    POOL_PARAMETERS,
    PoolSettings,
    parse_attributes,
    parse_pool,
    parse_pool_parameter,
)
from steady.thresholds import BadThreshold


@dataclass(slots=True)
class PoolParameters:
    """The parameters about the pools of the cluster under `path`, as they are found one after the other.

    Attributes:
        capacity: that of a cluster with one pool; "": it has none.
        found: of each pool of several, the path and the text of each parameter, by its name.
    """

    path: str
    capacity: str = ""
    found: dict[str, dict[str, tuple[str, str]]] = field(default_factory=dict)

    def takes(self, path: str, name: str, value: str) -> bool:
        """Take the parameter `name` under `path` if it is about a pool, and return whether it is.

        A pool is named under the cluster's own path alone; its bounds may be the deployment's, too.
        """
        if name == CAPACITY and path == self.path:
            self.capacity = value
            return True
        kind, _, of_pool = name.partition("/")
        pool, _, what = of_pool.partition("/")
        allowed = (*POOL_PARAMETERS, ATTRIBUTES, *([CAPACITY] if path == self.path else []))
        if kind != POOLS or not pool or what not in allowed:
            return False
        self.found.setdefault(pool, {})[what] = f"{path}/{name}", value
        return True

    def read(self, runtime: Runtime) -> tuple[tuple[PoolSettings, ...], tuple[str, ...]]:
        """Return the cluster's pools, by name, and what is wrong with their parameters.

        A pool whose `capacity` is wrong is left out: it stops no other. A cluster with a `capacity` of its own has that
        pool alone.
        """
        problems: list[str] = []
        if self.capacity:
            if self.found:
                problems.append(
                    f"{self.path}/{CAPACITY} and {self.path}/{POOLS} are both set: the first one alone is used; delete "
                    f"one of them"
                )
            return self._only(problems), tuple(problems)
        pools: dict[PoolName, PoolSettings] = {}
        for name in sorted(self.found):
            one = self._pool(runtime, name, problems)
            if one and one.pool in pools:
                problems.append(
                    f'{self.path}/{POOLS}/{name}/{CAPACITY} is "{one.pool}", which is the pool {pools[one.pool].name}: '
                    f"another group or fleet is needed; the pool {name} is left out"
                )
            elif one:
                pools[one.pool] = one
        return tuple(pools.values()), tuple(problems)

    def _only(self, problems: list[str]) -> tuple[PoolSettings, ...]:
        try:
            return (PoolSettings(parse_pool(self.capacity, f"{self.path}/{CAPACITY}")),)
        except BadThreshold as error:
            problems.append(str(error))
            return ()

    def _pool(self, runtime: Runtime, name: str, problems: list[str]) -> PoolSettings | None:
        values = dict(self.found[name])
        path, raw = values.pop(CAPACITY, (f"{self.path}/{POOLS}/{name}/{CAPACITY}", ""))
        try:
            pool = parse_pool(raw, path)
        except BadThreshold as error:
            problems.append(f"{error}; the pool {name} is left out until it is corrected")
            return None
        attributes = self._attributes(values, problems)
        own = {}
        for what, (of_parameter, text) in values.items():
            parse = partial(parse_pool_parameter, what, path=of_parameter)
            try:
                own[what] = parse(text)
            except BadThreshold as error:
                earlier = newest(runtime, of_parameter, parse)
                if earlier is not None:
                    own[what] = earlier
                used = "the cluster's" if earlier is None else earlier
                problems.append(f"{error}; {used} is used until it is corrected")
        priority = own.pop("priority", 0)
        return PoolSettings(pool, name, _ordered(own, f"{self.path}/{POOLS}/{name}", problems), priority, attributes)

    def _attributes(self, values: dict[str, tuple[str, str]], problems: list[str]) -> Mapping[str, str]:
        """Take the attributes of a pool out of `values` and return them; of wrong ones, none."""
        path, raw = values.pop(ATTRIBUTES, ("", "{}"))
        try:
            return parse_attributes(raw, path)
        except BadThreshold as error:
            problems.append(f"{error}; until it is corrected, what its instances are like is seen once they are there")
            return {}


def _ordered(own: dict[str, int], path: str, problems: list[str]) -> dict[str, int]:
    """Return a pool's bounds; a minimum over its maximum is taken as the maximum."""
    low, high = (own.get(name) for name in ("min_capacity", "max_capacity"))
    if low is None or high is None or low <= high:
        return own
    problems.append(
        f"{path}/min_capacity is {low} and {path}/max_capacity is {high}: the first must not be over the second; "
        f"{high} is used for min_capacity"
    )
    return {**own, "min_capacity": high}
