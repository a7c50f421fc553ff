"""Run ministack with CloudFormation as AWS documents it, where the emulator does otherwise. A script, not a module.

What is changed, with its source in the CloudFormation User Guide:

- A resource that a template retains is not deleted ("DeletionPolicy attribute", "UpdateReplacePolicy attribute"). What
  a stack update removes is deleted by the policy that the resource had before.
- Only a property that requires it replaces a resource ("Update behaviors of stack resources"): those are the
  `createOnlyProperties` of CloudFormation's own schemas, which cfn-lint brings. Any other change leaves the resource
  its physical id. The emulator makes some kinds anew.
- A stack is found by a resource's physical id (API, DescribeStackResources).
- Kinds that the emulator does not have are kept by their id and nothing else: stacks that hold them can be deployed and
  updated whole. The file HELD_IDS gives some of them an id of another emulator's.
"""

from __future__ import annotations

import json
import os
import sys
import uuid
from functools import cache
from pathlib import Path
from typing import Any

# The folder of the script: its modules are none of the emulator's.
sys.path.pop(0)

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER
from ministack.app import main
from ministack.core.responses import now_iso
from ministack.services import cloudformation, ec2
from ministack.services.cloudformation import handlers, provisioners, stacks
from ministack.services.cloudformation.helpers import _error, _p

RETAINED = ("Retain", "RetainExceptOnCreate")
# How the ids of each kind begin, or the property that is its id.
HELD = {
    "AWS::Athena::NamedQuery": "",
    "AWS::Athena::WorkGroup": "Name",
    "AWS::EC2::EIP": "eipalloc-",
    "AWS::EC2::FlowLog": "fl-",
    "AWS::EC2::NatGateway": "nat-",
    "AWS::EC2::SecurityGroupIngress": "sgr-",
    "AWS::EC2::SpotFleet": "sfr-",
    "AWS::EFS::AccessPoint": "fsap-",
    "AWS::EFS::FileSystem": "fs-",
    "AWS::EFS::MountTarget": "fsmt-",
    "AWS::Glue::Database": "",
    "AWS::ServiceDiscovery::PrivateDnsNamespace": "ns-",
    "AWS::ServiceDiscovery::Service": "srv-",
}
TEMPLATE = "AWS::EC2::LaunchTemplate"
Made = tuple[str, dict[str, Any]]
delete_now, update_now = stacks._delete_resource, stacks._update_resource
describe_now = handlers._describe_stack_resources


def policy_of(stack: str | None, logical_id: str | None, policy: str) -> str:
    """The policy that a resource has in the template with which its stack is deployed now."""
    deployed = cloudformation._stacks.get(stack, {}).get("_template") or {}
    return str(deployed.get("Resources", {}).get(logical_id, {}).get(policy, ""))


def delete(kind: str, id_: str, properties: Any, stack: str | None = None, logical_id: str | None = None) -> None:
    if policy_of(stack, logical_id, "DeletionPolicy") not in RETAINED:
        delete_now(kind, id_, properties, stack, logical_id)


def update(
    kind: str, id_: str, old: Any, new: Any, stack: str, logical_id: str | None = None, attributes: Any = None
) -> Made:
    ways = [way for way in create_only(kind) if at(old, way) != at(new, way)]
    if ways and old != new:
        return replace(kind, id_, old, new, stack, logical_id or id_, ways)
    found, updated = update_now(kind, id_, old, new, stack, logical_id, attributes)
    if found != id_:
        raise ValueError(f"the emulator makes {kind} {id_} anew: it needs a handler here")
    return found, updated


def replace(kind: str, id_: str, old: Any, new: Any, stack: str, logical_id: str, ways: list[str]) -> Made:
    made: Made = provisioners._provision_resource(kind, logical_id, new, stack)
    if made[0] == id_:
        named = "CloudFormation cannot update a stack when a custom-named resource requires replacing"
        raise ValueError(f"{named}: {logical_id}, {', '.join(ways)}")
    if policy_of(stack, logical_id, "UpdateReplacePolicy") not in RETAINED:
        delete_now(kind, id_, old, stack, logical_id)
    return made


@cache
def create_only(kind: str) -> tuple[str, ...]:
    if kind == "AWS::CDK::Metadata" or kind.startswith(("Custom::", "AWS::CloudFormation::")):
        return ()
    schema: Any = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    # EC2 User Guide: of a fleet's request, only the target capacity can be changed.
    fleets = ("/properties/SpotFleetRequestConfigData/LaunchTemplateConfigs",) if kind == "AWS::EC2::SpotFleet" else ()
    return (*schema.get("createOnlyProperties", ()), *fleets)


def at(value: Any, way: str) -> str:
    for step in way.removeprefix("/properties/").split("/"):
        value = value.get(step) if isinstance(value, dict) else None
    return json.dumps(value, sort_keys=True)


def hold(kind: str) -> dict[str, Any]:
    """Handlers of a kind of which the emulator keeps no more than the id."""

    def create(logical_id: str, properties: dict[str, Any], stack: str) -> Made:
        file = Path(os.environ["HELD_IDS"])
        given = json.loads(file.read_text()) if file.exists() else {}
        prefix = HELD[kind]
        name = properties.get(prefix) or properties.get("DatabaseInput", {}).get("Name")
        return given.get(f"{stack} {kind}") or name or f"{prefix}{uuid.uuid4()}", {}

    def updated(id_: str, old: Any, new: Any, stack: str) -> Made:
        return id_, {}

    return {"create": create, "update": updated, "delete": lambda id_, properties: None}


def update_launch_template(id_: str, old: Any, new: Any, stack: str) -> Made:
    """A change of a launch template makes another version of it (CloudFormation, AWS::EC2::LaunchTemplate)."""
    template = ec2._launch_templates[id_]
    number = template["LatestVersionNumber"] + 1
    template["LatestVersionNumber"] = number
    template["Versions"].append(
        {
            **template["Versions"][0],
            "VersionNumber": number,
            "DefaultVersion": False,
            "CreateTime": now_iso(),
            "LaunchTemplateData": new.get("LaunchTemplateData", {}),
        }
    )
    names = {"LaunchTemplateId": id_, "LaunchTemplateName": template["LaunchTemplateName"]}
    return id_, {**names, "DefaultVersionNumber": "1", "LatestVersionNumber": str(number)}


def describe_stack_resources(params: Any) -> Any:
    id_ = _p(params, "PhysicalResourceId")
    if not id_:
        return describe_now(params)
    for name, stack in cloudformation._stacks.items():
        of_stack = stack.get("_resources", {}).values()
        if stack["StackStatus"] != "DELETE_COMPLETE" and id_ in {r["PhysicalResourceId"] for r in of_stack}:
            return describe_now({**params, "StackName": [name]})
    return _error("ValidationError", f"Stack for {id_} does not exist")


provisioners._RESOURCE_HANDLERS.update({kind: hold(kind) for kind in HELD})
provisioners._RESOURCE_HANDLERS[TEMPLATE]["update"] = update_launch_template
stacks._delete_resource, stacks._update_resource = delete, update
handlers._ACTION_HANDLERS["DescribeStackResources"] = describe_stack_resources
main()
