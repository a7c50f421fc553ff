"""The network of a deployment's clusters: one that exists, or one that is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from infra.settings.checks import REQUIRED, Table, needs, refusal, text
from infra.settings.made import Zone


class ExistingNetwork(Table):
    """A VPC that exists, with the id of a subnet for each zone."""

    vpc: Annotated[str, text(r"\S+", "the id of a VPC")] = REQUIRED
    subnets: Annotated[
        Mapping[str, Annotated[str, text(r"\S+", "the id of a subnet")]],
        needs('a table such as {"us-east-1a": "subnet-…"}', bool),
    ] = REQUIRED


class MadeNetwork(Table):
    """The VPC that the deployment makes, where it makes clusters.

    `zones` are those that it has subnets in, beside the clusters' own: a zone is taken out of the clusters first, and
    out of this list with a later deployment. `made_for` are the zones of a network that release 0.1.0 made for others
    than a, b and c. `nat` is whether instances are in private subnets, or in public ones with addresses of their own.
    """

    zones: Annotated[tuple[Zone, ...], needs('a list such as ["us-east-1a", "us-east-1b"]')] = ()
    made_for: Annotated[tuple[Zone, ...], needs('a list such as ["us-east-1a", "us-east-1b"]')] = ()
    nat: Annotated[Literal["each-zone", "none"], needs("each-zone or none")] = "each-zone"

    @property
    def has_nat(self) -> bool:
        """Return whether instances are in private subnets, which have a way out through NAT gateways."""
        return self.nat == "each-zone"


def parse_network(given: Any) -> ExistingNetwork | MadeNetwork:
    """Return the network that a table in cdk.json says.

    Raises:
        ValueError: if it is no table, or has a key of neither kind.
    """
    if not isinstance(given, dict):
        raise refusal('a table such as {"vpc": "vpc-…", "subnets": …} or {"zones": ["us-east-1a"]} is needed')
    return (ExistingNetwork if {"vpc", "subnets"} & set(given) else MadeNetwork).model_validate(given)
