"""Pools: what gives a cluster its instances, and what each kind of pool can do.

What differs between an Auto Scaling group and a Spot Fleet is a value of `PoolTraits`. Code asks for the trait and
never for the kind.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from steady.drift import Drift


class PoolKind(StrEnum):
    """A kind of pool, as the `capacity` parameter writes it before the colon."""

    AUTO_SCALING_GROUP = "auto-scaling-group"
    SPOT_FLEET = "spot-fleet"

    @property
    def traits(self) -> "PoolTraits":
        return _TRAITS[self]


class Purchase(StrEnum):
    """How an instance is paid for."""

    ON_DEMAND = "on-demand"
    SPOT = "spot"


@dataclass(frozen=True, slots=True)
class PoolTraits:
    """The traits of one kind of pool, or of one pool of that kind.

    Attributes:
        tag: the tag by which AWS names the pool on each instance that the pool has launched.
        name_prefix: what every name of such a pool begins with.
        placeholder: the name as an error message shows it.
        purchase: how its instances are paid for, except those of an on-demand part.
        waits_under_hook: whether a lifecycle hook can hold its instances before they are terminated.
        replaces_only_once_gone: whether it launches a replacement only once the instance is gone.
        has_on_demand_part: whether a part of its target can be on-demand while Spot is short.
        keeps_to_its_parts: whether it replaces, of its own accord, instances that are not bought as its target says,
            and ends what it holds beyond its target: it must be asked for what runs, and for no less than it holds.
        terminates_protected: whether the call that ends its instances ends those with termination protection, too.
        is_one_time: whether it launches nothing after its first instances, and takes no other target than it has.
        is_named_to_launchers: whether a batch launcher (hako) names it in its RunTask failures, as `group_name`.
    """

    tag: str
    name_prefix: str
    placeholder: str
    purchase: Purchase
    waits_under_hook: bool = False
    replaces_only_once_gone: bool = False
    has_on_demand_part: bool = False
    keeps_to_its_parts: bool = False
    terminates_protected: bool = False
    is_one_time: bool = False
    is_named_to_launchers: bool = False


# In the order in which an instance's tags are looked through: a fleet's instance may carry both.
_TRAITS: Mapping[PoolKind, PoolTraits] = {
    PoolKind.SPOT_FLEET: PoolTraits(
        tag="aws:ec2spot:fleet-request-id",
        name_prefix="sfr-",
        placeholder="sfr-…",
        purchase=Purchase.SPOT,
        replaces_only_once_gone=True,
        has_on_demand_part=True,
    ),
    PoolKind.AUTO_SCALING_GROUP: PoolTraits(
        tag="aws:autoscaling:groupName",
        name_prefix="",
        placeholder="NAME",
        purchase=Purchase.ON_DEMAND,
        waits_under_hook=True,
        terminates_protected=True,
        is_named_to_launchers=True,
    ),
}


@dataclass(frozen=True, slots=True)
class PoolName:
    """A pool as the `capacity` parameter writes it: `auto-scaling-group:NAME` or `spot-fleet:sfr-…`."""

    kind: PoolKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"

    @property
    def is_exact(self) -> bool:
        """Whether IAM takes the name for this pool alone, and SSM takes it at all.

        IAM reads * and ? as wildcards, and $ as the begin of a variable (IAM User Guide, "IAM JSON policy elements:
        Resource"). A group's name may have all of these.

        >>> PoolName.parse("auto-scaling-group:team/web 2").is_exact, PoolName.parse("auto-scaling-group:web*").is_exact
        (True, False)
        """
        return self.name.isprintable() and not set(self.name) & set("*?$")

    @staticmethod
    def parse(raw: str) -> "PoolName | None":
        """Return the pool that `raw` names; None if it names none.

        >>> PoolName.parse("auto-scaling-group:web").kind.traits.waits_under_hook
        True
        >>> PoolName.parse("spot-fleet:web") is None
        True
        """
        kind, _, name = raw.partition(":")
        if kind not in {k.value for k in PoolKind} or not name:
            return None
        found = PoolName(PoolKind(kind), name)
        return found if name.startswith(found.kind.traits.name_prefix) else None

    @staticmethod
    def in_tags(tags: Mapping[str, str]) -> "PoolName | None":
        """Return the pool that an instance's tags name; None if no pool has launched it."""
        named = (PoolName(kind, tags[traits.tag]) for kind, traits in _TRAITS.items() if tags.get(traits.tag))
        return next(named, None)


# What a `capacity` parameter may be, as an error message says it.
POOL_NAMES = " or ".join(f"{kind}:{kind.traits.placeholder}" for kind in PoolKind)


def whole_units(units: float) -> int:
    """Return `units` rounded down.

    A pool launches until it holds its target or more (EC2 API, LaunchTemplateOverrides). Its target is a whole number:
    rounded up, it would be one instance too many.

    >>> whole_units(3 * 0.1 / 0.1), whole_units(4.5)
    (3, 4)
    """
    return math.floor(round(units, 6))


def units_to_ask(units: float) -> int:
    """Return the whole units to ask for where `units` are needed: one at least.

    >>> units_to_ask(0.0), units_to_ask(0.5), units_to_ask(4.5)
    (0, 1, 4)
    """
    return max(whole_units(units), int(units > 0))


@dataclass(frozen=True, slots=True)
class TemplateName:
    """A launch template as a pool names it: by its id, or by its name alone.

    Attributes:
        version: a number, `$Latest` or `$Default`.
        types: the types that the pool launches from it; nothing: any.
        image: the AMI that the pool names in place of the template's; "": it names none.
    """

    id: str
    name: str
    version: str
    types: frozenset[str] = frozenset()
    image: str = ""


@dataclass(frozen=True, slots=True)
class Pool:
    """An Auto Scaling group or a Spot Fleet: how much capacity it is asked for, and what it holds now.

    Attributes:
        target: the desired or target capacity, in the pool's units.
        minimum: the pool's own lower bound, in units.
        maximum: the pool's own upper bound, in units.
        members: the ids of the instances that the pool counts, each with its type.
        weights: how many units an instance of each type counts, which need not be a whole number (a fleet's weights are
            floating-point); 1 for a type that is not in it.
        on_demand: the on-demand part of the target, in units.
        on_demand_floor: how much of it the pool's owner wants, in units: the suite never lowers the part under it.
        has_stale_mark: whether the mark of a changed on-demand part is left on it, although the part is its owner's.
        on_demand_members: the ids of the on-demand instances of a pool that has an on-demand part.
        may_fall_back: whether this pool can be given an on-demand part (a fleet made from launch templates; a group
            that launches Spot Instances alone).
        waiting: the ids of the instances that wait under a lifecycle hook to be terminated; they are no members.
        replacing: the ids of the members whose root volume is about to be replaced, or is being replaced.
        trouble: why the pool launches nothing: it is set so, or what AWS says of its latest launch; else "".
        zones: the ids of its instances in each zone, if it keeps its zones balanced; else nothing.
        launch_zones: the zones in which it launches; nothing: they are not known.
        order: its types in the order in which it launches them, each as long as EC2 has it; nothing if it has no order.
        providers: the names of its capacity providers, as far as work of the cluster names them.
        is_changing: whether its last change is not done: it refuses changes, and `target` may be the former one.
        own_traits: the traits of this pool; None: those of its kind.
        templates: the launch templates that it launches from.
        configuration: the launch configuration that it launches from; "": none.
        configured: the launch configuration that each instance was launched from, by instance id, where there is one.
        named_types: the types that its owner names; nothing: its template does, or it takes any that meets needs.
        launches: what it launches today, as people read it; "": that was not read.
        drifted: why each instance is not what it launches today, by instance id; read only where `renew` is on.
        current: the ids of the instances that are what it launches today; of the others that is not known.
        drift_unread: why `drifted` and `launches` could not be read; "": they were, or `renew` is off.
        refreshing: whether the group itself replaces instances (an instance refresh).
        attributes: the custom attributes that its instances register with, as far as they are known before.
    """

    name: PoolName
    target: int
    minimum: int
    maximum: int
    members: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    on_demand: int = 0
    on_demand_floor: int = 0
    has_stale_mark: bool = False
    on_demand_members: frozenset[str] = frozenset()
    may_fall_back: bool = False
    waiting: frozenset[str] = frozenset()
    replacing: frozenset[str] = frozenset()
    order: tuple[str, ...] = ()
    zones: Mapping[str, frozenset[str]] = field(default_factory=dict)
    launch_zones: frozenset[str] = frozenset()
    trouble: str = ""
    providers: frozenset[str] = frozenset()
    is_changing: bool = False
    own_traits: PoolTraits | None = None
    templates: tuple[TemplateName, ...] = ()
    configuration: str = ""
    configured: Mapping[str, str] = field(default_factory=dict)
    named_types: frozenset[str] = frozenset()
    launches: str = ""
    drifted: Mapping[str, Drift] = field(default_factory=dict)
    current: frozenset[str] = frozenset()
    drift_unread: str = ""
    refreshing: bool = False
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def traits(self) -> PoolTraits:
        return self.own_traits or self.name.kind.traits

    def weight(self, instance_type: str) -> float:
        """Return how many units an instance of this type counts."""
        return self.weights.get(instance_type, 1)

    def units(self, instance_ids: Iterable[str]) -> int:
        """Sum the units of those of `instance_ids` that the pool counts, rounded down to whole units."""
        return whole_units(sum(self.weight(self.members[id_]) for id_ in instance_ids if id_ in self.members))

    @property
    def first_type(self) -> str:
        """The type that the pool launches as long as EC2 has it; "" if no order is known."""
        return self.order[0] if self.order else ""

    @property
    def held(self) -> int:
        """The units that the pool holds, booting instances included."""
        return self.units(self.members)

    def on_demand_over_floor(self, leaving: Iterable[str] = ()) -> int:
        """Return the units that run on-demand beyond the owner's, once the instance ids `leaving` have gone."""
        return self.units(self.on_demand_members.difference(leaving)) - self.on_demand_floor

    @property
    def types(self) -> tuple[str, ...]:
        """The types that the pool launches: those it names, else those of its members."""
        return tuple(sorted(self.weights or {type_ for type_ in self.members.values() if type_}))
