"""Spot Fleets, as the doctor reads them: launch templates or specifications, and the fleet's type."""

from __future__ import annotations

from dataclasses import replace

from cli.doctor.capacity.templates import launch_templates, user_data_of
from cli.doctor.model import Inspection, LaunchTemplate
from steady.aws.capacity.spot_fleet import fleet_config
from steady.aws.runtime import Runtime
from steady.pools import PoolName


def inspect_pool(runtime: Runtime, inspection: Inspection) -> Inspection:
    """Return `inspection` with what the account says of its Spot Fleet.

    Raises:
        NoSuchPool: if the account has no such fleet in this Region, or the fleet was cancelled.
    """
    config = fleet_config(runtime, inspection.pool)
    templates = [t.get("LaunchTemplateSpecification") for t in config.get("LaunchTemplateConfigs", [])]
    specifications = [LaunchTemplate("", "", user_data_of(s)) for s in config.get("LaunchSpecifications", [])]
    return replace(
        inspection,
        # Specifications differ by instance type and subnet. Those with the same user data are one finding.
        templates=(*launch_templates(runtime, templates), *dict.fromkeys(specifications)),
        fleet_type=config.get("Type", "maintain"),
    )


def zero_capacity_command(pool: PoolName) -> str:
    """Return the command that sets the fleet's target capacity to 0 and terminates its instances."""
    return (
        f"aws ec2 modify-spot-fleet-request --spot-fleet-request-id {pool.name} --target-capacity 0 "
        "--excess-capacity-termination-policy default"
    )


def show_command(pool: PoolName) -> str:
    """Return the command that shows the fleet."""
    return f"aws ec2 describe-spot-fleet-requests --spot-fleet-request-ids {pool.name}"
