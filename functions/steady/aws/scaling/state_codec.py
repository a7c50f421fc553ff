"""The scaling state as JSON: the codec follows from the types of `ScalingState`, so that no field can be left out.

A dataclass becomes an object with its fields. The dataclasses of `ROWS` become rows, which take a fraction of the
space: a row holds the fields' values one after the other, and the values of a row within a row are part of it. A row
leaves out the fields that stand elsewhere: the key of the mapping that holds the row, or what never changes.

Items of other versions are read. The field `columns` says which value of a row is which, so that a later version may
add some anywhere. Items of release 0.1.0 have no `columns`: their rows begin as ours do. A field that cannot be read
has its default. What this version does not know is kept (`steady.aws.scaling.unknown_fields`).
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
# The field of an item that names the values of its rows, by the dataclass's name.
COLUMNS = "columns"
# What reading a value of another type than it should have raises.
UNREADABLE = (TypeError, ValueError, KeyError, AttributeError, IndexError)
# A value that a row of another version does not have.
_MISSING = object()

# The names of the values in a row, by the name of the row's dataclass.
Columns = Mapping[str, Sequence[str]]


class Codec(NamedTuple):
    """How values of one type become plain values, and the other way round, by the columns of the item."""

    write: Callable[[Any], Any]
    read: Callable[[Any, Columns], Any]


class _Row(NamedTuple):
    """How one dataclass becomes a row; `read` takes the fields that the row leaves out, too."""

    columns: tuple[str, ...]
    write: Callable[[Any], Sequence[Any]]
    read: Callable[[Sequence[Any], Mapping[str, Any], Columns], Any]


class ReadState(NamedTuple):
    """A state, and the names of its fields that could not be read: they have their defaults."""

    state: ScalingState
    unreadable: tuple[str, ...] = ()


def to_plain(state: ScalingState) -> dict[str, Any]:
    """Return `state` as values that `json.dumps` takes."""
    plain: dict[str, Any] = codec_of(ScalingState).write(state)
    return {**plain, COLUMNS: {kind.__name__: list(columns_of(kind)) for kind in ROWS}}


def from_plain(plain: Mapping[str, Any]) -> ScalingState:
    """Return the state that `to_plain` made `plain` of, in this version or in another one."""
    return read_state(plain).state


def read_state(plain: Mapping[str, Any]) -> ReadState:
    """Return the state that `to_plain` made `plain` of, in this version or in another one, as far as it can be read.

    A field that is missing, or that cannot be read, has its default. A field of a later version is left out.
    """
    columns, found, unreadable = columns_in(plain), {}, []
    for name, codec in _codecs_of(ScalingState).items():
        stored = name if name in plain else FORMER_NAMES.get(name, name)
        if stored not in plain:
            continue
        try:
            found[name] = codec.read(plain[stored], columns)
        except UNREADABLE:
            unreadable.append(name)
    return ReadState(ScalingState(**found), tuple(unreadable))


def columns_in(plain: Mapping[str, Any]) -> Columns:
    """Return what `plain` says of its rows' values; nothing if it says nothing that can be read."""
    columns = plain.get(COLUMNS)
    if not isinstance(columns, Mapping):
        return {}
    return {kind: names for kind, names in columns.items() if isinstance(names, list) and names}


def columns_of(kind: Any) -> tuple[str, ...]:
    """Return the names of the values in a row of the dataclass `kind`.

    >>> columns_of(Demand)
    ('size.cpu_units', 'size.memory_mib', 'first_said_at', 'last_said_at', 'seen')
    """
    return _row_of(kind).columns


@cache
def codec_of(kind: Hashable, default: Hashable = None) -> Codec:
    """Return the codec of the type `kind`; what a row of it leaves out is as in `default`."""
    origin, of = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        codec = codec_of(next(one for one in of if one is not types.NoneType))
        return Codec(
            lambda value: None if value is None else codec.write(value),
            lambda plain, columns: None if plain is None else codec.read(plain, columns),
        )
    if kind in ROWS:
        row, elsewhere = _row_of(kind), {name: getattr(default, name) for name in ROWS[kind]}
        return Codec(
            lambda value: list(row.write(value)), lambda plain, columns: _read_row(kind, plain, elsewhere, columns)
        )
    if origin is tuple:
        return _codec_of_tuple(of[0])
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _codec_of_mapping(of[1])
    if dataclasses.is_dataclass(kind):
        return _codec_of_object(kind)
    return Codec(lambda value: value, lambda plain, columns: plain)


@cache
def _codecs_of(kind: Any) -> Mapping[str, Codec]:
    """Return the codec of each field of the dataclass `kind`."""
    hints = get_type_hints(kind)
    return {
        f.name: codec_of(hints[f.name], f.default if hints[f.name] in ROWS else None) for f in dataclasses.fields(kind)
    }


def _codec_of_object(kind: Any) -> Codec:
    codecs = _codecs_of(kind)
    return Codec(
        lambda value: {name: codec.write(getattr(value, name)) for name, codec in codecs.items()},
        lambda plain, columns: kind(
            **{name: codec.read(plain[name], columns) for name, codec in codecs.items() if name in plain}
        ),
    )


def _codec_of_tuple(of: Any) -> Codec:
    """Return the codec of a tuple: a list, and one long row if its values are rows."""
    if of not in ROWS:
        codec = codec_of(of)
        return Codec(
            lambda value: [codec.write(one) for one in value],
            lambda plain, columns: tuple(codec.read(one, columns) for one in plain),
        )
    row = _row_of(of)

    def read(plain: Sequence[Any], columns: Columns) -> Any:
        width = len(columns.get(of.__name__, row.columns))
        return tuple(_read_row(of, plain[at : at + width], {}, columns) for at in range(0, len(plain), width))

    return Codec(lambda value: list(itertools.chain.from_iterable(map(row.write, value))), read)


def _codec_of_mapping(of: Any) -> Codec:
    """Return the codec of a mapping: an object. A row in it leaves out the one field that is the key."""
    if of not in ROWS:
        codec = codec_of(of)
        return Codec(
            lambda value: {key: codec.write(one) for key, one in value.items()},
            lambda plain, columns: {key: codec.read(one, columns) for key, one in plain.items()},
        )
    row, names = _row_of(of), ROWS[of]
    return Codec(
        lambda value: {key: list(row.write(one)) for key, one in value.items()},
        lambda plain, columns: {
            key: _read_row(of, one, dict.fromkeys(names, key), columns) for key, one in plain.items()
        },
    )


def _read_row(kind: Any, plain: Sequence[Any], elsewhere: Mapping[str, Any], columns: Columns) -> Any:
    """Return the value of a row, whose values stand in the order of the item's `columns`."""
    row = _row_of(kind)
    theirs = columns.get(kind.__name__, row.columns)
    if tuple(theirs) != row.columns:
        by_name = dict(zip(theirs, plain, strict=False))
        plain = [by_name.get(name, _MISSING) for name in row.columns]
    return row.read(plain, elsewhere, columns)


@cache
def _row_of(kind: Any) -> _Row:
    hints = get_type_hints(kind)
    names = [f.name for f in dataclasses.fields(kind) if f.name not in ROWS[kind]]
    parts = [(name, _row_of(hints[name]) if hints[name] in ROWS else _cell_of(hints[name])) for name in names]
    columns = tuple(f"{name}.{column}" if column else name for name, part in parts for column in part.columns)
    width = len(columns)

    def write(value: Any) -> list[Any]:
        return [one for name, part in parts for one in part.write(getattr(value, name))]

    ends = list(itertools.accumulate(len(part.columns) for _, part in parts))
    places = [(name, part, slice(end - len(part.columns), end)) for (name, part), end in zip(parts, ends, strict=True)]

    def read(values: Sequence[Any], elsewhere: Mapping[str, Any], columns: Columns) -> Any:
        found = dict(elsewhere)
        # A row of an earlier version is shorter, or lacks some: the rest is the default.
        is_whole = len(values) >= width and _MISSING not in values
        for name, part, place in places:
            own = values[place]
            if is_whole or any(one is not _MISSING for one in own):
                found[name] = part.read(own, {}, columns)
        return kind(**found)

    if width > 1 and not ROWS[kind] and all(hints[name] in (int, float, str, bool) for name in names):
        # The usual row, thousands of times in a state: its values are the fields' own.
        def read_usual(values: Sequence[Any], elsewhere: Mapping[str, Any], columns: Columns) -> Any:
            if len(values) < width or _MISSING in values:
                return read(values, elsewhere, columns)
            return kind(*values[:width])

        return _Row(columns, operator.attrgetter(*names), read_usual)
    return _Row(columns, write, read)


def _cell_of(kind: Any) -> _Row:
    """Return a value that is no row as a row of one."""
    codec = codec_of(kind)
    return _Row(
        ("",), lambda value: (codec.write(value),), lambda values, elsewhere, columns: codec.read(values[0], columns)
    )
