"""The suite's templates as plain CloudFormation: without the CDK's bucket, and without what only its CLI needs."""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import aws_cdk as cdk

    from infra.settings.target import Target

# The parameter of a stack that has functions: the bucket that holds their code.
CODE_BUCKET = "CodeBucket"


@dataclass(frozen=True, slots=True)
class PlainStack:
    """A stack, and its template.

    Attributes:
        needs: the names of the stacks that have to be deployed before.
    """

    name: str
    template: Mapping[str, Any]
    needs: tuple[str, ...]

    @property
    def has_code(self) -> bool:
        """Whether it takes the parameter `CodeBucket`."""
        return CODE_BUCKET in self.template.get("Parameters", {})


@dataclass(frozen=True, slots=True)
class Code:
    """The functions' code: the content of the ZIP archive, and the key at which the templates expect it."""

    key: str
    content: bytes


@dataclass(frozen=True, slots=True)
class PlainTarget:
    """What is deployed to one target.

    Attributes:
        name: "" if it has none.
        stacks: each after those that it needs.
        images: the SSM parameter with which AWS names the newest image of each made pool, by `web` or `web/gpu`.
        has_spot: whether Spot Instances are made, for which EC2 needs roles.
    """

    name: str
    stacks: tuple[PlainStack, ...]
    code: tuple[Code, ...]
    images: Mapping[str, str]
    has_spot: bool


def synthesize(context: Mapping[str, Any]) -> tuple[PlainTarget, ...]:
    """Return the targets that the `context` of cdk.json describes. Needs Node.

    Raises:
        infra.settings.errors.BadSettings: if the context holds something that cannot be deployed.
    """
    # The CDK takes a second to start, and the other commands do not need it.
    import aws_cdk as cdk
    from aws_cdk import aws_lambda

    from infra import stacks
    from infra.settings.target import targets_in

    described = targets_in(dict(context))
    with tempfile.TemporaryDirectory() as folder:
        synthesizer = cdk.DefaultStackSynthesizer(
            file_assets_bucket_name=f"${{{CODE_BUCKET}}}", generate_bootstrap_version_rule=False
        )
        app = cdk.App(
            context=dict(context), outdir=folder, analytics_reporting=False, default_stack_synthesizer=synthesizer
        )
        targets = stacks.add_to(app)
        made = [stack for stack in app.node.find_all() if isinstance(stack, cdk.Stack)]
        for stack in made:
            if any(isinstance(child, aws_lambda.CfnFunction) for child in stack.node.find_all()):
                cdk.CfnParameter(stack, CODE_BUCKET, description="The bucket that holds the functions' code.")
        app.synth()
        return tuple(
            _plain(Path(folder), [one for one in made if one.node.scope is target.state.node.scope], of)
            for target, of in zip(targets, described, strict=True)
        )


def _plain(folder: Path, made: list[cdk.Stack], described: Target) -> PlainTarget:
    by_name = {stack.stack_name: stack for stack in sorted(made, key=lambda one: one.stack_name)}
    needs = {name: tuple(sorted(one.stack_name for one in stack.dependencies)) for name, stack in by_name.items()}
    plain = tuple(
        PlainStack(name, json.loads((folder / by_name[name].template_file).read_text()), needs[name])
        for name in TopologicalSorter(needs).static_order()
    )
    code: dict[str, Code] = {}
    for stack in made:
        manifest = json.loads((folder / stack.template_file.replace(".template.json", ".assets.json")).read_text())
        for file in manifest["files"].values():
            if file["source"]["packaging"] == "zip":
                [destination] = file["destinations"].values()
                key = destination["objectKey"]
                if key not in code:
                    code[key] = Code(key, _zipped(folder / file["source"]["path"]))
    images = {pool.image: pool.made.ami.parameter for pool in described.settings.made_pools}
    return PlainTarget(described.name, plain, tuple(code.values()), images, described.settings.has_spot)


def _zipped(folder: Path) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                # Without the file's time: the same files make the same archive.
                entry = zipfile.ZipInfo(path.relative_to(folder).as_posix())
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return content.getvalue()
