"""The attributes of a ledger item that hold a cluster's state, within what DynamoDB takes.

`memory` is the state as JSON. A state that is too large for that is in `packed`, compressed, as a whole. Then `memory`
has the part of it that still fits: a release before 0.2.0 knows `memory` alone.
"""

from __future__ import annotations

import json
import lzma
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from steady.aws.scaling.state_codec import read_state, to_plain
from steady.aws.scaling.unknown_fields import with_unknown
from steady.scaling.state import ScalingState
from steady.scaling.state_bounds import bound

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

# DynamoDB: 400 KB an item, with the names of its attributes. The other attributes take less than 1 KB.
LARGEST = 390_000
# Of a state that is packed: the part of it that is in `memory`, too.
LARGEST_BESIDE_PACKED = 90_000
# To compress more than this would take too long, and does not fit either, unless nearly all of it repeats.
LARGEST_TO_PACK = 3_000_000
# Ids repeat in several mappings, far apart: LZMA finds them again, and zlib does not. This preset takes 0.2 s for 2 MB.
PRESET = 2


class ReadItem(NamedTuple):
    """The state of an item; the plain values that it was read from; the names of the fields that cannot be read."""

    state: ScalingState
    stored: Mapping[str, Any]
    unreadable: tuple[str, ...] = ()


class WrittenItem(NamedTuple):
    """The attributes of an item, the plain values in them, and how many entries they do not hold, by what these are."""

    attributes: Mapping[str, AttributeValueTypeDef]
    stored: Mapping[str, Any]
    dropped: Mapping[str, int]


def read_item(item: Mapping[str, Any]) -> ReadItem:
    """Return what is in `item`, of this version or of another one. No error is raised for what cannot be read."""
    unreadable: tuple[str, ...] = ()
    for name in ("packed", "memory"):
        if name in item:
            try:
                stored = _unpacked(item[name]["B"]) if name == "packed" else json.loads(item[name]["S"])
                state, fields = read_state(stored)
            except (KeyError, TypeError, ValueError, AttributeError, EOFError, lzma.LZMAError):
                unreadable = (*unreadable, name)
                continue
            return ReadItem(state, stored, (*unreadable, *fields))
    return ReadItem(ScalingState(), {}, unreadable)


def write_item(state: ScalingState, before: Mapping[str, Any]) -> WrittenItem:
    """Return the attributes that hold `state`, with what a later version has written `before`."""

    def plain_of(one: ScalingState) -> Mapping[str, Any]:
        return with_unknown(to_plain(one), before)

    stored = plain_of(state)
    text = _json(stored)
    if len(text.encode()) <= LARGEST:
        return WrittenItem({"memory": {"S": text}}, stored, {})
    short = bound(state, lambda one: len(_json(plain_of(one))) <= LARGEST_TO_PACK)
    for_packed = LARGEST - LARGEST_BESIDE_PACKED
    whole = bound(short.state, lambda one: len(_packed(_json(plain_of(one)))) <= for_packed)
    stored = plain_of(whole.state)
    beside = bound(whole.state, lambda one: len(_json(to_plain(one)).encode()) <= LARGEST_BESIDE_PACKED)
    attributes: Mapping[str, AttributeValueTypeDef] = {
        "memory": {"S": _json(to_plain(beside.state))},
        "packed": {"B": _packed(_json(stored))},
    }
    return WrittenItem(attributes, stored, Counter(short.dropped) + Counter(whole.dropped))


def _json(plain: Mapping[str, Any]) -> str:
    # DynamoDB counts UTF-8: an escape of `é` would take six bytes and not two.
    text = json.dumps(plain, separators=(",", ":"), ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        # Half a surrogate pair, from a message: UTF-8 has no bytes for it.
        return json.dumps(plain, separators=(",", ":"))
    return text


def _packed(text: str) -> bytes:
    return lzma.compress(text.encode(), preset=PRESET)


def _unpacked(packed: bytes) -> Any:
    return json.loads(lzma.decompress(packed))
