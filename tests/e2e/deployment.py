"""The deployment by the real CDK CLI: synthesized, and deployed."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from botocore.exceptions import ClientError

from steady.names import DATABASE, IMAGES_PATH
from tests.e2e.emulators import ROOT, Emulators

WHERE = ROOT / "build" / "e2e"
ASSEMBLY = WHERE / "cdk.out"
IMAGE = "ami-12c6146b"


def deploy(emulators: Emulators, fleet_id: str) -> dict[str, dict[str, str]]:
    """Deploys the suite with a cluster of each kind, and an adopted one; returns each stack's outputs.

    No emulator's CloudFormation makes a Spot Fleet: it has the id of one that moto was asked for, `fleet_id`. Nor does
    one make Glue's database, which is made by API. Everything is deployed as it was synthesized.
    """
    WHERE.mkdir(parents=True, exist_ok=True)
    # As `steady prepare` does: AWS's own parameters are not in every emulator.
    for cluster in ("web", "batch", "stream"):
        name = f"{IMAGES_PATH}/{cluster}"
        emulators.deployed("ssm").put_parameter(Name=name, Value=IMAGE, Type="String", Overwrite=True)
    environments = {"e2e": _environment(emulators)}
    # 0: no layer; the emulator's interpreter has Powertools itself.
    context = ["-c", "env=e2e", "-c", f"environments={json.dumps(environments)}", "-c", "powertools_layer_version=0"]
    _cdk(emulators, "synth", "--quiet", *context, "--output", str(ASSEMBLY))
    emulators.hold("steady-cluster-batch", "AWS::EC2::SpotFleet", fleet_id)
    emulators.deployed("glue").create_database(DatabaseInput={"Name": DATABASE})
    synthesized = ["--app", str(ASSEMBLY)]
    _cdk(emulators, "bootstrap", "aws://000000000000/us-east-1", *synthesized)
    outputs = WHERE / "outputs.json"
    _cdk(emulators, "deploy", "--all", "--require-approval=never", "--outputs-file", str(outputs), *synthesized)
    found: dict[str, dict[str, str]] = json.loads(outputs.read_text())
    return found


def destroy(emulators: Emulators) -> None:
    """Deletes every stack of the suite, each before those that it imports from, as `make destroy` does.

    Not by the CDK's CLI: the emulator answers CREATE_COMPLETE for a moment after DeleteStack, which ends the CLI.
    """
    cloudformation = emulators.deployed("cloudformation")
    left = [s["StackName"] for s in cloudformation.describe_stacks()["Stacks"] if s["StackName"] != "CDKToolkit"]
    while left:
        before = len(left)
        for name in list(left):
            try:
                cloudformation.delete_stack(StackName=name)
            except ClientError:
                # "Export … is imported by stack …": that one goes first.
                continue
            cloudformation.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
            left.remove(name)
        assert len(left) < before, f"these stacks hold one another: {left}"


def _environment(emulators: Emulators) -> dict[str, Any]:
    ec2 = emulators.deployed("ec2")
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    subnets = {s["AvailabilityZone"]: s["SubnetId"] for s in ec2.describe_subnets()["Subnets"] if s["VpcId"] == vpc}
    zones = sorted(subnets)[:1]
    return {
        "logs": {"aggregators": {"cluster": "web", "count": 1, "allow": ["10.0.0.0/8"]}},
        "monitoring": {"scrape_only": True},
        "task_status": {},
        "task_launcher": {"roles": ["arn:aws:iam::000000000000:role/nightly"]},
        "cloudtrail_failures": True,
        "network": {"vpc": vpc, "subnets": {zone: subnets[zone] for zone in zones}},
        "clusters": [
            {"name": "web", "kind": "on-demand", "types": {"m5.large": 1}, "max": 10, "zones": zones},
            {"name": "batch", "kind": "spot-fleet", "types": {"m5.large": 1}, "max": 10, "zones": zones},
            {"name": "stream", "kind": "spot", "types": {"m5.large": 1}, "max": 10, "zones": zones},
            {"name": "old", "capacity": "auto-scaling-group:old-asg", "thresholds": {"mode": "paused"}},
        ],
    }


def _cdk(emulators: Emulators, *arguments: str) -> None:
    done = subprocess.run(
        [str(ROOT / "node_modules/.bin/cdk"), *arguments],
        cwd=ROOT,
        env=dict(emulators.env),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"cdk {arguments[0]} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
