"""The deployment as cdk.json describes it, for the commands that prepare one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.output import fail

if TYPE_CHECKING:
    from infra.settings.target import Target

EnvOption = Annotated[str | None, typer.Option("--env", help="The environment of cdk.json (default: its own env).")]
FileOption = Annotated[Path, typer.Option("--cdk-json", help="The file with the deployment's context.")]
CDK_JSON = Path("cdk.json")


def read_targets(file: Path, env: str | None) -> tuple[Target, ...]:
    """Return the targets of an environment of `file`. If it cannot be read, or is wrong, end the command."""
    # Node 20 is enough for the CDK, which otherwise says in twenty lines at each run how old it is.
    os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")
    # The CDK takes a second to start, and the other commands do not need it.
    from infra.settings.errors import BadSettings
    from infra.settings.target import targets_in

    try:
        return targets_in(read_context(file, env))
    except BadSettings as error:
        fail(f"{file}: {error}")


def read_context(file: Path, env: str | None) -> dict[str, Any]:
    """Return the context of `file`, with the environment that it picks. If it cannot be read, end the command."""
    try:
        context: dict[str, Any] = json.loads(file.read_text())["context"]
    except (KeyError, ValueError) as error:
        fail(f"{file} has no context that can be read: {error}")
    return {**context, **({"env": env} if env else {})}
