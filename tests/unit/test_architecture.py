"""The direction of imports, as docs/decisions/0021 describes it; each failure names the file that breaks a rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.unit.imports import Graph, circles_in, import_graph, modules_in, reached_from

ROOT = Path(__file__).parents[2]
HANDLERS = (
    "autoscaler",
    "interruption_handler",
    "log_catalog",
    "runtask_failure",
    "task_launcher",
    "task_status",
)
OURS = ("functions", "infra", "cli", "simulator", "monitoring")
LONGEST_FILE = 300

MODULES = modules_in(ROOT, *OURS)
GRAPH = import_graph(MODULES)


def within(*packages: str) -> Callable[[str], bool]:
    return lambda name: any(name == package or name.startswith(f"{package}.") for package in packages)


def is_core(name: str) -> bool:
    return within("steady")(name) and not within("steady.aws")(name)


def broken(graph: Graph, importer: Callable[[str], bool], imported: Callable[[str], bool]) -> list[str]:
    """Return `importer imports imported` for each import that must not be."""
    return [
        f"{name} imports {other}"
        for name in sorted(graph)
        if importer(name)
        for other in sorted(graph[name])
        if imported(other)
    ]


def test_the_core_knows_neither_its_callers_nor_aws() -> None:
    assert broken(GRAPH, is_core, lambda name: not is_core(name)) == []


def test_the_core_imports_no_aws_library_and_reads_no_clock() -> None:
    forbidden = {"boto3", "botocore", "aws_lambda_powertools", "os", "time", "random"}
    found = []
    for name, file in MODULES.items():
        if is_core(name):
            words = {line.split()[1].split(".")[0] for line in file.read_text().splitlines() if _is_import(line)}
            found += [f"{name} imports {word}" for word in sorted(words & forbidden)]
    assert found == []


def _is_import(line: str) -> bool:
    return line.startswith(("import ", "from "))


def test_what_is_deployed_knows_neither_infra_nor_simulator_nor_cli() -> None:
    deployed = within("steady", *HANDLERS)
    assert broken(GRAPH, deployed, within("infra", "cli", "simulator", "monitoring")) == []


def test_handlers_do_not_know_each_other() -> None:
    for handler in HANDLERS:
        others = within(*(other for other in HANDLERS if other != handler))
        assert broken(GRAPH, within(handler), others) == []


def test_steady_does_not_know_the_handlers() -> None:
    assert broken(GRAPH, within("steady"), within(*HANDLERS)) == []


@pytest.mark.parametrize("under", ["steady", "steady.aws"])
def test_service_out_and_scaling_do_not_know_each_other(under: str) -> None:
    both = within("steady.service_out", "steady.aws.service_out"), within("steady.scaling", "steady.aws.scaling")
    assert broken(GRAPH, within(f"{under}.service_out"), both[1]) == []
    assert broken(GRAPH, within(f"{under}.scaling"), both[0]) == []


def test_the_command_and_the_simulator_are_not_needed_by_the_deployment() -> None:
    assert broken(GRAPH, within("infra"), within("cli", "simulator")) == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circles_in(GRAPH) == []


def test_the_asset_holds_only_what_handlers_reach() -> None:
    deployed = modules_in(ROOT, "functions")
    starts = frozenset(f"{handler}.handler" for handler in HANDLERS)
    assert sorted(set(deployed) - reached_from(import_graph(deployed), starts)) == []


def test_every_handler_is_known_here() -> None:
    assert sorted(file.parent.name for file in (ROOT / "functions").glob("*/handler.py")) == sorted(HANDLERS)


def test_no_python_file_is_longer_than_can_be_read_at_once() -> None:
    files = [*MODULES.values(), *modules_in(ROOT, "tests").values(), ROOT / "app.py"]
    assert [str(file.relative_to(ROOT)) for file in files if lines_of(file) > LONGEST_FILE] == []


def lines_of(file: Path) -> int:
    return len(file.read_text().splitlines())


@pytest.fixture
def tree(tmp_path: Path) -> Callable[[dict[str, str]], Graph]:
    def made(files: dict[str, str]) -> Graph:
        for path, text in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        folders: Iterable[str] = {path.split("/")[0] for path in files}
        return import_graph(modules_in(tmp_path, *folders))

    return made


@pytest.mark.parametrize(
    "text",
    [
        "import steady.aws.ecs\n",
        "from steady.aws import ecs\n",
        "from steady.aws.ecs import drain\n",
        "from .aws import ecs\n",
        "def f():\n    from steady.aws.ecs import drain\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from steady.aws.ecs import drain\n",
    ],
)
def test_an_import_in_any_form_is_seen(tree: Callable[[dict[str, str]], Graph], text: str) -> None:
    graph = tree({"functions/steady/core.py": text, "functions/steady/aws/ecs.py": "drain = 1\n"})

    assert broken(graph, is_core, within("steady.aws")) == ["steady.core imports steady.aws.ecs"]


def test_a_circle_of_three_is_seen_and_a_diamond_is_none(tree: Callable[[dict[str, str]], Graph]) -> None:
    files = {"a/x.py": "import a.y\n", "a/y.py": "from a import z\n", "a/z.py": "\n", "a/w.py": "from a import x, z\n"}
    assert circles_in(tree(files)) == []

    assert circles_in(tree({**files, "a/z.py": "from a.x import name\n"})) == [("a.x", "a.y", "a.z")]


def test_a_module_that_no_handler_reaches_is_seen(tree: Callable[[dict[str, str]], Graph]) -> None:
    graph = tree(
        {"h/handler.py": "from s.used import x\n", "s/__init__.py": "\n", "s/used.py": "\n", "s/left.py": "\n"}
    )

    assert sorted(set(graph) - reached_from(graph, frozenset({"h.handler"}))) == ["s.left"]
