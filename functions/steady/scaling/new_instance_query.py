"""Placement expressions about an instance that is still to come: it is registered, and it has no task yet.

ECS Developer Guide, "Cluster query language": `subject operator [argument]`, joined by and, or, not and parentheses.
What runs on an instance (`runningTasksCount`, `task:group`) is known of a new one. So are the attributes that its pool
is known to give it. For its other attributes, those of the instances of its type stand.
"""

import operator
import re
from collections.abc import Callable, Mapping
from functools import cache

_TOKEN = re.compile(
    r"""\s*(\(|\)|\[[^\]]*\]|&&|\|\||==|!=|>=|<=|=~|!~|!exists|!in\b|>|<|!|"[^"]*"|'[^']*'|[^\s()\[\]!=<>&|]+)"""
)
_WITHOUT_ARGUMENT = ("exists", "!exists", "not_exists")
_COMPARE: Mapping[str, Callable[[int, int], bool]] = {
    "==": operator.eq,
    "equals": operator.eq,
    "!=": operator.ne,
    "not_equals": operator.ne,
    ">": operator.gt,
    "greater_than": operator.gt,
    ">=": operator.ge,
    "greater_than_equal": operator.ge,
    "<": operator.lt,
    "less_than": operator.lt,
    "<=": operator.le,
    "less_than_equal": operator.le,
}
_NEGATIVE = ("!=", "not_equals", "!in", "not_in", "!~", "not_matches", "!exists", "not_exists")

# How the value of an attribute is compared, by the operators and their opposites. Patterns are left to ECS.
_OF_ATTRIBUTES: Mapping[tuple[str, ...], Callable[[str, str], bool]] = {
    ("==", "equals", "!=", "not_equals"): lambda value, argument: [value] == _words(argument),
    ("in", "!in", "not_in"): lambda value, argument: value in _words(argument),
    ("exists", "!exists", "not_exists"): lambda value, argument: True,
}

# What holds of every new instance, of none, or of those that satisfy the expression.
Answer = bool | str


@cache
def about_new_instance(expression: str, attributes: tuple[tuple[str, str], ...] = ()) -> Answer:
    """Return whether a new instance satisfies `expression`, or what is left of it that its attributes decide.

    An expression that cannot be parsed is left as it is.

    Args:
        attributes: the attributes that it is known to have, each with its value.

    >>> about_new_instance("runningTasksCount < 2"), about_new_instance("task:group == service:db")
    (True, False)
    >>> about_new_instance("attribute:stack == prod and not(task:group == service:api)")
    'attribute:stack == prod'
    >>> about_new_instance("attribute:stack == prod", (("stack", "test"),))
    False
    """
    tokens, at = [], 0
    while at < len(expression.rstrip()):
        found = _TOKEN.match(expression, at)
        if found is None:
            return expression
        tokens.append(found.group(1))
        at = found.end()
    parser = _Parser(tokens, dict(attributes))
    try:
        answer = parser.either()
    except (IndexError, ValueError):
        return expression
    # One that is only about attributes stays as it is written: ECS was asked for it in these words.
    return expression if parser.rest or not parser.decided else answer


class _Parser:
    """A parser of one expression; `decided` is whether a part of it was decided."""

    def __init__(self, tokens: list[str], attributes: Mapping[str, str]) -> None:
        self.rest = tokens
        self._attributes = attributes
        self.decided = False

    def either(self) -> Answer:
        answer = self._both()
        while self._is_next("or", "||"):
            other = self._both()
            answer = _joined(answer, other, "or", decisive=True)
        return answer

    def _both(self) -> Answer:
        answer = self._not()
        while self._is_next("and", "&&"):
            other = self._not()
            answer = _joined(answer, other, "and", decisive=False)
        return answer

    def _not(self) -> Answer:
        if self._is_next("not", "!"):
            answer = self._not()
            return f"not({answer})" if isinstance(answer, str) else not answer
        if self._is_next("("):
            answer = self.either()
            if not self._is_next(")"):
                raise ValueError("a parenthesis is open")
            return f"({answer})" if isinstance(answer, str) else answer
        return self._term()

    def _term(self) -> Answer:
        subject, how = self.rest.pop(0), self.rest.pop(0)
        argument = "" if how in _WITHOUT_ARGUMENT else self.rest.pop(0)
        if subject == "runningTasksCount":
            self.decided = True
            return _COMPARE[how](0, int(argument)) if how in _COMPARE else self._fail(how)
        if subject == "task:group":
            self.decided = True
            return how in _NEGATIVE
        value = self._attributes.get(subject.removeprefix("attribute:"))
        if value is not None and (holds := _of_attribute(how)):
            self.decided = True
            return holds(value, argument)
        return f"{subject} {how} {argument}".rstrip()

    def _fail(self, how: str) -> bool:
        raise ValueError(f"{how} compares no numbers")

    def _is_next(self, *tokens: str) -> bool:
        if self.rest and self.rest[0] in tokens:
            self.rest.pop(0)
            return True
        return False


def _of_attribute(how: str) -> Callable[[str, str], bool] | None:
    """Return how the value of an attribute is compared with an argument; None if that is not known here."""
    found = next((holds for names, holds in _OF_ATTRIBUTES.items() if how in names), None)
    if found and how in _NEGATIVE:
        return lambda value, argument: not found(value, argument)
    return found


def _words(argument: str) -> list[str]:
    return [word.strip().strip("\"'") for word in argument.strip("[]").split(",")]


def _joined(one: Answer, other: Answer, word: str, *, decisive: bool) -> Answer:
    """Join two answers; one that is `decisive` alone decides, the opposite one leaves the decision to the other."""
    if decisive in (one, other):
        return decisive
    if isinstance(one, bool):
        return other
    return one if isinstance(other, bool) else f"{one} {word} {other}"
