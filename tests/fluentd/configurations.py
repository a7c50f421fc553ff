"""fluentd's YAML configurations, read with a YAML parser that knows fluentd's two tags."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[2] / "fluentd"


class _Loader(yaml.SafeLoader):
    """`!fluent/s` is a text with Ruby in it, which stays as it is; `!fluent/json` is a value of its own."""


def _value(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    return loader.construct_sequence(node, deep=True)


_Loader.add_constructor("!fluent/s", lambda loader, node: loader.construct_scalar(node))
_Loader.add_constructor("!fluent/json", _value)


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load((FOLDER / name).read_text(), Loader=_Loader)
    return found


def sections(configuration: dict[str, Any], kind: str) -> Iterator[dict[str, Any]]:
    """Every section of `kind` (source, filter, match), those within labels with their label's name in `in`."""
    for section in configuration["config"]:
        if kind in section:
            yield section[kind]
        if "label" in section:
            for inner in section["label"]["config"]:
                if kind in inner:
                    yield {**inner[kind], "in": section["label"]["$name"]}
