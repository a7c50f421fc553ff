"""The examples in the docstrings of the pure core, and of the simulator, come out as they are written."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FUNCTIONS = ROOT / "functions"
CORE = [
    ".".join(path.relative_to(FUNCTIONS).with_suffix("").parts)
    for path in sorted((FUNCTIONS / "steady").rglob("*.py"))
    if "aws" not in path.relative_to(FUNCTIONS).parts and path.name != "__init__.py"
]

SIMULATOR = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in sorted((ROOT / "simulator").rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("module", [*CORE, *SIMULATOR])
def test_the_examples_of_a_module_come_out_as_they_are_written(module: str) -> None:
    assert doctest.testmod(importlib.import_module(module)).failed == 0


def test_the_core_has_examples() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    tests = [test for module in CORE for test in finder.find(importlib.import_module(module)) if test.examples]

    assert len(tests) >= 20
    assert len(SIMULATOR) >= 10
