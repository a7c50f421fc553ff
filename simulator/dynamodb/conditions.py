"""Condition expressions."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from simulator.dynamodb.tokens import Tokens
from simulator.dynamodb.values import Given, Item, compares, invalid, is_same

# Says whether an item meets the condition, with what the call gives.
Condition = Callable[[Item, Given], bool]

_FUNCTIONS = ("attribute_exists", "attribute_not_exists")
_COMPARES: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@cache
def read_condition(text: str) -> Condition:
    """Return a function that says whether an item meets the condition.

    Raises:
        AwsError: if DynamoDB does not take the text, or if it uses what is not simulated.
    """
    tokens = Tokens(text)
    condition = _any_of(tokens)
    if tokens.next:
        raise invalid(f"{tokens.next!r} at the end: {text}")
    return condition


def _any_of(tokens: Tokens) -> Condition:
    of = [_all_of(tokens)]
    while tokens.took("OR"):
        of.append(_all_of(tokens))
    return of[0] if len(of) == 1 else lambda item, given: any(one(item, given) for one in of)


def _all_of(tokens: Tokens) -> Condition:
    of = [_one(tokens)]
    while tokens.took("AND"):
        of.append(_one(tokens))
    return of[0] if len(of) == 1 else lambda item, given: all(one(item, given) for one in of)


def _one(tokens: Tokens) -> Condition:
    if tokens.took("NOT"):
        refused = _one(tokens)
        return lambda item, given: not refused(item, given)
    if tokens.took("("):
        return _in_parentheses(tokens)
    if tokens.next in _FUNCTIONS:
        return _existence(tokens)
    return _comparison(tokens)


def _in_parentheses(tokens: Tokens) -> Condition:
    begins = tokens.taken
    inner = _any_of(tokens)
    if tokens.group == (begins + 1, tokens.taken):
        raise invalid(f"The expression has redundant parentheses: {tokens.text}")
    tokens.expect(")")
    tokens.group = (begins, tokens.taken)
    return inner


def _existence(tokens: Tokens) -> Condition:
    is_wanted = tokens.take() == "attribute_exists"
    tokens.expect("(")
    path = tokens.path()
    tokens.expect(")")
    return lambda item, given: (given.name(path) in item) is is_wanted


def _comparison(tokens: Tokens) -> Condition:
    left, sign = tokens.operand(), tokens.take().upper()
    if sign == "IN":
        tokens.expect("(")
        of = [tokens.operand()]
        while tokens.took(","):
            of.append(tokens.operand())
        tokens.expect(")")
        return lambda item, given: any(is_same(left(item, given), one(item, given)) for one in of)
    if sign == "=":
        right = tokens.operand()
        return lambda item, given: is_same(left(item, given), right(item, given))
    if sign in _COMPARES:
        compare, right = _COMPARES[sign], tokens.operand()
        return lambda item, given: compares(compare, left(item, given), right(item, given))
    raise tokens.not_simulated(sign)
