"""Keep what a later version has written into the ledger, and what this version does not know.

After a rollback, this version reads an item of a later one. It ignores the fields that it does not know, and writes
them again as they were, so that they are still there after the next upgrade. The values of a tuple have no name by
which they would be known again: what a later version has added to these ends with this version's first write.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from steady.aws.scaling.state_codec import COLUMNS, FORMER_NAMES, ROWS, Columns, columns_in, columns_of
from steady.cluster import Size
from steady.scaling.state import ScalingState

# The rows that stand in tuples.
IN_TUPLES = frozenset({Size})


def with_unknown(plain: Mapping[str, Any], before: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return `plain`, a state as `to_plain` writes it, with the unknown fields of the item `before`."""
    columns = columns_in(before)
    kept = {**_with_unknown(ScalingState, plain, before, columns)}
    for former in FORMER_NAMES.values():
        kept.pop(former, None)
    named = {kind.__name__: _unknown_columns(kind, columns) for kind in ROWS if kind not in IN_TUPLES}
    own = {name: [*names, *named.get(name, [])] for name, names in plain[COLUMNS].items()}
    return {**kept, COLUMNS: {**columns, **own}}


def _with_unknown(kind: Any, plain: Any, before: Any, columns: Columns) -> Any:
    origin, of = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        kind = next(one for one in of if one is not types.NoneType)
        return _with_unknown(kind, plain, before, columns)
    if kind in ROWS:
        return [*plain, *_unknown_values(kind, before, columns)] if isinstance(before, list) else plain
    if not isinstance(plain, Mapping) or not isinstance(before, Mapping):
        return plain
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {
            key: _with_unknown(of[1], one, before[key], columns) if key in before else one for key, one in plain.items()
        }
    return _with_unknown_fields(kind, plain, before, columns) if dataclasses.is_dataclass(kind) else plain


def _with_unknown_fields(
    kind: Any, plain: Mapping[str, Any], before: Mapping[str, Any], columns: Columns
) -> Mapping[str, Any]:
    hints = _hints(kind)
    known = {
        name: _with_unknown(hints[name], one, before[name], columns) if name in hints and name in before else one
        for name, one in plain.items()
    }
    return {**{name: one for name, one in before.items() if name not in plain}, **known}


@cache
def _hints(kind: Any) -> Mapping[str, Any]:
    # To work them out takes longer than all the rest, and each write of the ledger asks for them.
    return get_type_hints(kind)


def _unknown_columns(kind: Any, columns: Columns) -> list[str]:
    own = columns_of(kind)
    return [name for name in columns.get(kind.__name__, own) if name not in own]


def _unknown_values(kind: Any, before: Sequence[Any], columns: Columns) -> list[Any]:
    """Return the values of the row `before` that this version does not know, in the order of `_unknown_columns`."""
    theirs = columns.get(kind.__name__, columns_of(kind))
    by_name = dict(zip(theirs, before, strict=False))
    named = [by_name[name] for name in _unknown_columns(kind, columns) if name in by_name]
    return [*named, *before[len(theirs) :]]
