"""Read the imports of a tree of Python files, without running any of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

Graph = Mapping[str, frozenset[str]]


def modules_in(root: Path, *folders: str) -> dict[str, Path]:
    """Return the modules under `folders` of `root`, by dotted name; those under `functions` lose that prefix."""
    found = {}
    for folder in folders:
        for file in sorted((root / folder).rglob("*.py")):
            parts = file.relative_to(root).with_suffix("").parts
            parts = parts[1:] if parts[0] == "functions" else parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = file
    return found


def import_graph(modules: Mapping[str, Path]) -> Graph:
    """Return which of `modules` each module imports, those within functions and under TYPE_CHECKING included."""
    return {name: frozenset(_imports(name, file, modules)) for name, file in modules.items()}


def _imports(name: str, file: Path, modules: Mapping[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (known for alias in node.names if (known := _known(alias.name, modules)))
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = name.split(".")
                package = parts if file.name == "__init__.py" else parts[:-1]
                package = package[: len(package) - node.level + 1]
                base = ".".join([*package, *([node.module] if node.module else [])])
            for alias in node.names:
                found = _known(f"{base}.{alias.name}", modules)
                if found and found != name:
                    yield found


def _known(name: str, modules: Mapping[str, Path]) -> str | None:
    """Return the module that `name` is, or is a name of; None if it is none of ours."""
    while name:
        if name in modules:
            return name
        name = name.rpartition(".")[0]
    return None


def reached_from(graph: Graph, starts: frozenset[str]) -> frozenset[str]:
    """Return all modules that `starts` import, directly or not, with the packages that hold them."""
    seen: set[str] = set()
    waiting = list(starts)
    while waiting:
        name = waiting.pop()
        if name in seen or name not in graph:
            continue
        seen.add(name)
        # Importing a module runs its packages first.
        waiting += [*graph[name], name.rpartition(".")[0]]
    return frozenset(seen)


def circles_in(graph: Graph) -> list[tuple[str, ...]]:
    """Return the groups of modules that import each other, directly or not; each group sorted."""
    reach = {name: _reached(graph, name) for name in graph}
    groups = {
        tuple(sorted({name, *(other for other in reach[name] if name in reach[other])}))
        for name in graph
        if name in reach[name]
    }
    return sorted(groups)


def _reached(graph: Graph, start: str) -> set[str]:
    seen: set[str] = set()
    waiting = list(graph[start])
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += graph.get(name, ())
    return seen
