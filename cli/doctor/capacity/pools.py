"""Find the doctor's reads and command for a pool in the module of its kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from cli.doctor.capacity import auto_scaling_group, spot_fleet
from cli.doctor.model import Inspection
from steady.aws.runtime import Runtime
from steady.pools import PoolKind, PoolName


class InspectedKind(Protocol):
    """The doctor's functions for one kind of pool. A module with these functions is one."""

    def inspect_pool(self, runtime: Runtime, inspection: Inspection) -> Inspection:
        """Return `inspection` with what the account says of its pool.

        Raises:
            NoSuchPool: if the account has no such pool in this Region.
        """
        ...

    def zero_capacity_command(self, pool: PoolName) -> str:
        """Return the command that sets the capacity of `pool` to 0."""
        ...

    def show_command(self, pool: PoolName) -> str:
        """Return the command that shows `pool`."""
        ...


KINDS: Mapping[PoolKind, InspectedKind] = {
    PoolKind.AUTO_SCALING_GROUP: auto_scaling_group,
    PoolKind.SPOT_FLEET: spot_fleet,
}


def inspect_pool(runtime: Runtime, inspection: Inspection) -> Inspection:
    """Return `inspection` with what the account says of its pool.

    Raises:
        NoSuchPool: if the account has no such pool in this Region.
    """
    return KINDS[inspection.pool.kind].inspect_pool(runtime, inspection)


def zero_capacity_command(pool: PoolName) -> str:
    """Return the command that sets the capacity of `pool` to 0."""
    return KINDS[pool.kind].zero_capacity_command(pool)


def show_command(pool: PoolName) -> str:
    """Return the command that shows `pool`."""
    return KINDS[pool.kind].show_command(pool)
