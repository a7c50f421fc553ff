"""Placement expressions about an instance that is still to come: it is registered, and it has no task yet.

ECS Developer Guide, "Cluster query language": `subject operator [argument]`, joined by and, or, not and parentheses.
What runs on an instance (`runningTasksCount`, `task:group`) is known of a new one. So are the attributes that its type,
or its pool, is known to give it. For its other attributes, those of the instances of its type stand.
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
_QUOTES = "\"'"
_NEGATIVE = ("!=", "not_equals", "!in", "not_in", "!~", "not_matches", "!exists", "not_exists")


def _is(value: str, argument: str) -> bool:
    return value == argument.strip(_QUOTES)


def _is_in(value: str, argument: str) -> bool:
    return value in (one.strip().strip(_QUOTES) for one in argument.strip("[]").split(","))


def _matches(value: str, argument: str) -> bool:
    # ECS Developer Guide: the argument is a Java regular expression.
    return re.fullmatch(argument.strip(_QUOTES), value) is not None


def _exists(value: str, argument: str) -> bool:  # noqa: ARG001
    return True


# By the operator, whether an attribute that is there meets it; of a negative operator, whether it does not.
_OF_TEXT: Mapping[str, Callable[[str, str], bool]] = {
    **dict.fromkeys(("==", "equals", "!=", "not_equals"), _is),
    **dict.fromkeys(("in", "!in", "not_in"), _is_in),
    **dict.fromkeys(("=~", "matches", "!~", "not_matches"), _matches),
    **dict.fromkeys(_WITHOUT_ARGUMENT, _exists),
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
    >>> about_new_instance("attribute:ecs.cpu-architecture == arm64", (("ecs.cpu-architecture", "arm64"),))
    True
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
    except (IndexError, ValueError, re.error):
        return expression
    # One that is only about attributes stays as it is written: ECS was asked for it in these words.
    return expression if parser.rest or not parser.decided else answer


class _Parser:
    """A parser of one expression; `decided` is whether a part of it was decided without asking ECS.

    Args:
        known: the attributes of the instance that are known, by name.
    """

    def __init__(self, tokens: list[str], known: Mapping[str, str]) -> None:
        self.rest = tokens
        self._known = known
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
        value = self._known.get(subject.removeprefix("attribute:"))
        if value is not None and how in _OF_TEXT:
            self.decided = True
            return _OF_TEXT[how](value, argument) is not (how in _NEGATIVE)
        return f"{subject} {how} {argument}".rstrip()

    def _fail(self, how: str) -> bool:
        raise ValueError(f"{how} compares no numbers")

    def _is_next(self, *tokens: str) -> bool:
        if self.rest and self.rest[0] in tokens:
            self.rest.pop(0)
            return True
        return False


def _joined(one: Answer, other: Answer, word: str, *, decisive: bool) -> Answer:
    """Join two answers; one that is `decisive` alone decides, the opposite one leaves the decision to the other."""
    if decisive in (one, other):
        return decisive
    if isinstance(one, bool):
        return other
    return one if isinstance(other, bool) else f"{one} {word} {other}"
