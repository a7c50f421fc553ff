"""Checks of what cdk.json says: each names the key, what it says, and what is needed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from ipaddress import ip_network
from typing import Any

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from infra.settings.errors import BadSettings


def table(says: Any, where: str, known: Collection[str]) -> Mapping[str, Any]:
    """`says`, if it is a table with no other keys than those that are known."""
    if not isinstance(says, dict) or set(says) - set(known):
        raise BadSettings(f"{where} is {says!r}: a table with any of {', '.join(sorted(known))} is needed")
    return says


def whole_numbers(says: Mapping[str, Any], where: str, keys: Collection[str]) -> dict[str, int]:
    """Those of `keys` that `says` has: each a whole number from 1."""
    for key in keys:
        value = says.get(key, 1)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise BadSettings(f"{where}, {key} is {value!r}: a whole number from 1 is needed")
    return {key: says[key] for key in keys if key in says}


def sources(says: Mapping[str, Any], where: str) -> tuple[str, ...]:
    """Who is let in, `allow`: ids of security groups, and CIDR blocks."""
    allow = says.get("allow", [])
    if not isinstance(allow, list) or not all(_is_source(source) for source in allow):
        raise BadSettings(f'{where}: allow is {allow!r}: a list such as ["sg-0123", "10.1.0.0/16"] is needed')
    return tuple(allow)


def peer(scope: Construct, source: str) -> ec2.IPeer:
    """A source of `allow`, for a rule of a security group."""
    if source.startswith("sg-"):
        return ec2.SecurityGroup.from_security_group_id(scope, source, source)
    return ec2.Peer.ipv6(source) if ":" in source else ec2.Peer.ipv4(source)


def _is_source(source: Any) -> bool:
    if not isinstance(source, str):
        return False
    if source.startswith("sg-"):
        return True
    try:
        ip_network(source)
    except ValueError:
        return False
    return True
