"""The scaling state as JSON: the codec follows from the types of `ScalingState`, so that no field can be left out.

A dataclass becomes an object with its fields. The dataclasses of `ROWS` become rows, which take a fraction of the
space: a row holds the fields' values one after the other, and the values of a row within a row are part of it. A row
leaves out the fields that stand elsewhere: the key of the mapping that holds the row, or what never changes.
"""

from __future__ import annotations

import dataclasses
import itertools
import operator
import types
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

from steady.cluster import InstanceShape, Size
from steady.scaling.demand import Demand
from steady.scaling.recurrence import Peaks
from steady.scaling.state import ScalingState

# Which dataclasses are rows, and which of their fields a row leaves out.
ROWS: Mapping[Any, frozenset[str]] = {
    Size: frozenset(),
    Demand: frozenset({"key"}),
    InstanceShape: frozenset({"name"}),
    Peaks: frozenset({"slot_s", "keep"}),
}
# The fields that items of earlier versions hold under another name.
FORMER_NAMES = {"reported_problems": "told"}


class Codec(NamedTuple):
    """How values of one type become plain values, and the other way round."""

    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


class _Row(NamedTuple):
    """How one dataclass becomes a row of `width` values; `read` takes the fields that the row leaves out, too."""

    width: int
    write: Callable[[Any], Sequence[Any]]
    read: Callable[[Sequence[Any], Mapping[str, Any]], Any]


def to_plain(state: ScalingState) -> dict[str, Any]:
    """Return `state` as values that `json.dumps` takes."""
    plain: dict[str, Any] = codec_of(ScalingState).write(state)
    return plain


def from_plain(plain: Mapping[str, Any]) -> ScalingState:
    """Return the state that `to_plain` made `plain` of, in this version or in another one.

    A field that is missing has its default. A field of a later version is left out.
    """
    state: ScalingState = codec_of(ScalingState).read(plain)
    return state


@cache
def codec_of(kind: Hashable, default: Hashable = None) -> Codec:
    """Return the codec of the type `kind`; what a row of it leaves out is as in `default`."""
    origin, of = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        codec = codec_of(next(one for one in of if one is not types.NoneType))
        return Codec(_unless_none(codec.write), _unless_none(codec.read))
    if kind in ROWS:
        row, elsewhere = _row_of(kind), {name: getattr(default, name) for name in ROWS[kind]}
        return Codec(lambda value: list(row.write(value)), lambda plain: row.read(plain, elsewhere))
    if origin is tuple:
        return _codec_of_tuple(of[0])
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _codec_of_mapping(of[1])
    if dataclasses.is_dataclass(kind):
        return _codec_of_object(kind)
    return Codec(_itself, _itself)


def _codec_of_object(kind: Any) -> Codec:
    hints = get_type_hints(kind)
    codecs = {
        f.name: codec_of(hints[f.name], f.default if hints[f.name] in ROWS else None) for f in dataclasses.fields(kind)
    }

    def read(plain: Mapping[str, Any]) -> Any:
        named = {name: name if name in plain else FORMER_NAMES.get(name, name) for name in codecs}
        return kind(**{to: codecs[to].read(plain[name]) for to, name in named.items() if name in plain})

    return Codec(lambda value: {name: codec.write(getattr(value, name)) for name, codec in codecs.items()}, read)


def _codec_of_tuple(of: Any) -> Codec:
    """Return the codec of a tuple: a list, and one long row if its values are rows."""
    if of not in ROWS:
        codec = codec_of(of)
        return Codec(lambda value: [codec.write(one) for one in value], lambda plain: tuple(map(codec.read, plain)))
    row = _row_of(of)
    return Codec(
        lambda value: list(itertools.chain.from_iterable(map(row.write, value))),
        lambda plain: tuple(row.read(plain[at : at + row.width], {}) for at in range(0, len(plain), row.width)),
    )


def _codec_of_mapping(of: Any) -> Codec:
    """Return the codec of a mapping: an object. A row in it leaves out the one field that is the key."""
    if of not in ROWS:
        codec = codec_of(of)
        return Codec(
            lambda value: {key: codec.write(one) for key, one in value.items()},
            lambda plain: {key: codec.read(one) for key, one in plain.items()},
        )
    row, names = _row_of(of), ROWS[of]
    return Codec(
        lambda value: {key: list(row.write(one)) for key, one in value.items()},
        lambda plain: {key: row.read(one, dict.fromkeys(names, key)) for key, one in plain.items()},
    )


@cache
def _row_of(kind: Any) -> _Row:
    hints = get_type_hints(kind)
    names = [f.name for f in dataclasses.fields(kind) if f.name not in ROWS[kind]]
    if len(names) > 1 and not ROWS[kind] and all(hints[name] in (int, float, str, bool) for name in names):
        # The usual row, thousands of times in a state: its values are the fields' own.
        return _Row(len(names), operator.attrgetter(*names), lambda values, elsewhere: kind(*values[: len(names)]))
    parts = [(name, _row_of(hints[name]) if hints[name] in ROWS else _cell_of(hints[name])) for name in names]

    def write(value: Any) -> list[Any]:
        return [one for name, part in parts for one in part.write(getattr(value, name))]

    def read(values: Sequence[Any], elsewhere: Mapping[str, Any]) -> Any:
        found, at = dict(elsewhere), 0
        for name, part in parts:
            # A row of an earlier version is shorter: the rest is the default.
            if at >= len(values):
                break
            found[name] = part.read(values[at : at + part.width], {})
            at += part.width
        return kind(**found)

    return _Row(sum(part.width for _, part in parts), write, read)


def _cell_of(kind: Any) -> _Row:
    """Return a value that is no row as a row of one."""
    codec = codec_of(kind)
    return _Row(1, lambda value: (codec.write(value),), lambda values, elsewhere: codec.read(values[0]))


def _unless_none(call: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else call(value)


def _itself(value: Any) -> Any:
    return value
