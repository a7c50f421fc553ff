"""Platforms: which instances of a cluster have the architecture and the operating system that tasks name.

What the instances say of themselves decides it, so that ECS need not be asked.
"""

from collections.abc import Iterable
from typing import NamedTuple

from steady.architecture import attributes_of, meets_platform
from steady.cluster import Snapshot


class Platforms(NamedTuple):
    """The constraints that name a platform, each with the ARNs of the instances that have it.

    Attributes:
        unmet: those whose platform neither an instance nor a type of the pools has. Either no task with them is ever
            placed, or ECS does not take the platform for a constraint: so they bind nothing here, and tries say it.
    """

    matching: dict[str, frozenset[str]]
    unmet: frozenset[str]


def platform_of(expressions: Iterable[str], snapshot: Snapshot) -> Platforms:
    """Return what the instances of the cluster say of those of `expressions` that name a platform."""
    matching: dict[str, frozenset[str]] = {}
    unmet = set()
    everything = frozenset(i.arn for i in snapshot.instances)
    for expression in expressions:
        if meets_platform(expression, {}) is None:
            continue
        there = frozenset(i.arn for i in snapshot.instances if meets_platform(expression, dict(i.platform)))
        is_met = bool(there) or any(_may_bring(type_, expression, snapshot) for type_ in snapshot.pool.types)
        matching[expression] = there if is_met else everything
        if not is_met and (everything or snapshot.pool.types):
            unmet.add(expression)
    return Platforms(matching, frozenset(unmet))


def _may_bring(type_: str, expression: str, snapshot: Snapshot) -> bool:
    """Whether a new instance of a type may have the platform: its name and its sisters do not say another one."""
    sisters = (dict(i.platform) for i in snapshot.instances if i.instance_type == type_)
    return all(meets_platform(expression, said) for said in (attributes_of(type_), *sisters))
