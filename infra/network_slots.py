"""Where each zone's subnets lie in the network that the deployment makes. This module does not import CDK.

A zone has the same place for ever, by its letter, whichever other zones there are: a subnet whose CIDR block or zone
changes is replaced (CloudFormation: AWS::EC2::Subnet), and it holds instances.

Release 0.1.0 let the CDK split 10.0.0.0/16 by the number of zones and by their order. For three zones a, b and c, the
places are the same as today's. `made_for` names the zones of a network of that release with others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

BLOCK = "10.0.0.0/16"
# The block that a network of release 0.1.0 gets for zones that it was not made for: its first one is split up.
SECOND_BLOCK = "10.1.0.0/16"
# The zones that have a number in the names of their resources, as release 0.1.0 gave it to them; others have a letter.
NUMBERED = "abc"
LETTERS = "abcdef"


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of one zone: what its resources' names end with, and the CIDR blocks of its two subnets."""

    id: str
    public: str
    private: str

    @property
    def is_in_second_block(self) -> bool:
        """Return whether the VPC needs its second block for this zone."""
        return IPv4Network(self.private).subnet_of(IPv4Network(SECOND_BLOCK))


def id_of(zone: str, made_for: Sequence[str] = ()) -> str:
    """Return what the names of a zone's resources end with: it is part of their logical ids.

    Args:
        made_for: the zones in the order in which release 0.1.0 numbered them; none: a, b and c.

    >>> id_of("us-east-1c"), id_of("us-east-1d"), id_of("us-east-1c", ["us-east-1a", "us-east-1c"])
    ('3', 'D', '2')
    >>> id_of("us-west-2-lax-1a")
    'USWEST2LAX1A'
    """
    is_regional = re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d[a-z]", zone) is not None
    numbered = list(made_for) or [zone[:-1] + letter for letter in NUMBERED if is_regional]
    if zone in numbered:
        return str(numbered.index(zone) + 1)
    return zone[-1].upper() if is_regional else zone.replace("-", "").upper()


def slots_of(zones: Iterable[str], made_for: Sequence[str] = ()) -> Mapping[str, Slot]:
    """Return the slot of each zone.

    Args:
        made_for: the zones that release 0.1.0 made the network for; none: it did not make it.

    >>> slots_of(["us-east-1b"])["us-east-1b"]
    Slot(id='2', public='10.0.32.0/19', private='10.0.128.0/19')
    """
    first = sorted(made_for)
    split = _split(first)
    found = {}
    for zone in sorted(set(zones)):
        public, private = split.get(zone) or _fixed(zone[-1], SECOND_BLOCK if first else BLOCK)
        found[zone] = Slot(id_of(zone, first), str(public), str(private))
    return found


def made_for(cidrs: Mapping[str, str]) -> tuple[str, ...]:
    """Return the zones that release 0.1.0 made a network for, where its subnets lie elsewhere than today's.

    Args:
        cidrs: the CIDR block of each zone's private subnet, as it is deployed.

    >>> made_for({"us-east-1a": "10.0.128.0/18", "us-east-1b": "10.0.192.0/18"})
    ('us-east-1a', 'us-east-1b')
    >>> made_for({zone: slot.private for zone, slot in slots_of(["us-east-1a", "us-east-1b"]).items()})
    ()
    """
    zones = tuple(sorted(cidrs))
    split = _split(zones)
    if all(zone[-1] in LETTERS and str(_fixed(zone[-1], BLOCK)[1]) == cidrs[zone] for zone in zones):
        return ()
    return zones if all(str(split[zone][1]) == cidrs[zone] for zone in zones) else ()


def _split(zones: Sequence[str]) -> dict[str, tuple[IPv4Network, IPv4Network]]:
    """Split the first block as the CDK does: a public subnet a zone, then a private one a zone, all of one size."""
    if not zones:
        return {}
    parts = list(IPv4Network(BLOCK).subnets(prefixlen_diff=(2 * len(zones) - 1).bit_length()))
    return {zone: (parts[n], parts[len(zones) + n]) for n, zone in enumerate(zones)}


def _fixed(letter: str, block: str) -> tuple[IPv4Network, IPv4Network]:
    """Return the public and the private block of a zone, by its letter from a to f.

    Zones a, b and c have 8,192 addresses in each of their subnets. What is left of the block is for d, e and f: 4,096
    private addresses each, and 1,024 public ones.
    """
    eighths = list(IPv4Network(block).subnets(new_prefix=19))
    if letter in NUMBERED:
        number = NUMBERED.index(letter)
        return eighths[number], eighths[len(NUMBERED) + number]
    number = LETTERS.index(letter) - len(NUMBERED)
    *large, last = (part for eighth in eighths[6:] for part in eighth.subnets(new_prefix=20))
    return list(last.subnets(new_prefix=22))[number], large[number]
