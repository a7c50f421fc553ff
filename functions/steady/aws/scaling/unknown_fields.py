"""Keep what a later version has written into the ledger, and what this version does not know.

After a rollback, this version reads an item of a later one. It ignores the fields that it does not know, and writes
them again as they were, so that they are still there after the next upgrade. The values of a tuple have no name by
which they would be known again: what a later version has added to these ends with this version's first write.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any, Union, get_args, get_origin, get_type_hints

from steady.aws.scaling.state_codec import COLUMNS, FORMER_NAMES, ROWS, Columns, columns_in, columns_of
from steady.cluster import Size
from steady.scaling.state import ScalingState

# The rows that stand in tuples.
IN_TUPLES = frozenset({Size})

# Takes a plain value, the one before it, and the columns of the item before it.
Keeper = Callable[[Any, Any, Columns], Any]


def with_unknown(plain: Mapping[str, Any], before: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return `plain`, a state as `to_plain` writes it, with the unknown fields of the item `before`."""
    columns = columns_in(before)
    kept = {**_with_unknown_fields(ScalingState, plain, before, columns)}
    for former in FORMER_NAMES.values():
        kept.pop(former, None)
    named = {kind.__name__: _unknown_columns(kind, columns) for kind in ROWS if kind not in IN_TUPLES}
    own = {name: [*names, *named.get(name, [])] for name, names in plain[COLUMNS].items()}
    return {**kept, COLUMNS: {**columns, **own}}


@cache
def _keeper_of(kind: Any) -> Keeper | None:
    """Return what adds the unknown parts of a former value of the type `kind` to one; None if it can have none."""
    origin, of = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _keeper_of(next(one for one in of if one is not types.NoneType))
    if kind in ROWS:
        return partial(_with_unknown_values, kind)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        keep = _keeper_of(of[1])
        return keep and partial(_with_unknown_in_values, keep)
    return partial(_with_unknown_fields, kind) if dataclasses.is_dataclass(kind) else None


def _with_unknown_in_values(keep: Keeper, plain: Any, before: Any, columns: Columns) -> Any:
    if not isinstance(plain, Mapping) or not isinstance(before, Mapping):
        return plain
    return {key: keep(one, before[key], columns) if key in before else one for key, one in plain.items()}


def _with_unknown_fields(kind: Any, plain: Any, before: Any, columns: Columns) -> Any:
    if not isinstance(plain, Mapping) or not isinstance(before, Mapping):
        return plain
    kept = {
        name: keep(plain[name], before[name], columns)
        for name, keep in _keepers_of_fields(kind).items()
        if name in plain and name in before
    }
    return {**{name: one for name, one in before.items() if name not in plain}, **plain, **kept}


@cache
def _keepers_of_fields(kind: Any) -> Mapping[str, Keeper]:
    return {name: keep for name, hint in get_type_hints(kind).items() if (keep := _keeper_of(hint))}


def _with_unknown_values(kind: Any, plain: Any, before: Any, columns: Columns) -> Any:
    return [*plain, *_unknown_values(kind, before, columns)] if isinstance(before, list) else plain


def _unknown_columns(kind: Any, columns: Columns) -> list[str]:
    own = columns_of(kind)
    return [name for name in columns.get(kind.__name__, own) if name not in own]


def _unknown_values(kind: Any, before: Sequence[Any], columns: Columns) -> list[Any]:
    """Return the values of the row `before` that this version does not know, in the order of `_unknown_columns`."""
    own = columns_of(kind)
    theirs = columns.get(kind.__name__, own)
    if len(before) <= len(own) and tuple(theirs) == own:
        # Nearly every row, thousands of times in a state.
        return []
    by_name = dict(zip(theirs, before, strict=False))
    named = [by_name[name] for name in _unknown_columns(kind, columns) if name in by_name]
    return [*named, *before[len(theirs) :]]
