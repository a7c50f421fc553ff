"""`steady template`: what it writes is what the CDK deploys, and can be deployed without it."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.cost.command import synthesized
from cli.deployment import CDK_JSON, read_context
from cli.main import app
from cli.template.command import write
from cli.template.synthesis import PlainTarget, synthesize
from cli.template.terraform import module

# CloudFormation: a template that is read from S3 has at most 1 MB.
LARGEST_TEMPLATE = 1_000_000


@pytest.fixture(scope="module")
def target() -> PlainTarget:
    [made] = synthesize(read_context(CDK_JSON, None))
    return made


@pytest.fixture(scope="module")
def folder(target: PlainTarget, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(target, tmp_path_factory.mktemp("template"))


def values_of(template: Any, key: str) -> Iterator[Any]:
    """Each value of `key`, anywhere in `template`."""
    for inner in template.values() if isinstance(template, dict) else template if isinstance(template, list) else ():
        yield from values_of(inner, key)
    if isinstance(template, dict) and key in template:
        yield template[key]


def without_code(template: dict[str, Any]) -> dict[str, Any]:
    resources = copy.deepcopy(template["Resources"])
    for resource in resources.values():
        resource.get("Properties", {}).pop("Code", None)
    return {name: resource for name, resource in resources.items() if resource["Type"] != "AWS::CDK::Metadata"}


def test_the_stacks_are_those_of_the_cdk(target: PlainTarget) -> None:
    by_cdk = [without_code(template) for template in synthesized(read_context(CDK_JSON, None))]
    plain = [without_code(dict(stack.template)) for stack in target.stacks]

    assert len(plain) == len(by_cdk)
    assert all(resources in by_cdk for resources in plain)


def test_each_template_deploys_without_the_cdks_bucket_and_after_what_it_imports(target: PlainTarget) -> None:
    exported: set[str] = set()
    for stack in target.stacks:
        text = json.dumps(stack.template)
        assert "bootstrap" not in text
        assert "cdk-hnb659fds" not in text
        assert len(text) < LARGEST_TEMPLATE
        assert set(values_of(stack.template, "Fn::ImportValue")) <= exported, stack.name
        exported |= {export["Name"] for export in values_of(stack.template, "Export")}
        assert stack.has_code == ("CodeBucket" in stack.template.get("Parameters", {}))
        keys = {code["S3Key"] for code in values_of(stack.template, "Code") if "S3Key" in code}
        assert keys <= {code.key for code in target.code}, stack.name


def test_the_archive_has_every_handler_at_its_top_and_is_the_same_each_time(target: PlainTarget, folder: Path) -> None:
    [code] = target.code
    names = zipfile.ZipFile(folder / code.key).namelist()

    handlers = {h for stack in target.stacks for h in values_of(stack.template, "Handler")}
    assert handlers
    assert {handler.rpartition(".")[0].replace(".", "/") + ".py" for handler in handlers} <= set(names)
    assert "boto3/__init__.py" not in names
    assert synthesize(read_context(CDK_JSON, None))[0].code == target.code


def test_the_script_pins_images_makes_roles_and_deploys_in_order(target: PlainTarget, folder: Path) -> None:
    bin_ = folder / "bin"
    bin_.mkdir()
    calls = folder / "calls"
    # The first cluster has an image already; every parameter of AWS's own can be read.
    (bin_ / "aws").write_text(
        f'#!/bin/sh\necho "$*" >> {calls}\n'
        'case "$*" in *"get-parameter --name /steady/images/batch"*) exit 0;; *"/steady/images/"*) '
        'test "$2" = put-parameter;; *list-roles*) echo 0;; *get-parameter*) echo ami-1;; esac\n'
    )
    (bin_ / "aws").chmod(0o755)
    env = {**os.environ, "PATH": f"{bin_}:{os.environ['PATH']}"}

    subprocess.run([str(folder / "deploy.sh"), "bucket"], env=env, check=True, cwd="/")

    made = calls.read_text().splitlines()
    deployed = [found[1] for call in made if (found := re.match(r"cloudformation deploy --stack-name (\S+)", call))]
    assert deployed == [stack.name for stack in target.stacks]
    assert [call.split()[3] for call in made if "put-parameter" in call] == [
        "/steady/images/train",
        "/steady/images/web",
    ]
    assert sum("create-service-linked-role" in call for call in made) == 2
    with_code = {stack.name for stack in target.stacks if stack.has_code}
    assert {call.split()[3] for call in made if "CodeBucket=bucket" in call} == with_code
    assert made[0].startswith("s3 cp"), "the code is there before a stack names it"


def test_the_script_without_a_bucket_says_how_it_is_used(folder: Path) -> None:
    done = subprocess.run([str(folder / "deploy.sh")], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (2, f"usage: {folder}/deploy.sh BUCKET\n")


def test_the_terraform_module_names_only_what_it_has(target: PlainTarget, folder: Path) -> None:
    made = json.loads((folder / "main.tf.json").read_text())
    resources = {f"{kind}.{name}" for kind, of_kind in made["resource"].items() for name in of_kind}
    stacks = made["resource"]["aws_cloudformation_stack"]

    for stack in stacks.values():
        assert set(stack.get("depends_on", ())) <= resources
    assert list(stacks) == [stack.name for stack in target.stacks]
    for source in values_of(made["resource"]["aws_s3_object"], "source"):
        assert (folder / source.removeprefix("${path.module}/")).is_file()
    text = json.dumps(made)
    for kind, name in re.findall(r"\$\{(?:data\.)?(aws_\w+)\.([\w-]+)\.", text):
        assert name in {**made["resource"].get(kind, {}), **made["data"].get(kind, {})}


def test_a_changed_template_has_another_url(target: PlainTarget) -> None:
    texts = {stack.name: "{}" for stack in target.stacks}
    before, after = (
        module(target, {**texts, "steady-state": text})["resource"]["aws_s3_object"] for text in ("{}", "{ }")
    )

    assert [name for name in before if before[name] != after[name]] == ["steady-state"]


def test_what_an_earlier_run_has_left_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = tmp_path / "steady-cluster-gone.json"
    left.write_text("{}")
    monkeypatch.chdir(tmp_path)
    clusters = [{"name": "old", "capacity": "auto-scaling-group:old"}]
    (tmp_path / "cdk.json").write_text(json.dumps({"context": {"clusters": clusters, "powertools_layer_version": 27}}))

    done = CliRunner().invoke(app, ["template", "--out", ".", "--json", "-"])

    assert done.exit_code == 0
    assert not left.exists()
    [made] = json.loads(done.stdout)["targets"]
    assert "steady-service-out" in made["stacks"]
    assert "pin_image /" not in (tmp_path / "deploy.sh").read_text()
