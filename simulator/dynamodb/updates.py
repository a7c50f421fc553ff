"""Update expressions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from simulator.dynamodb.tokens import Tokens
from simulator.dynamodb.values import SETS, Given, Item, Value, invalid, sum_of

# Changes the attributes as they will be, by the item as it was and by what the call gives.
Change = Callable[[dict[str, Value], Item, Given], None]


@dataclass(frozen=True, slots=True)
class Update:
    """What an update expression does. `writes` are the attributes, or the `#names`, that it writes."""

    changes: tuple[Change, ...]
    writes: tuple[str, ...]

    def updated(self, item: Item, given: Given) -> dict[str, Value]:
        """Return the item after the update. All operands have the values that they had before it.

        Raises:
            AwsError: if the item's attributes are not such as the update needs.
        """
        after = dict(item)
        for change in self.changes:
            change(after, item, given)
        return after


@cache
def read_update(text: str) -> Update:
    """Return what an update expression does.

    Raises:
        AwsError: if DynamoDB does not take the text, or if it uses what is not simulated.
    """
    tokens, sections = Tokens(text), set[str]()
    changes: list[Change] = []
    writes: list[str] = []
    while tokens.next:
        section = tokens.take().upper()
        if section not in _SECTIONS or section in sections:
            raise invalid(f"{section!r} where another section begins: {text}")
        sections.add(section)
        for path, change in _changes(_SECTIONS[section], tokens):
            writes.append(path)
            changes.append(change)
    if not writes or len(set(writes)) < len(writes):
        raise invalid(f"it writes nothing, or an attribute twice: {text}")
    return Update(tuple(changes), tuple(writes))


def _changes(read: Callable[[str, Tokens], Change], tokens: Tokens) -> Iterator[tuple[str, Change]]:
    while True:
        path = tokens.path()
        yield path, read(path, tokens)
        if not tokens.took(","):
            return


def _set(path: str, tokens: Tokens) -> Change:
    tokens.expect("=")
    left, sign = tokens.operand(), tokens.next
    if sign not in ("+", "-"):

        def change(after: dict[str, Value], item: Item, given: Given) -> None:
            after[given.name(path)] = _there(left(item, given))

        return change
    tokens.take()
    right = tokens.operand()

    def change_by_sum(after: dict[str, Value], item: Item, given: Given) -> None:
        after[given.name(path)] = sum_of(_there(left(item, given)), _there(right(item, given)), sign)

    return change_by_sum


def _there(value: Value | None) -> Value:
    if value is None:
        raise invalid("The provided expression refers to an attribute that does not exist in the item")
    return value


def _remove(path: str, tokens: Tokens) -> Change:  # noqa: ARG001
    def change(after: dict[str, Value], item: Item, given: Given) -> None:  # noqa: ARG001
        after.pop(given.name(path), None)

    return change


def _add(path: str, tokens: Tokens) -> Change:
    placeholder = tokens.value()

    def change(after: dict[str, Value], item: Item, given: Given) -> None:
        name, by = given.name(path), given.values[placeholder]
        [kind] = by
        before = item.get(name, by)
        if kind not in ("N", *SETS) or kind not in before:
            raise invalid(f"ADD {by} to {name}, which is {before}")
        if kind in SETS:
            after[name] = {kind: sorted({*before[kind], *by[kind]})}
        else:
            after[name] = sum_of(before, by, "+") if name in item else by

    return change


def _delete(path: str, tokens: Tokens) -> Change:
    placeholder = tokens.value()

    def change(after: dict[str, Value], item: Item, given: Given) -> None:
        name, by = given.name(path), given.values[placeholder]
        [kind] = by
        before = item.get(name, by)
        if kind not in SETS or kind not in before:
            raise invalid(f"DELETE {by} from {name}, which is {before}")
        if left := sorted({*before[kind]} - {*by[kind]}):
            after[name] = {kind: left}
        else:
            # DynamoDB has no empty sets.
            after.pop(name, None)

    return change


_SECTIONS = {"SET": _set, "REMOVE": _remove, "ADD": _add, "DELETE": _delete}
