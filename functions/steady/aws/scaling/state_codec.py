"""The scaling state as JSON: the codec follows from the types of `ScalingState`, so that no field can be left out.

A dataclass becomes an object with its fields. The dataclasses of `ROWS` become rows, which take a fraction of the
space: a row holds the fields' values one after the other, and the values of a row within a row are part of it. A row
leaves out the fields that stand elsewhere: the key of the mapping that holds the row, or what never changes.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Hashable, Iterator, Mapping
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from steady.cluster import InstanceShape, Size
from steady.scaling.demand import Demand
from steady.scaling.recurrence import Peaks
from steady.scaling.state import ScalingState

# Which dataclasses are rows, and which of their fields a row leaves out.
ROWS: Mapping[type, frozenset[str]] = {
    Size: frozenset(),
    Demand: frozenset({"key"}),
    InstanceShape: frozenset({"name"}),
    Peaks: frozenset({"slot_s", "keep"}),
}
# The fields that items of earlier versions hold under another name.
FORMER_NAMES = {"reported_problems": "told"}

Kept = TypeVar("Kept")


def to_plain(state: ScalingState) -> dict[str, Any]:
    """Return `state` as values that `json.dumps` takes."""
    plain: dict[str, Any] = _plain(state)
    return plain


def from_plain(plain: Mapping[str, Any]) -> ScalingState:
    """Return the state that `to_plain` made `plain` of, in this version or in another one.

    A field that is missing has its default. A field of a later version is left out.
    """
    return _object(ScalingState, plain)


def _plain(value: Any) -> Any:
    if type(value) in ROWS:
        return list(_row_values(value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, tuple):
        rows = [_plain(one) for one in value]
        # A list of rows is one long row.
        return [x for row in rows for x in row] if value and type(value[0]) in ROWS else rows
    return value


def _row_values(value: Any) -> Iterator[Any]:
    for field in dataclasses.fields(value):
        if field.name in ROWS[type(value)]:
            continue
        one = getattr(value, field.name)
        if type(one) in ROWS:
            yield from _row_values(one)
        else:
            yield _plain(one)


@cache
def _types_of(kind: Hashable) -> Mapping[str, Any]:
    return get_type_hints(kind)


def _object(kind: Callable[..., Kept], plain: Mapping[str, Any]) -> Kept:
    """Return the `kind` of the fields in `plain`."""
    values = {}
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        name = field.name if field.name in plain else FORMER_NAMES.get(field.name, field.name)
        if name in plain:
            values[field.name] = _value(_types_of(kind)[field.name], plain[name], default=field.default)
    return kind(**values)


def _value(kind: Any, plain: Any, default: Any = dataclasses.MISSING) -> Any:
    """Return `plain` as a value of the type `kind`; what a row leaves out is as in `default`."""
    origin, of = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return None if plain is None else _value(next(one for one in of if one is not types.NoneType), plain)
    if kind in ROWS:
        elsewhere = {} if default is dataclasses.MISSING else {n: getattr(default, n) for n in ROWS[kind]}
        return _from_row(kind, iter(plain), elsewhere)
    if origin is tuple:
        return tuple(_rows(of[0], plain) if of[0] in ROWS else (_value(of[0], one) for one in plain))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {key: _entry(of[1], key, one) for key, one in plain.items()}
    if dataclasses.is_dataclass(kind):
        return _object(kind, plain)  # type: ignore[arg-type]
    return plain


def _entry(kind: Any, key: str, plain: Any) -> Any:
    """Return the value of a mapping at `key`: a row leaves out the one field that is the key."""
    return _from_row(kind, iter(plain), dict.fromkeys(ROWS[kind], key)) if kind in ROWS else _value(kind, plain)


def _rows(kind: Callable[..., Kept], plain: list[Any]) -> Iterator[Kept]:
    """Yield the rows that one long row holds."""
    values = iter(plain)
    for _ in range(len(plain) // _width(kind)):
        yield _from_row(kind, values, {})


def _width(kind: Any) -> int:
    """Return how many values a row of `kind` has, those of the rows within it included."""
    fields = [f.name for f in dataclasses.fields(kind) if f.name not in ROWS[kind]]
    return sum(_width(of) if of in ROWS else 1 for of in (_types_of(kind)[name] for name in fields))


def _from_row(kind: Callable[..., Kept], values: Iterator[Any], elsewhere: Mapping[str, Any]) -> Kept:
    """Return the `kind` of the next of `values`. A row of an earlier version is shorter: the rest is the default."""
    found = dict(elsewhere)
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        if field.name in found:
            continue
        of = _types_of(kind)[field.name]
        try:
            found[field.name] = _from_row(of, values, {}) if of in ROWS else _value(of, next(values))
        except StopIteration:
            break
    return kind(**found)
