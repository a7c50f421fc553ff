"""Every command that the docs show runs: its options are there, its values are of their kinds, its targets exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import botocore.session
import pytest
import typer
from botocore import xform_name

from cli.doctor.findings import findings
from cli.main import app
from tests.cli.test_findings import everything_that_does_not_fit

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
# Placeholders, as a reader fills them in.
FILLED = {"URL": "https://sqs.us-east-1.amazonaws.com/1/q", "FILE|-": "-", "NAME=VALUE": "drift_seconds=10", "N": "2"}
RENAMED = {"notification-endpoint": "endpoint"}
CDK = {"bootstrap", "deploy", "destroy", "synth"}


def shown() -> Iterator[tuple[str, str]]:
    """(page, command) of every line of a code block, and of every inline code, that is one of ours or AWS's."""
    for page in PAGES:
        text = page.read_text()
        blocks = re.findall(r"^ *```\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
        lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
        inline = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
        for line in (*lines, *inline):
            for command in re.split(r" && | \| ", line.split(" #")[0]):
                words = command.strip()
                if re.match(r"(steady|make|aws|npx cdk|cdk) [a-z-]", words) and "…" not in words:
                    yield page.name, words


COMMANDS = sorted(set(shown()))


def test_there_are_commands_in_the_docs() -> None:
    for first in ("steady ", "make ", "aws ", "cdk "):
        assert any(command.startswith(first) for _, command in COMMANDS), first


@pytest.mark.parametrize(("page", "command"), [c for c in COMMANDS if c[1].startswith("steady ")])
def test_a_steady_command_is_one_that_there_is(page: str, command: str) -> None:
    command_, rest = typer.main.get_command(app), [FILLED.get(word, word) for word in shlex.split(command)[1:]]
    if rest[0].startswith("-"):
        assert rest[0] in {name for option in command_.params for name in option.opts}
        return
    while rest and hasattr(command_, "commands"):
        assert rest[0] in command_.commands, f"{page}: {command}: there is no {rest[0]}"
        command_, rest = command_.commands[rest[0]], rest[1:]
    # What is shown without its arguments names the command; with them, they have to be right.
    if rest:
        command_.make_context("steady", rest)


@pytest.mark.parametrize(("page", "command"), [c for c in COMMANDS if c[1].startswith("make ")])
def test_a_make_target_is_one_that_there_is(page: str, command: str) -> None:
    named = re.findall(r"^([a-z0-9 -]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    targets = {target for names in named for target in names.split()}

    assert command.split()[1] in targets, f"{page}: {command}"


def test_make_help_tells_of_every_target_but_those_that_others_need() -> None:
    makefile = (ROOT / "Makefile").read_text()
    [phony] = re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    told = re.findall(r"^([a-z0-9-]+):.*## \S", makefile, re.MULTILINE)

    assert set(phony.split()) - set(told) == {"chromium", "prometheus", "ortools"}


@pytest.mark.parametrize(("page", "command"), [c for c in COMMANDS if "cdk " in c[1].split(" -")[0]])
def test_a_cdk_command_is_one_that_is_used(page: str, command: str) -> None:
    assert command.removeprefix("npx ").split()[1] in CDK, f"{page}: {command}"


@pytest.mark.parametrize(("page", "command"), [c for c in COMMANDS if c[1].startswith("aws ")])
def test_an_aws_command_has_the_options_of_its_operation(page: str, command: str) -> None:
    check_aws(command)


@pytest.mark.parametrize("finding", findings(everything_that_does_not_fit()), ids=lambda finding: finding.check)
def test_the_doctors_commands_have_the_options_of_their_operations(finding: object) -> None:
    for command in re.split(r" && | \| ", str(finding.command)):  # type: ignore[attr-defined]
        if command.startswith("aws "):
            check_aws(command.split(" > ")[0])


def check_aws(command: str) -> None:
    """Whether the AWS CLI would take it: its options are the operation's members, as botocore's models name them."""
    _, service, operation, *rest = shlex.split(command)
    if service == "s3":
        # The CLI's own command, which no model has: AWS CLI Command Reference, "s3 rm".
        assert (operation, rest[1:]) == ("rm", ["--recursive"]), command
        return
    model = botocore.session.get_session().get_service_model({"s3api": "s3"}.get(service, service))
    [name] = [n for n in model.operation_names if xform_name(n, "-") == operation]
    shape = model.operation_model(name).input_shape
    assert shape
    members = {xform_name(member, "-"): shape.members[member] for member in shape.members}
    words = [word.removeprefix("--").split("=")[0] for word in rest if word.startswith("--")]
    # A flag is a member, too; and the CLI has a name of its own for one member.
    given = [RENAMED.get(word, word if word in members else word.removeprefix("no-")) for word in words]
    # The CLI's own, beside those of the operation.
    own = {"query", "output", "cli-binary-format", "region", "profile", "latest", "cli-input-json"}
    for option in given:
        assert option in members or option in own, f"{command}: --{option}"
    if "cli-input-json" not in given:
        required = {xform_name(member, "-") for member in shape.required_members}
        assert required <= set(given), f"{command}: {required - set(given)} is needed"
