"""Read the pools of a simulated cluster: from `NAME=TYPE[,TYPE...]:KIND`, or from a file of rows as cdk.json has them.

A row: `{"name": "spot", "kind": "spot", "types": {"m5.large": 1, "m5.xlarge": 2}, "max": 100, "priority": 10}`.
`types` may be a list, too: each type counts one unit then. The kinds are those of a cluster's row in cdk.json.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from simulator.instance_types import NoSuchInstanceType
from simulator.prices import NoListPrice, list_price
from simulator.workload.pool_plan import PoolPlan
from steady.pools import PoolKind

# By the kind of a row: the kind of pool, and whether a group is of Spot Instances.
KINDS: Mapping[str, tuple[PoolKind, bool]] = {
    "on-demand": (PoolKind.AUTO_SCALING_GROUP, False),
    "spot": (PoolKind.AUTO_SCALING_GROUP, True),
    "spot-fleet": (PoolKind.SPOT_FLEET, False),
}
FORM = "NAME=TYPE[,TYPE...]:KIND"
# The keys of a row that are parameters of a pool, and their names there.
PARAMETERS = {"min": "min_capacity", "max": "max_capacity", "priority": "priority"}
KEYS = ("name", "kind", "types", *PARAMETERS)


class BadPool(ValueError):
    """A pool is wrong. The text names it, the value, and what is needed."""


def pools_of(texts: Sequence[str], file: Path | None = None) -> dict[str, PoolPlan]:
    """Return the pools that `texts` and the rows of `file` name, by name.

    Raises:
        BadPool: if one of them is wrong, or a name is there twice.
    """
    found: dict[str, PoolPlan] = {}
    rows = [(f'--pool "{text}"', _row_of(text)) for text in texts]
    for where, row in (*rows, *(_rows_of(file) if file else ())):
        name, plan = _plan(where, row)
        if name in found:
            raise BadPool(f'{where}: the pool "{name}" is there twice: each needs a name of its own')
        found[name] = plan
    return found


def _row_of(text: str) -> dict[str, Any]:
    name, equals, rest = text.partition("=")
    types, colon, kind = rest.rpartition(":")
    if not equals or not colon:
        raise BadPool(f'--pool is "{text}": {FORM} is needed, where KIND is one of {", ".join(KINDS)}')
    return {"name": name.strip(), "types": [type_.strip() for type_ in types.split(",")], "kind": kind.strip()}


def _rows_of(file: Path) -> list[tuple[str, Any]]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadPool(f"{file}: {error.strerror}") from error
    # A file of brackets alone nests deeper than Python reads.
    except (ValueError, RecursionError) as error:
        raise BadPool(f"{file} is no JSON ({error}): a list of pools is needed, as a row of cdk.json has it") from error
    rows = content.get("pools") if isinstance(content, dict) else content
    if not isinstance(rows, list) or not rows:
        raise BadPool(f"{file} has no list of pools: a list is needed, or a row of cdk.json with `pools`")
    return [(f"{file}, pool {number}", row) for number, row in enumerate(rows, start=1)]


def _plan(where: str, row: Any) -> tuple[str, PoolPlan]:
    if not isinstance(row, dict):
        raise BadPool(f"{where} is {json.dumps(row)}: an object with {', '.join(KEYS)} is needed")
    if unknown := sorted(set(row) - set(KEYS)):
        raise BadPool(f'{where}: "{unknown[0]}" is no key of a simulated pool: one of {", ".join(KEYS)} is needed')
    name, kind = row.get("name"), row.get("kind")
    if not isinstance(name, str) or not name or "/" in name:
        raise BadPool(f"{where}: its name is {json.dumps(name)}: a text without / is needed")
    if not isinstance(kind, str) or kind not in KINDS:
        raise BadPool(f"{where}: its kind is {json.dumps(kind)}: one of {', '.join(KINDS)} is needed")
    parameters = {PARAMETERS[key]: _whole(where, key, row[key]) for key in PARAMETERS if key in row}
    least, most = parameters.get("min_capacity", 0), parameters.get("max_capacity")
    if most is not None and most < least:
        raise BadPool(f"{where}: its max is {most} and its min {least}: a max of at least the min is needed")
    of_kind, on_spot = KINDS[kind]
    return name, PoolPlan(of_kind, least, _types(where, row.get("types")), on_spot, parameters)


def _types(where: str, types: Any) -> dict[str, int]:
    if isinstance(types, list):
        if twice := next((type_ for type_ in types if types.count(type_) > 1), None):
            raise BadPool(f"{where}: the type {json.dumps(twice)} is there twice: each is needed once")
        types = dict.fromkeys(types, 1) if all(isinstance(type_, str) for type_ in types) else None
    if not isinstance(types, dict) or not types:
        raise BadPool(f'{where}: its types are {json.dumps(types)}: such as {{"m5.large": 1}} are needed')
    for type_, units in types.items():
        try:
            list_price(type_)
        except (NoListPrice, NoSuchInstanceType) as error:
            raise BadPool(f"{where}: {error}") from error
        if _whole(where, f"units of {type_}", units) < 1:
            raise BadPool(f"{where}: its units of {type_} are 0: a whole number from 1 is needed")
    return dict(types)


def _whole(where: str, key: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise BadPool(f"{where}: its {key} is {json.dumps(value)}: a whole number, 0 or more, is needed")
    return value
