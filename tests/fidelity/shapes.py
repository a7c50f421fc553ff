"""Check an answer against botocore's model of the operation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any

import botocore.session
from botocore.model import Shape

# The Python types of each type of a shape (botocore's parsers make these).
TYPES: Mapping[str, tuple[type, ...]] = {
    "structure": (Mapping,),
    "map": (Mapping,),
    "list": (list, tuple),
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "boolean": (bool,),
    "double": (int, float),
    "float": (int, float),
    "timestamp": (datetime,),
    "blob": (bytes,),
}


def problems_of(name: str, answer: Mapping[str, Any]) -> Iterator[str]:
    """Yield one line for each thing in the `answer` to the call `name` (`service:Action`) that no SDK would return."""
    shape = _output_of(name)
    if shape is not None:
        yield from _problems(shape, answer, name)
    elif answer:
        yield f"{name}: nothing is returned by AWS, {sorted(answer)} is here"


@cache
def _output_of(name: str) -> Shape | None:
    service, _, operation = name.partition(":")
    return _models(service).operation_model(operation).output_shape


@cache
def _models(service: str) -> Any:
    return botocore.session.Session().get_service_model(service)


def _problems(shape: Any, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, TYPES[shape.type_name]) or (isinstance(value, bool) and shape.type_name != "boolean"):
        yield f"{path} is a {type(value).__name__}, not a {shape.type_name}"
    elif shape.type_name == "structure":
        for name, member in value.items():
            if name in shape.members:
                yield from _problems(shape.members[name], member, f"{path}.{name}")
            else:
                yield f"{path}.{name} is no member"
        yield from (
            f"{path}.{name} is required, and is missing" for name in shape.required_members if name not in value
        )
    elif shape.type_name == "list":
        for member in value:
            yield from _problems(shape.member, member, f"{path}[]")
    elif shape.type_name == "map":
        for key, member in value.items():
            yield from _problems(shape.value, member, f"{path}[{key}]")
    elif shape.type_name == "string" and shape.enum and value not in shape.enum:
        yield f"{path} is {value}, which is not in the enumeration"
