"""Checks of cdk.json: models say what each key may hold, and each refusal becomes one line.

A line names the table (of a list, the row and its name), the key, its value, and what is needed:

    clusters[1] "batch", max is "ten": a whole number from 1 to 100,000 is needed
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from ipaddress import ip_network
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from infra.settings.errors import BadSettings

# The default of a key that must be there: it is refused like any other wrong value.
REQUIRED: Any = Field(default=None, validate_default=True)
MISSING = object()
# The type of an error that already says what is needed.
REFUSED = "refused"
# A longer value is cut where an error shows it, in characters.
LONGEST_SHOWN = 120


def refusal(needed: str, *at: str | int) -> PydanticCustomError:
    """Make the error that a validator raises.

    Args:
        needed: what would be right, as the end of a sentence: "a name is needed".
        at: the keys that lead from what is validated to what is wrong, where that lies deeper.
    """
    return PydanticCustomError(REFUSED, "{needed}", {"needed": needed, "at": at})


def needs(what: str, allows: Callable[[Any], bool] = lambda value: True) -> WrapValidator:
    """Say what is needed where a value is refused: by its type, by `allows`, or because it is null.

    What is refused within a list or a table is named by itself.
    """

    def check(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
        if value is None or not allows(value):
            raise refusal(f"{what} is needed")
        try:
            return validate(value)
        except ValidationError as error:
            if any(detail["loc"] or detail["type"] == REFUSED for detail in error.errors(include_url=False)):
                raise
            raise refusal(f"{what} is needed") from None

    return WrapValidator(check)


def whole(at_least: int, at_most: int) -> WrapValidator:
    """Allow whole numbers within these bounds."""
    return needs(
        f"a whole number from {at_least} to {at_most:,}",
        lambda value: type(value) is int and at_least <= value <= at_most,
    )


def text(pattern: str, what: str) -> WrapValidator:
    """Allow texts that `pattern` matches as a whole."""
    return needs(what, lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None)


def _is_source(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    # CloudFormation needs the length of the prefix in bits. Python also accepts a mask, or none.
    if not re.fullmatch(r"[0-9a-fA-F.:]+/\d{1,3}", value):
        return re.fullmatch(r"sg-\w+", value) is not None
    try:
        ip_network(value)
    except ValueError:
        return False
    return True


Flag = Annotated[bool, needs("true or false", lambda value: isinstance(value, bool))]
Days = Annotated[int, whole(1, 36_500)]
ContainerImage = Annotated[str, text(r"[\w./:@-]+", "a container image's name")]
# Sources that are let in: ids of security groups, and CIDR blocks.
Sources = Annotated[
    tuple[Annotated[str, needs("a security group (sg-…) or a CIDR block (10.1.0.0/16)", _is_source)], ...],
    needs('a list such as ["sg-0123", "10.1.0.0/16"]'),
]


class Table(BaseModel):
    """A table of cdk.json. Its fields are its keys; no other key is allowed."""

    model_config = ConfigDict(frozen=True)

    @classmethod
    def known_keys(cls) -> list[str]:
        """List the keys as cdk.json has them."""
        return [field.alias or name for name, field in cls.model_fields.items()]

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, given: Any) -> Any:
        known = cls.known_keys()
        if not isinstance(given, dict):
            raise refusal(f"a table with keys of {', '.join(known)} is needed")
        for key in given:
            if key not in known:
                raise refusal(f"a known key is needed, one of {', '.join(known)}", key)
        return given

    @classmethod
    def checked(cls, given: Any, where: str = "") -> Self:
        """Make the table from what cdk.json holds.

        Args:
            where: what `given` belongs to, for the errors.

        Raises:
            BadSettings: one line for each value that is wrong.
        """
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            lines = dict.fromkeys(_line(detail, given) for detail in error.errors(include_url=False))
            raise BadSettings("\n".join(f"{where}: {line}" if where else line for line in lines)) from None


def shown(value: Any) -> str:
    """Show `value` as cdk.json holds it: on one line, and cut where it is long."""
    if value is MISSING:
        return "missing"
    try:
        whole_value = json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError):
        return "too large to show"
    return _printable(whole_value if len(whole_value) <= LONGEST_SHOWN else f"{whole_value[:LONGEST_SHOWN]}…")


def _printable(words: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in words)


def _line(error: ErrorDetails, given: Any) -> str:
    """Say in one line what of `given` is wrong."""
    context = error.get("ctx", {})
    place, value = _found(given, (*error["loc"], *context.get("at", ())))
    # Every refusal says what is needed. If a model forgets to, this stands in for pydantic's wording.
    return _printable(f"{place} is {shown(value)}: {context.get('needed', 'another value is needed')}")


def _found(given: Any, way: Iterable[str | int]) -> tuple[str, Any]:
    """Follow `way` into `given`: the place that it leads to, in words, and the value there."""
    place, value = "", given
    for step in way:
        if isinstance(step, int):
            value = value[step]
            name = value.get("name") if isinstance(value, Mapping) else None
            place += f"[{step}]" + (f" {shown(name)}" if isinstance(name, str) else "")
        elif isinstance(value, Mapping):
            value = value.get(step, MISSING)
            place = ", ".join(filter(None, (place, step if re.fullmatch(r"[\w./-]{1,60}", step) else shown(step))))
        # Else it is pydantic's mark for a wrong key, whose value the step before has led to.
    return place, value
