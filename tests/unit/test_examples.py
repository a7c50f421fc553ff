"""The examples in the docstrings of the pure core come out as they are written."""

import doctest
import importlib
from pathlib import Path

import pytest

FUNCTIONS = Path(__file__).parents[2] / "functions"
CORE = [
    ".".join(path.relative_to(FUNCTIONS).with_suffix("").parts)
    for path in sorted((FUNCTIONS / "steady").rglob("*.py"))
    if "aws" not in path.relative_to(FUNCTIONS).parts and path.name != "__init__.py"
]


@pytest.mark.parametrize("module", CORE)
def test_the_examples_of_a_module_come_out_as_they_are_written(module: str) -> None:
    assert doctest.testmod(importlib.import_module(module)).failed == 0


def test_the_core_has_examples() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    tests = [test for module in CORE for test in finder.find(importlib.import_module(module)) if test.examples]

    assert len(tests) >= 20
