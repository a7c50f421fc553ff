"""The simulated DynamoDB answers as moto's, whose evaluation of expressions is its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moto.dynamodb.exceptions import ConditionalCheckFailed, MockValidationException
from moto.dynamodb.models import DynamoDBBackend

from simulator.dynamodb.tables import Tables
from simulator.errors import AwsError, NotSimulated

KEY = {"cluster": {"S": "web"}}
# A few that are often the same, in other digits too.
FEW = st.sampled_from(["-1", "0", "1.5", "1.50", "2"])
NUMBERS = (FEW | st.decimals(-1000, 2_000_000_000, places=3).map(str)).map(lambda number: {"N": number})
STRINGS = st.sampled_from(["", "a", "B", "é", "ab", "1"]).map(lambda text: {"S": text})
SETS = st.sets(st.sampled_from(["a", "b", "c", "d"]), min_size=1).map(lambda some: {"SS": sorted(some)})
VALUES = NUMBERS | STRINGS | SETS
ATTRIBUTES = ("begun_by", "expires", "mail")
PATHS = (*ATTRIBUTES, "#aliased")
NAMES = {"#aliased": "turn"}

GIVEN = st.sampled_from((":x", ":y"))


def _items(of: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.dictionaries(st.sampled_from((*ATTRIBUTES, "turn")), of)


def _conditions() -> st.SearchStrategy[str]:
    """Conditions that compare with what is given: for moto, two attributes that are not there are the same."""
    existence = st.builds(
        "{}({})".format, st.sampled_from(["attribute_exists", "attribute_not_exists"]), st.sampled_from(PATHS)
    )
    comparison = st.builds(
        "{} {} {}".format, st.sampled_from(PATHS), st.sampled_from(["=", "<", "<=", ">", ">="]), GIVEN
    )
    within = st.builds(
        lambda path, of: f"{path} IN ({', '.join(of)})", st.sampled_from(PATHS), st.lists(GIVEN, min_size=1, max_size=3)
    )
    return st.recursive(
        existence | comparison | within,
        lambda inner: (
            st.builds("{} AND {}".format, inner, inner)
            | st.builds("({} OR {})".format, inner, inner)
            | st.builds("NOT ({})".format, inner)
        ),
        max_leaves=4,
    )


@st.composite
def _updates(draw: st.DrawFn) -> str:
    """Each section at most once, each of its own attributes: moto reads what another section has written already."""
    paths = draw(st.permutations(PATHS))
    operands = st.just(paths[0]) | GIVEN
    sections = {
        "SET": st.builds("{} = {}".format, st.just(paths[0]), operands)
        | st.builds("{} = {} {} {}".format, st.just(paths[0]), operands, st.sampled_from("+-"), operands),
        "REMOVE": st.just(paths[1]),
        "ADD": st.builds("{} {}".format, st.just(paths[2]), GIVEN),
        "DELETE": st.builds("{} {}".format, st.just(paths[3]), GIVEN),
    }
    chosen = draw(st.lists(st.sampled_from(sorted(sections)), min_size=1, unique=True))
    return " ".join(f"{section} {draw(sections[section])}" for section in chosen)


class Both:
    """The same item in moto's table and in the simulated one."""

    def __init__(self, item: Mapping[str, Any] | None) -> None:
        self.ours = Tables()
        self.ours.create("ledger", key="cluster")
        self.moto = DynamoDBBackend("us-east-1", "123456789012")
        attributes: Any = [{"AttributeName": "cluster", "AttributeType": "S"}]
        schema = [{"AttributeName": "cluster", "KeyType": "HASH"}]
        rest = dict.fromkeys(("throughput", "global_indexes", "indexes", "streams", "sse_specification"))
        self.moto.create_table(
            name="ledger",
            schema=schema,
            attr=attributes,
            billing_mode="PAY_PER_REQUEST",
            tags=[],
            deletion_protection_enabled=False,
            warm_throughput=None,
            **rest,
        )
        if item is not None:
            self.ours.put_item({"TableName": "ledger", "Item": {**KEY, **item}})
            self.moto.put_item("ledger", {**KEY, **item})

    def do(self, condition: str, update: str, values: Mapping[str, Any]) -> tuple[str, str]:
        """Update the item in both, or put the values if there is no update; return what each made of it."""
        texts = f"{condition} {update}"
        names = {name: real for name, real in NAMES.items() if name in texts}
        used = {name: value for name, value in values.items() if name in texts}
        given_ = {"ExpressionAttributeNames": names, "ExpressionAttributeValues": used}
        params = {"TableName": "ledger", "ConditionExpression": condition, **given_}
        if update:
            ours = _outcome(lambda: self.ours.update_item({**params, "Key": KEY, "UpdateExpression": update}))
            moto = _outcome(
                lambda: self.moto.update_item(
                    "ledger", KEY, update, names, used, condition_expression=condition or None
                )
            )
        else:
            new = {**KEY, "mail": {"S": "new"}}
            ours = _outcome(lambda: self.ours.put_item({**params, "Item": new}))
            moto = _outcome(
                lambda: self.moto.put_item(
                    "ledger",
                    new,
                    condition_expression=condition or None,
                    expression_attribute_names=names,
                    expression_attribute_values=used,
                )
            )
        return ours, moto

    def items(self) -> tuple[Any, Any]:
        """The item as each has it, with its numbers as numbers."""
        found = self.moto.get_item("ledger", KEY)
        ours = self.ours.get_item({"TableName": "ledger", "Key": KEY}).get("Item", {})
        return _plain(ours), _plain(found.to_json()["Attributes"] if found else {})


def _outcome(call: Callable[[], object]) -> str:
    try:
        call()
    except ConditionalCheckFailed:
        return "ConditionalCheckFailedException"
    except (MockValidationException, ValueError):
        return "ValidationException"
    except AwsError as error:
        return error.code
    return "done"


def _plain(item: Mapping[str, Mapping[str, Any]]) -> Any:
    def plain(kind: str, value: Any) -> Any:
        return Decimal(value) if kind == "N" else sorted(value) if kind == "SS" else value

    return {name: {kind: plain(kind, value) for kind, value in of.items()} for name, of in item.items()}


@settings(max_examples=300)
@given(
    _conditions(),
    # moto has no answer where a number is compared with a string, or a set with anything.
    st.sampled_from([NUMBERS, STRINGS]).flatmap(lambda of: st.tuples(st.none() | _items(of), of, of)),
)
def test_a_condition_holds_where_it_does_in_moto(condition: str, drawn: tuple[Any, Any, Any]) -> None:
    item, x, y = drawn
    both = Both(item)

    ours, moto = both.do(condition, "", {":x": x, ":y": y})

    assert ours == moto
    assert both.items()[0] == both.items()[1]


@settings(max_examples=300)
@given(st.none() | _items(VALUES), _updates(), VALUES, VALUES)
def test_an_update_writes_what_it_does_in_moto(item: Any, update: str, x: Any, y: Any) -> None:
    both = Both(item)

    ours, moto = both.do("", update, {":x": x, ":y": y})

    assert ours == moto
    if ours == "done":
        assert both.items()[0] == both.items()[1]


@pytest.mark.parametrize(
    ("condition", "update"),
    [
        ("", "SET first = :x"),
        ("zone = :x", "SET mail = :x"),
        ("mail = :x AND", "SET mail = :x"),
        ("mail = :x)", "SET mail = :x"),
        ("mail IN :x", "SET mail = :x"),
        ("", "SET mail = :x SET expires = :x"),
        ("", "SET mail = :x, mail = :y"),
        ("", "mail = :x"),
        ("", "SET cluster = :x"),
    ],
)
def test_what_dynamodb_does_not_take_is_refused_as_by_moto(condition: str, update: str) -> None:
    both = Both({})

    assert both.do(condition, update, {":x": {"S": "a"}, ":y": {"S": "a"}}) == ("ValidationException",) * 2


@pytest.mark.parametrize("update", ["SET mail[0] = :x", "SET mail.a = :x", "SET mail = if_not_exists(mail, :x)"])
def test_what_is_not_simulated_is_said(update: str) -> None:
    with pytest.raises(NotSimulated):
        Both({}).do("", update, {":x": {"S": "a"}})


def test_what_is_given_and_not_used_is_refused() -> None:
    params = {"TableName": "ledger", "Key": KEY, "UpdateExpression": "SET mail = :x"}

    with pytest.raises(AwsError, match=":y is given and not used"):
        Both({}).ours.update_item({**params, "ExpressionAttributeValues": {":x": {"S": "a"}, ":y": {"S": "a"}}})
    with pytest.raises(AwsError, match=":x is given and not used, or used and not given"):
        Both({}).ours.update_item(params)


def test_an_item_has_at_most_400_kb() -> None:
    tables = Both(None).ours
    tables.put_item({"TableName": "ledger", "Item": {**KEY, "mail": {"S": "é" * 204_000}}})

    with pytest.raises(AwsError, match="ValidationException: Item size has exceeded"):
        tables.put_item({"TableName": "ledger", "Item": {**KEY, "mail": {"S": "é" * 205_000}}})
    with pytest.raises(AwsError, match="ValidationException: Item size has exceeded"):
        tables.update_item(
            {
                "TableName": "ledger",
                "Key": KEY,
                "UpdateExpression": "SET turn = :x",
                "ExpressionAttributeValues": {":x": {"S": "a" * 2_000}},
            }
        )
    assert len(tables.get_item({"TableName": "ledger", "Key": KEY})["Item"]["mail"]["S"]) == 204_000


def test_what_was_read_is_not_changed_by_what_the_caller_does_with_it() -> None:
    tables = Both({"mail": {"SS": ["a"]}}).ours
    key = {"TableName": "ledger", "Key": KEY}

    tables.get_item(key)["Item"]["mail"]["SS"].append("b")

    assert tables.get_item(key)["Item"]["mail"] == {"SS": ["a"]}


@pytest.mark.parametrize(
    ("x", "signs"), [("1.50", ("=", "<=", ">=")), ("1.51", ("<", "<=")), ("1.4", (">", ">=")), ("10", ("<", "<="))]
)
def test_numbers_are_compared_as_numbers(x: str, signs: tuple[str, ...]) -> None:
    for sign in ("=", "<", "<=", ">", ">="):
        found = Both({"expires": {"N": "1.5"}}).do(f"expires {sign} :x", "", {":x": {"N": x}})

        assert found == ("done" if sign in signs else "ConditionalCheckFailedException",) * 2, sign


def test_all_operands_are_of_before_the_update() -> None:
    tables, key = Both({"mail": {"SS": ["a"]}}).ours, {"TableName": "ledger", "Key": KEY}

    update = "DELETE mail :x SET begun_by = mail"
    tables.update_item({**key, "UpdateExpression": update, "ExpressionAttributeValues": {":x": {"SS": ["a"]}}})

    assert tables.get_item(key)["Item"] == {**KEY, "begun_by": {"SS": ["a"]}}


def test_an_update_returns_what_was_asked_for() -> None:
    def returned(**how: str) -> Any:
        params = {"TableName": "ledger", "Key": KEY, "UpdateExpression": "SET expires = :x", **how}
        return Both({"mail": {"S": "a"}}).ours.update_item({**params, "ExpressionAttributeValues": {":x": {"N": "1"}}})

    assert returned() == {}
    assert returned(ReturnValues="UPDATED_NEW") == {"Attributes": {"expires": {"N": "1"}}}
    assert returned(ReturnValues="ALL_NEW") == {"Attributes": {**KEY, "mail": {"S": "a"}, "expires": {"N": "1"}}}
    for compared in ("mail = expires", "begun_by = expires", "mail = :x", "mail > :x"):
        assert _outcome(lambda: returned(ConditionExpression=compared)) == "ConditionalCheckFailedException"  # noqa: B023
    with pytest.raises(AwsError) as refused:
        returned(ConditionExpression="mail = expires", ReturnValuesOnConditionCheckFailure="ALL_OLD")
    assert refused.value.more == {"Item": {**KEY, "mail": {"S": "a"}}}
