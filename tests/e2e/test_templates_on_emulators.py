"""The plain templates, deployed by boto3 alone on local emulators: no CDK, no Node, no bootstrap stack."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from cli.template.synthesis import CODE_BUCKET, PlainTarget, synthesize
from tests.e2e import seed
from tests.e2e.acts import eventually, put_event, status
from tests.e2e.emulators import Emulators, started

pytestmark = pytest.mark.e2e

BUCKET = "code"


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulators]:
    with started(tmp_path_factory.mktemp("fresh-emulators")) as running:
        yield running


def deploy(emulators: Emulators, target: PlainTarget) -> None:
    s3, cloudformation = emulators.deployed("s3"), emulators.deployed("cloudformation")
    s3.create_bucket(Bucket=BUCKET)
    for code in target.code:
        s3.put_object(Bucket=BUCKET, Key=code.key, Body=code.content)
    for stack in target.stacks:
        parameters = [{"ParameterKey": CODE_BUCKET, "ParameterValue": BUCKET}] if stack.has_code else []
        cloudformation.create_stack(
            StackName=stack.name,
            TemplateBody=json.dumps(stack.template),
            Parameters=parameters,
            Capabilities=["CAPABILITY_IAM"],
        )
        cloudformation.get_waiter("stack_create_complete").wait(StackName=stack.name, WaiterConfig={"Delay": 1})


def test_the_suite_is_deployed_and_drains_an_instance_that_ec2_takes_back(fresh: Emulators) -> None:
    spot = seed.spot_cluster(fresh, "batch")
    clusters = [{"name": "batch", "capacity": f"spot-fleet:{spot.fleet_id}"}]
    # 0: no layer; the emulator's interpreter has Powertools itself.
    [target] = synthesize({"clusters": clusters, "powertools_layer_version": 0})

    deploy(fresh, target)

    stacks = {s["StackName"] for s in fresh.deployed("cloudformation").describe_stacks()["Stacks"]}
    assert stacks == {stack.name for stack in target.stacks}
    detail = {"instance-id": spot.instance_id, "instance-action": "terminate"}
    put_event(fresh, "EC2 Spot Instance Interruption Warning", "aws.ec2", detail)
    eventually("the instance is DRAINING", lambda: status(fresh, spot.container_instance_arn) == "DRAINING")
