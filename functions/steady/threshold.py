"""Describe a threshold: a number in a range, a word, or a window of the week, as operators set it in SSM."""

import re
from dataclasses import dataclass

from steady import windows

# Of each unit: the text that an error asks for, and the sign in a table.
_UNITS = {
    "percent": ("a percentage", "%"),
    "seconds": ("a number of seconds", "s"),
    "units": ("a capacity in units", "units"),
    "days": ("a number of days", "days"),
}


class BadThreshold(ValueError):
    """A parameter holds a value that its threshold does not allow; the text names all three."""


@dataclass(frozen=True)
class Threshold:
    """Describe one number from `lowest` to `highest`, or one word of `choices`, that an operator can set.

    `unit` is "percent", "seconds" or "units" (of the pool's capacity); "" for a word.
    """

    name: str
    default: int | str
    unit: str
    meaning: str
    lowest: int = 0
    highest: int = 0
    choices: tuple[str, ...] = ()
    is_window: bool = False

    @property
    def needed(self) -> str:
        """The text by which an error says what is allowed."""
        if self.is_window:
            return windows.NEEDED
        if self.choices:
            return f"one of {', '.join(self.choices)} is needed"
        return f"{_UNITS[self.unit][0]} from {self.lowest} to {self.highest} is needed"

    @property
    def values(self) -> str:
        """The allowed values, as a table shows them."""
        if self.is_window:
            return f"{windows.ALWAYS}, or days, hours and a time zone"
        if self.choices:
            return ", ".join(self.choices)
        return f"{self.lowest} to {self.highest:,} {_UNITS[self.unit][1]}"

    @property
    def allowed_pattern(self) -> str:
        """A pattern for SSM's AllowedPattern: the shape of the value; the range is checked when it is read."""
        if self.is_window:
            return windows.PATTERN
        if self.choices:
            return f"^({'|'.join(self.choices)})$"
        if self.unit == "percent":
            return f"^([{self.lowest}-9]|[1-9][0-9]|100)$"
        return f"^[0-9]{{1,{len(str(self.highest))}}}$"

    def parse(self, raw: str, path: str) -> int | str:
        """Return the value that `raw` stands for.

        >>> Threshold("healing_share", 10, "percent", "", 1, 100).parse("80", "/steady/clusters/web/healing_share")
        80

        Raises:
            BadThreshold: naming the parameter `path`, the value, and the range that is needed.
        """
        allowed = re.fullmatch(self.allowed_pattern, raw)
        is_word = bool(self.choices) or self.is_window
        is_good = windows.is_window(raw) if self.is_window else is_word or (allowed and self._holds(raw))
        if not allowed or not is_good:
            raise BadThreshold(f'{path} is "{raw}": {self.needed}')
        return raw if is_word else int(raw)

    def _holds(self, raw: str) -> bool:
        return self.lowest <= int(raw) <= self.highest
