"""The protocol that each kind of pool implements, and what all kinds share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from steady.pools import TemplateName

if TYPE_CHECKING:
    from steady.aws.runtime import Runtime
    from steady.pools import Pool, PoolName


class NoSuchPool(ValueError):
    """The pool that a cluster's `capacity` parameter names does not exist, or no longer runs."""


class PoolIsChanging(Exception):
    """The pool refuses a change, because its last one is not done; the text says so in AWS's words."""


@dataclass(frozen=True, slots=True)
class Routes:
    """The ways in which requests reach the instances of a pool because the pool registers them.

    Attributes:
        target_groups: ARNs of target groups of Elastic Load Balancing.
        otherwise: the names of other ways, in which service-out cannot deregister an instance.
    """

    target_groups: tuple[str, ...] = ()
    otherwise: frozenset[str] = frozenset()


class CapacityKind(Protocol):
    """The calls of one kind of pool. A module with these functions is one."""

    def read_pool(self, runtime: Runtime, name: PoolName) -> Pool:
        """Return what the pool is asked for and holds now.

        Raises:
            NoSuchPool: if there is no such pool in this account and Region.
        """
        ...

    def read_routes(self, runtime: Runtime, name: PoolName) -> Routes:
        """Return where the pool registers its instances; nothing if there is no such pool."""
        ...

    def read_trouble(self, runtime: Runtime, name: PoolName) -> str:
        """Return what AWS says of the pool's latest launch, if it failed; else ""."""
        ...

    def read_providers(self, runtime: Runtime, name: PoolName, providers: Sequence[str]) -> frozenset[str]:
        """Return the names of those of `providers` (capacity providers of ECS) that are the pool's."""
        ...

    def set_target(self, runtime: Runtime, pool: Pool, target: int, on_demand: int) -> None:
        """Ask `pool` for `target` units, `on_demand` of them on-demand. A repeat changes nothing.

        Raises:
            PoolIsChanging: if the pool's last change is not done. Nothing was changed then.
        """
        ...

    def delete_mark(self, runtime: Runtime, name: PoolName) -> None:
        """Delete the mark of the pool's on-demand part (`on_demand_mark`). One that is not there is no error."""
        ...

    def terminate_instances(
        self,
        runtime: Runtime,
        pool: Pool,
        instance_ids: Sequence[str],
        target: int,
        on_demand: int,
        before_call: Callable[[], None],
    ) -> Mapping[str, str]:
        """Terminate instances of `pool` so that it launches none in their place, and ask it for `target` units.

        A larger target is set first. The instances that AWS refuses to terminate are returned, each with AWS's words;
        the others are terminated, or left to the next decision.

        Raises:
            PoolIsChanging: if the pool's last change is not done. Nothing was terminated then.
        """
        ...


def weights_of(offers: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Return the types that a pool may launch, and how many units each of them counts.

    EC2 API, LaunchTemplateOverrides: a fleet's weights are floating-point. Auto Scaling API: a text of 1 to 999.
    """
    return {str(o["InstanceType"]): float(o.get("WeightedCapacity") or 1) for o in offers if o.get("InstanceType")}


def types_named_in(offers: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Return the types that `offers` name; nothing if one of them names none, but what an instance has to have."""
    named = [str(offer.get("InstanceType", "")) for offer in offers]
    return frozenset(named) if all(named) else frozenset()


def template_name(
    specification: Mapping[str, Any], types: frozenset[str] = frozenset(), image: str = ""
) -> TemplateName:
    """Return the template that a pool names. It may name it without its id, and without a version.

    Auto Scaling API, LaunchTemplateSpecification: "You must specify either a LaunchTemplateId or a LaunchTemplateName";
    without a version, it is the default one. EC2 API, FleetLaunchTemplateSpecification: "but not both".
    """
    return TemplateName(
        specification.get("LaunchTemplateId", ""),
        specification.get("LaunchTemplateName", ""),
        specification.get("Version") or "$Default",
        types,
        image,
    )


# So many refusals one after the other are not about the instances: the others are left to the next decision.
REFUSED_IN_A_ROW = 5


def terminate_each(
    instance_ids: Iterable[str], terminate: Callable[[str], None], before_call: Callable[[], None]
) -> dict[str, str]:
    """Call `terminate` with each instance id, and return the ids that AWS refused, each with AWS's words."""
    refused: dict[str, str] = {}
    in_a_row = 0
    for id_ in instance_ids:
        before_call()
        try:
            terminate(id_)
            in_a_row = 0
        except Exception as error:
            refused[id_] = str(error)
            in_a_row += 1
        if in_a_row == REFUSED_IN_A_ROW:
            break
    return refused
