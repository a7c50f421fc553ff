"""The tokens of an expression, and the operands that conditions and updates share."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from simulator.dynamodb.values import Given, Item, Value, invalid
from simulator.errors import NotSimulated

# Gives the value of an operand, of the item and of what the call gives; None: the item has no such attribute.
Operand = Callable[[Item, Given], Value | None]

_TOKEN = re.compile(r"\s*([:#]?\w+|<=|>=|<>|[=<>+\-(),])")
_PATH = re.compile(r"#?\w+")


class Tokens:
    """The tokens of an expression, from the left.

    Attributes:
        next: the one that comes; "": there are no more.
        taken: how many were taken.
        group: the numbers of the first and of the last token of what was last read in parentheses.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.next = ""
        self.taken = -1
        self.group = (0, 0)
        self._at = 0
        self.take()

    def take(self) -> str:
        """Return the next token, and go on."""
        taken, found = self.next, _TOKEN.match(self.text, self._at)
        if found is None and (rest := self.text[self._at :].strip()):
            raise self.not_simulated(rest)
        self.taken += 1
        self.next, self._at = (found[1], found.end()) if found else ("", len(self.text))
        return taken

    def took(self, token: str) -> bool:
        """Take the next token if it is this one, and return whether it was."""
        return self.next.upper() == token and bool(self.take())

    def expect(self, token: str) -> None:
        """Take this token.

        Raises:
            AwsError: if another one comes.
        """
        if not self.took(token):
            raise invalid(f"{self.next!r} instead of {token!r}: {self.text}")

    def path(self) -> str:
        """Take the name of an attribute, or a `#name` for it.

        Raises:
            AwsError: if none comes.
        """
        path = self.take()
        if not _PATH.fullmatch(path) or path.upper() in _reserved():
            raise invalid(f"{path!r} instead of an attribute: {self.text}")
        if self.next == "(":
            raise self.not_simulated(path)
        return path

    def value(self) -> str:
        """Take the placeholder of a value.

        Raises:
            AwsError: if none comes.
        """
        if not self.next.startswith(":"):
            raise invalid(f"{self.next!r} instead of a value: {self.text}")
        return self.take()

    def operand(self) -> Operand:
        """Take the placeholder of a value, or an attribute."""
        if self.next.startswith(":"):
            placeholder = self.take()
            return lambda item, given: given.values[placeholder]
        path = self.path()
        return lambda item, given: item.get(given.name(path))

    def not_simulated(self, what: str) -> NotSimulated:
        """Return the error of a function, or another part, that is not simulated."""
        return NotSimulated(f"{what} of {self.text} is not simulated: add it to simulator/dynamodb/")


def check_given(given: Given, *texts: str) -> None:
    """Check that each `#name` and `:value` of the expressions is given, and that each one that is given is used.

    Raises:
        AwsError: as DynamoDB answers otherwise.
    """
    used = frozenset[str]().union(*map(_placeholders, texts))
    if odd := sorted(used ^ (given.names.keys() | given.values.keys())):
        raise invalid(f"{', '.join(odd)} is given and not used, or used and not given: {'; '.join(texts)}")


@cache
def _reserved() -> frozenset[str]:
    """Return the words that no attribute is named by (DynamoDB Developer Guide, "Reserved words"), from moto's list."""
    # Imported here because the import takes most of a second.
    from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords

    return frozenset(ReservedKeywords.get_reserved_keywords())


@cache
def _placeholders(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[:#]\w+", text))
