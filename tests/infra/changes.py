"""What CloudFormation would do with the templates of today where those of before are deployed.

Which properties replace a resource is said by CloudFormation's own resource schemas (`createOnlyProperties`), which
cfn-lint brings. Beyond them, AWS's user guide says that a Spot Fleet's launch template configurations replace it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import aws_cdk as cdk
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from infra import stacks
from tests.infra.made_clusters import CONTEXT, EXAMPLE

Templates = Mapping[str, Mapping[str, Any]]

FLEET = "AWS::EC2::SpotFleet"
TEMPLATE = "AWS::EC2::LaunchTemplate"
REVISED = "AWS::ECS::TaskDefinition"
OF_FLEETS = ("/properties/SpotFleetRequestConfigData/LaunchTemplateConfigs",)
# What holds data, runs, or is the place of what runs.
LASTING = (
    "AWS::AutoScaling::AutoScalingGroup",
    "AWS::DynamoDB::Table",
    "AWS::EC2::NatGateway",
    "AWS::EC2::SecurityGroup",
    FLEET,
    "AWS::EC2::Subnet",
    "AWS::EC2::VPC",
    "AWS::ECS::Cluster",
    "AWS::ECS::Service",
    "AWS::EFS::AccessPoint",
    "AWS::EFS::FileSystem",
    "AWS::EFS::MountTarget",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::ElasticLoadBalancingV2::TargetGroup",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
    "AWS::SecretsManager::Secret",
)


def templates_of(**settings: Any) -> dict[str, dict[str, Any]]:
    """Synthesize the example of cdk.json with other settings; return each stack's template by its name."""
    # As text, in the order of the settings: a deployment that was synthesized before is the same again.
    found: dict[str, dict[str, Any]] = json.loads(_synthesized(json.dumps(settings)))
    return found


@cache
def _synthesized(settings: str) -> str:
    example = {**EXAMPLE, **json.loads(settings)}
    app = cdk.App(context={**CONTEXT, "environments": {"example": example}})
    stacks.add_to(app)
    return json.dumps({stack.stack_name: stack.template for stack in app.synth().stacks})


def replaced(before: Templates, after: Templates) -> list[str]:
    """List the resources that CloudFormation would replace: it makes another one, and removes the one that is there.

    A task definition is left out: another one is its next revision, to which ECS rolls the service. Each change of a
    file that a container unpacks, such as a dashboard, makes one (infra/packed_files.py).
    """
    return [
        f"{stack} {name}: {way}"
        for stack, name, old, new in _both(before, after)
        for way in _ways(old["Type"])
        if old["Type"] != REVISED and _at(old, way) != _at(new, way)
    ] + [
        f"{stack} {name}: its launch template changes"
        for stack, name, old, _ in _both(before, after)
        if old["Type"] == FLEET and _launches(before[stack], "ami-1") != _launches(after[stack], "ami-2")
    ]


def removed(before: Templates, after: Templates) -> list[str]:
    """List the lasting resources that a stack would remove; a stack that no template is for stays as it is."""
    return [
        f"{stack} {name}"
        for stack in before.keys() & after.keys()
        for name, old in before[stack]["Resources"].items()
        if old["Type"] in LASTING and name not in after[stack]["Resources"]
    ]


def lost_exports(before: Templates, after: Templates) -> set[str]:
    """Return the exports in use that would go: CloudFormation refuses that, and undoes the stack's update."""
    imported = set(re.findall(r'"Fn::ImportValue": "([^"]+)"', json.dumps(before)))
    exported = {
        output["Export"]["Name"]
        for stack in {**before, **after}
        for output in (after if stack in after else before)[stack].get("Outputs", {}).values()
        if "Export" in output
    }
    return imported - exported


def _both(before: Templates, after: Templates) -> Iterator[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    for stack in sorted(before.keys() & after.keys()):
        for name, old in before[stack]["Resources"].items():
            new = after[stack]["Resources"].get(name)
            if new is not None:
                yield stack, name, old, new


@cache
def _ways(type_: str) -> tuple[str, ...]:
    if type_ == "AWS::CDK::Metadata":
        return ()
    schema: Any = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", type_).schema
    return (*schema.get("createOnlyProperties", ()), *(OF_FLEETS if type_ == FLEET else ()))


def _at(resource: Mapping[str, Any], way: str) -> str:
    value: Any = resource.get("Properties", {})
    for step in way.removeprefix("/properties/").split("/"):
        value = value.get(step) if isinstance(value, dict) else None
    return json.dumps(value, sort_keys=True)


def _launches(template: Mapping[str, Any], newest: str) -> str:
    """Return what a stack's launch templates say, with the AMI that each parameter stands for.

    Args:
        newest: what a parameter of AWS's stands for; one of ours stands for what is deployed (`steady prepare`).
    """
    launched = [r["Properties"] for r in template["Resources"].values() if r["Type"] == TEMPLATE]
    found = json.dumps(launched, sort_keys=True)
    for name, parameter in template.get("Parameters", {}).items():
        if parameter["Type"] == "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>":
            image = newest if parameter["Default"].startswith("/aws/") else "ami-1"
            found = found.replace(json.dumps({"Ref": name}), json.dumps(image))
    return found
