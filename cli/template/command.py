"""`steady template`: plain CloudFormation templates of the deployment, for those who do not use the CDK."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from cli.deployment import CDK_JSON, EnvOption, FileOption, read_context, read_targets
from cli.output import JsonOption, say, write_json
from cli.template import deploy_script, terraform
from cli.template.synthesis import PlainTarget, synthesize
from simulator.wording import counted

OutOption = Annotated[Path, typer.Option("--out", help="The folder to write into; each target has one of its own.")]
OUT = Path("build/template")


def template(
    out: OutOption = OUT,
    env: EnvOption = None,
    cdk_json: FileOption = CDK_JSON,
    json_: JsonOption = None,
) -> None:
    """Write plain CloudFormation templates, the functions' code, a deploy.sh, and a Terraform module.

    It needs Node, and no AWS account. To deploy what it writes needs neither Node nor the CDK.

    Exit code 2: cdk.json is wrong.
    """
    read_targets(cdk_json, env)
    targets = synthesize(read_context(cdk_json, env))
    folders = [write(target, out / target.name) for target in targets]
    stacks = [[stack.name for stack in target.stacks] for target in targets]
    write_json({"targets": [{"folder": str(f), "stacks": s} for f, s in zip(folders, stacks, strict=True)]}, json_)
    if json_ == "-":
        return
    for folder, names in zip(folders, stacks, strict=True):
        say(f"{folder}: {counted(len(names), 'stack')}; deploy with {folder}/deploy.sh BUCKET")


def write(target: PlainTarget, folder: Path) -> Path:
    """Write everything of `target` into `folder`, without what an earlier run has left there, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in (*folder.glob("steady-*.json"), *folder.glob("*.zip")):
        left.unlink()
    # Without white space: Terraform and CloudFormation bound a template's length.
    texts = {stack.name: json.dumps(stack.template, separators=(",", ":")) for stack in target.stacks}
    for name, text in texts.items():
        (folder / f"{name}.json").write_text(text)
    for code in target.code:
        (folder / code.key).write_bytes(code.content)
    (folder / "deploy.sh").write_text(deploy_script.script(target))
    (folder / "deploy.sh").chmod(0o755)
    (folder / "main.tf.json").write_text(json.dumps(terraform.module(target, texts), indent=2) + "\n")
    return folder
