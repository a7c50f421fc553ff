"""Values as botocore's models allow them: each optional member present and missing, each enum value, odd sizes."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import botocore.session
from botocore.model import Shape, StructureShape
from hypothesis import strategies as st

# Lists and maps stay short: what matters is which members are there.
MOST = 2
TEXTS = (
    "",
    "a",
    "app",
    "ALL",
    "0",
    "2",
    "service:api",
    "family:x",
    "$.x",
    "é",
    "x" * 300,
    "ElasticNetworkInterface",
    "privateIPv4Address",
    "10.0.0.1",
)
NUMBERS = (0, 1, 30, 8080, 2**31)


@functools.cache
def shape_of(service: str, name: str) -> Shape:
    """Return the shape `name` of botocore's model of `service`, such as `ecs` and `TaskDefinition`."""
    return botocore.session.get_session().get_service_model(service).shape_for(name)


def values_of(service: str, name: str, **fixed: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy for values of a structure; members in `fixed` are always there, and as given."""
    shape = shape_of(service, name)
    assert isinstance(shape, StructureShape)
    return _structure(shape, fixed)


def _structure(
    shape: StructureShape, fixed: Mapping[str, st.SearchStrategy[Any]] | None = None
) -> st.SearchStrategy[dict[str, Any]]:
    given = dict(fixed or {})
    # A response's members are never required: AWS leaves out what does not apply.
    optional = {name: _values(member) for name, member in shape.members.items() if name not in given}
    return st.fixed_dictionaries(given, optional=optional)


@functools.cache
def _values(shape: Shape) -> st.SearchStrategy[Any]:
    kind = shape.type_name
    if kind == "structure":
        return st.deferred(lambda: _structure(shape))  # type: ignore[arg-type]
    if kind == "list":
        return st.lists(_values(shape.member), max_size=MOST)  # type: ignore[attr-defined]
    if kind == "map":
        return st.dictionaries(_values(shape.key), _values(shape.value), max_size=MOST)  # type: ignore[attr-defined]
    if kind == "string":
        return st.sampled_from(shape.enum or TEXTS)  # type: ignore[attr-defined]
    if kind in ("integer", "long"):
        return st.sampled_from(NUMBERS)
    if kind in ("double", "float"):
        return st.floats(0, 100)
    if kind == "boolean":
        return st.booleans()
    assert kind == "timestamp", kind
    return st.just(datetime(2026, 1, 1, tzinfo=UTC))
