"""Keep what was read from one invocation of a process to its next ones: one typed cache for each kind of thing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Generic, TypeVar

from steady.aws.runtime import Runtime

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(frozen=True, eq=False)
class Cache(Generic[Key, Value]):
    """One kind of thing that a runtime keeps, by key; made once, where the thing is read.

    `max_age_s` is how many seconds after it was kept a value is still used; without it, for as long as the process is.
    """

    max_age_s: float = math.inf

    def get(self, runtime: Runtime, key: Key, max_age_s: float | None = None) -> Value | None:
        """Return the value kept for `key`, or None if there is none, or it is older than `max_age_s` allows.

        Args:
            max_age_s: another limit for this call: 0 uses no kept value, `math.inf` the last known one, however old.
        """
        kept: tuple[float, Value] | None = runtime.kept.get((self, key))
        allowed_s = self.max_age_s if max_age_s is None else max_age_s
        return kept[1] if kept and runtime.now() - kept[0] < allowed_s else None

    def keep(self, runtime: Runtime, key: Key, value: Value) -> Value:
        """Keep `value` for `key` from now on, and return it."""
        runtime.kept[self, key] = (runtime.now(), value)
        return value

    def drop(self, runtime: Runtime, key: Key) -> None:
        """Keep nothing for `key` any more."""
        runtime.kept.pop((self, key), None)
