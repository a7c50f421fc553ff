"""From the release before to today's, stack by stack: what operators have set holds, and nothing that runs is replaced.

The templates of the release before are in tests/infra/previous_release, as its `cdk deploy` sent them. Its code is not
kept: today's stands where its templates expect it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest

from cli.template.synthesis import CODE_BUCKET, PlainTarget, synthesize
from tests.e2e import seed
from tests.e2e.acts import eventually, put_event, status, steady
from tests.e2e.emulators import ROOT, Emulators, started
from tests.infra.changes import LASTING

pytestmark = pytest.mark.e2e

BEFORE = ROOT / "tests" / "infra" / "previous_release"
BUCKET = "cdk-hnb659fds-assets-000000000000-us-east-1"
IMAGES = ("", "gpu/")
# What operators have set: a default and a cluster's value that the deployment owned, and one of each that it did not.
OPERATORS = {
    "defaults/mode": "dry-run",
    "defaults/drift_seconds": "45",
    "clusters/web/mode": "paused",
    "clusters/web/max_capacity": "37",
    "clusters/batch/mode": "active",
}
Stacks = Mapping[str, Mapping[str, Any]]


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulators]:
    with started(tmp_path_factory.mktemp("upgrade-emulators")) as running:
        yield running


@pytest.fixture(scope="module")
def cdk_json(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, as the changelog and `steady upgrade` say that it has to be."""
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    rows = {row["name"]: row for row in context["environments"]["example"]["clusters"]}
    rows["batch"] |= {"kind": "spot-fleet", "keep_order": True}
    rows["train"] |= {"keep_order": True}
    file = tmp_path_factory.mktemp("deployment") / "cdk.json"
    # 0: no layer; the emulator's interpreter has Powertools itself.
    file.write_text(json.dumps({"context": {**context, "powertools_layer_version": 0}}))
    return file


@pytest.fixture(scope="module")
def target(cdk_json: Path) -> PlainTarget:
    """Today's templates."""
    [found] = synthesize(json.loads(cdk_json.read_text())["context"])
    return found


@pytest.fixture(scope="module")
def spot(fresh: Emulators, target: PlainTarget) -> seed.SpotCluster:
    """The account with the release before, and what operators have set since; the cluster `batch` of it."""
    seed.on_demand_cluster(fresh, "web", instances=1)
    made = seed.spot_cluster(fresh, "batch")
    fresh.hold("steady-cluster-batch", "AWS::EC2::SpotFleet", made.fleet_id)
    ssm = fresh.deployed("ssm")
    for name, value in {
        "/cdk-bootstrap/hnb659fds/version": "21",
        **{f"/aws/service/ecs/optimized-ami/amazon-linux-2023/{i}recommended/image_id": seed.IMAGE for i in IMAGES},
    }.items():
        ssm.put_parameter(Name=name, Value=value, Type="String", Overwrite=True)
    templates = {f"steady-{file.stem}": json.loads(file.read_text()) for file in BEFORE.glob("*.json")}
    _upload(fresh, target, set(re.findall(r"[0-9a-f]{64}\.zip", json.dumps(templates))))
    for name in _in_order(templates):
        _deploy(fresh, name, _without_layers(templates[name]), "create")
    for path, value in OPERATORS.items():
        ssm.put_parameter(Name=f"/steady/{path}", Value=value, Type="String", Overwrite=True)
    return made


def test_an_upgrade_keeps_what_operators_have_set_and_replaces_nothing_that_runs(
    fresh: Emulators, spot: seed.SpotCluster, target: PlainTarget, cdk_json: Path
) -> None:
    assert spot
    before, settings = _lasting(fresh), _settings(fresh)
    assert len(before) > 50
    assert settings["web"]["max_capacity"] == 37

    said = json.loads(steady(fresh, "upgrade", "--json", "-").stdout)
    assert {row["parameter"] for row in said["kept"]} == {
        f"/steady/{path}" for path in ("defaults/mode", "defaults/drift_seconds", "clusters/web/max_capacity")
    }
    assert said["cdk.json"] == [f'in the row of the cluster {name}: "keep_order": true' for name in ("batch", "train")]
    steady(fresh, "prepare", "--cdk-json", str(cdk_json))
    _upload(fresh, target, {code.key for code in target.code})
    deployed = {s["StackName"] for s in fresh.deployed("cloudformation").describe_stacks()["Stacks"]}
    for stack in target.stacks:
        _deploy(fresh, stack.name, stack.template, "update" if stack.name in deployed else "create")

    after = _lasting(fresh)
    assert {name: after.get(name) for name in before} == before
    assert _settings(fresh) == settings
    # Each of them is the operators' own now: no later deployment sends another value.
    assert not {f"/steady/{path}" for path in OPERATORS} & {
        r["PhysicalResourceId"] for r in _resources(fresh) if r["ResourceType"] == "AWS::SSM::Parameter"
    }


def test_the_emulators_stacks_are_updated_as_cloudformation_documents_it(fresh: Emulators) -> None:
    """Without it the test of the upgrade would see less, or more, than there is."""
    ssm, sqs = fresh.deployed("ssm"), fresh.deployed("sqs")

    def parameter(name: str) -> dict[str, Any]:
        return {"Type": "AWS::SSM::Parameter", "Properties": {"Name": f"/try/{name}", "Type": "String", "Value": "1"}}

    def queue(name: str) -> dict[str, Any]:
        return {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name}}

    kept = {**parameter("kept"), "DeletionPolicy": "Retain"}
    first = {"Gone": parameter("gone"), "Kept": kept, "Same": parameter("same"), "Queue": queue("one")}
    _deploy(fresh, "try", {"Resources": first}, "create")
    ssm.put_parameter(Name="/try/same", Value="an operator's", Overwrite=True)
    _deploy(fresh, "try", {"Resources": {"Same": first["Same"], "Queue": queue("another")}}, "update")

    left = {p["Name"]: p["Value"] for p in ssm.get_parameters_by_path(Path="/try")["Parameters"]}
    assert left == {"/try/kept": "1", "/try/same": "an operator's"}
    names = {url.rsplit("/", 1)[-1] for url in sqs.list_queues()["QueueUrls"]}
    assert "another" in names
    assert "one" not in names, "a queue of another name is another queue"


def test_the_upgraded_functions_drain_what_ec2_takes_back(fresh: Emulators, spot: seed.SpotCluster) -> None:
    detail = {"instance-id": spot.instance_id, "instance-action": "terminate"}
    put_event(fresh, "EC2 Spot Instance Interruption Warning", "aws.ec2", detail)

    eventually("the instance is DRAINING", lambda: status(fresh, spot.container_instance_arn) == "DRAINING")


def _in_order(templates: Stacks) -> list[str]:
    """The names of the stacks, each after those that it imports from."""
    exporters = {
        output["Export"]["Name"]: name
        for name, template in templates.items()
        for output in template.get("Outputs", {}).values()
        if "Export" in output
    }
    needs = {
        name: {exporters[one] for one in re.findall(r'"Fn::ImportValue": "([^"]+)"', json.dumps(template))}
        for name, template in templates.items()
    }
    return list(TopologicalSorter(needs).static_order())


def _without_layers(template: dict[str, Any]) -> dict[str, Any]:
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Lambda::Function":
            resource["Properties"].pop("Layers", None)
    return template


def _upload(emulators: Emulators, target: PlainTarget, keys: set[str]) -> None:
    s3 = emulators.deployed("s3")
    s3.create_bucket(Bucket=BUCKET)
    [code] = target.code
    for key in keys:
        s3.put_object(Bucket=BUCKET, Key=key, Body=code.content)


def _deploy(emulators: Emulators, name: str, template: Mapping[str, Any], way: str) -> None:
    cloudformation = emulators.deployed("cloudformation")
    body = json.dumps(template, separators=(",", ":"))
    has_code = CODE_BUCKET in template.get("Parameters", {})
    given = [{"ParameterKey": CODE_BUCKET, "ParameterValue": BUCKET}] if has_code else []
    call = getattr(cloudformation, f"{way}_stack")
    call(StackName=name, TemplateBody=body, Parameters=given, Capabilities=["CAPABILITY_NAMED_IAM"])
    cloudformation.get_waiter(f"stack_{way}_complete").wait(StackName=name, WaiterConfig={"Delay": 1})


def _resources(emulators: Emulators) -> Iterator[dict[str, Any]]:
    cloudformation = emulators.deployed("cloudformation")
    for stack in cloudformation.describe_stacks()["Stacks"]:
        yield from cloudformation.describe_stack_resources(StackName=stack["StackName"])["StackResources"]


def _lasting(emulators: Emulators) -> dict[str, str]:
    """The physical id of each thing that holds data, runs, or is the place of what runs."""
    return {
        f"{r['StackName']} {r['LogicalResourceId']}": r["PhysicalResourceId"]
        for r in _resources(emulators)
        if r["ResourceType"] in LASTING
    }


def _settings(emulators: Emulators) -> dict[str, dict[str, Any]]:
    """The values that hold for each cluster."""
    return {
        cluster: {
            row["name"]: row["value"]
            for row in json.loads(steady(emulators, "config", "show", cluster, "--json", "-").stdout)["thresholds"]
        }
        for cluster in ("web", "batch", "train")
    }
