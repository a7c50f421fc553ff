"""The mark of a pool whose on-demand part the suite has changed: a tag that keeps what the pool's owner wants.

It is read with the pool, and outlives the ledger. It is written before a change of the part, and names the part before
and after it: if the change fails, the mark still says which part is the suite's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from steady.names import BASE_TAG

# AWS allows no commas in the value of a tag.
_MARK = re.compile(r"own=(\d+) set=(\d+)/(\d+)")


def owners_part(tags: Iterable[Mapping[str, Any]], part: int) -> int:
    """Return the on-demand part that the owner of a pool wants, in units. The pool's is `part` now.

    A part that is neither of the two that the mark names was set by the owner since.

    >>> owners_part([{"Key": "steady:on-demand-base", "Value": "own=2 set=2/6"}], 6)
    2
    >>> owners_part([{"Key": "steady:on-demand-base", "Value": "own=2 set=2/6"}], 4)
    4
    """
    mark = _MARK.fullmatch(mark_in(tags))
    return int(mark[1]) if mark and part in (int(mark[2]), int(mark[3])) else part


def mark_in(tags: Iterable[Mapping[str, Any]]) -> str:
    """Return the value of the mark; "" if the pool has none."""
    return next((str(tag.get("Value", "")) for tag in tags if tag.get("Key") == BASE_TAG), "")


def mark(owners: int, before: int, after: int) -> str:
    """Return the value of the mark for a change of the part, in units.

    >>> mark(2, 2, 6)
    'own=2 set=2/6'
    """
    return f"own={owners} set={before}/{after}"
