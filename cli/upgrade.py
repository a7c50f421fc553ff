"""`steady upgrade`: keep what operators have set in a deployment whose thresholds CloudFormation still owns.

It also says which keys cdk.json needs, so that today's templates replace nothing that release 0.1.0 has made.

Up to release 0.1.0 the thresholds under /steady/defaults, and those of a cluster's row in cdk.json, were parameters of
CloudFormation's. Today's deployment has its own under /steady/deployed, so that it deletes the old ones. Those whose
value is not the template's any more are operators' values: this command lets CloudFormation retain them.

Up to release 0.1.0 `"kind": "spot"` made a Spot Fleet, and now it makes an Auto Scaling group. CloudFormation would
delete the fleet, with its instances, of a row that was not changed to `spot-fleet`: this command lets it retain fleets.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from botocore.config import Config
from rich.table import Table

from cli.account import ProfileOption, RegionOption, aws_errors, runtime
from cli.output import JsonOption, fail, say, show_table, write_json
from cli.stacks import read_template, where_there_is_one
from cli.upgrade_keys import keys_needed
from steady.aws.runtime import Runtime
from steady.aws.settings.clusters import list_parameters
from steady.names import CAPACITY, CLUSTERS_PATH, DEFAULTS_PATH

# CloudFormation: a stack cannot be updated by a change of a DeletionPolicy alone. This resource makes nothing.
KEPT = "KeptThresholds"
KEPT_RESOURCE = {"Type": "AWS::CloudFormation::WaitConditionHandle"}
# CloudFormation: bytes of a template that is not in a bucket.
LARGEST_TEMPLATE = 51_200

DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Change nothing; only list what would be kept.")]


@dataclass(frozen=True, slots=True)
class Owned:
    """A threshold that a stack owns, and whose value an operator has changed.

    Attributes:
        stack: the name of the stack.
        resource: its logical id in the stack's template.
        value: its value now.
        declared: its value in the template.
    """

    stack: str
    resource: str
    path: str
    value: str
    declared: str


def upgrade(
    dry_run: DryRunOption = False,
    profile: ProfileOption = None,
    region: RegionOption = None,
    json_: JsonOption = None,
) -> None:
    """Keep operators' thresholds, and Spot Fleets, before a deployment from 0.1.0 is upgraded. Safe to repeat.

    Exit code 1: AWS refused; 2: a template is too large.
    """
    aws = runtime(profile, region)
    with aws_errors():
        cloudformation = aws.session.client("cloudformation", config=Config(retries={"mode": "standard"}))
        live = _thresholds(aws)
        templates = dict(_templates(cloudformation, live))
        needed = list(keys_needed(aws, cloudformation))
        owned = [one for stack in templates for one in _changed(stack, templates[stack], live)]
        if not dry_run:
            for stack, template in templates.items():
                thresholds = {one.resource for one in owned if one.stack == stack}
                _retain(cloudformation, stack, template, {*thresholds, *_fleets(template)})
    rows = [{"parameter": o.path, "value": o.value, "deployed": o.declared, "stack": o.stack} for o in owned]
    write_json({"kept": rows, "cdk.json": needed, "dry_run": dry_run}, json_)
    if json_ == "-":
        return
    for key in needed:
        say(f"add to cdk.json before you deploy, so that nothing is replaced: {key}")
    if rows:
        table = Table(title="operators' values" + (" that would be kept" if dry_run else ", kept"))
        for column in rows[0]:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*row.values())
        show_table(table)
    say("Deploy now: nothing that operators have set changes." if not dry_run else "Nothing was changed.")


def _thresholds(aws: Runtime) -> dict[str, str]:
    """Return the values of the thresholds under the operators' paths, by the names of their parameters."""
    return {
        f"{path}/{name}": parameter["Value"]
        for path in (DEFAULTS_PATH, CLUSTERS_PATH)
        for name, parameter in list_parameters(aws, path)
        if not name.endswith(f"/{CAPACITY}")
    }


def _templates(cloudformation: Any, live: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name and the template of each stack that owns some of the thresholds `live`."""
    seen: set[str] = set()
    for path in live:
        if path in seen:
            continue
        resources: list[dict[str, Any]] = []
        # One that is no stack's, an operator has made.
        with where_there_is_one():
            resources = cloudformation.describe_stack_resources(PhysicalResourceId=path)["StackResources"]
        if resources:
            seen.update(r.get("PhysicalResourceId", "") for r in resources)
            stack = resources[0].get("StackName", "")
            yield stack, read_template(cloudformation, stack)


def _changed(stack: str, template: Mapping[str, Any], live: Mapping[str, str]) -> Iterator[Owned]:
    """Yield the thresholds of a stack whose value is not the template's any more."""
    for resource, described in template["Resources"].items():
        properties = described.get("Properties", {})
        path, declared = properties.get("Name"), properties.get("Value")
        if described["Type"] == "AWS::SSM::Parameter" and path in live and live[path] != declared:
            yield Owned(stack, resource, path, live[path], str(declared))


def _fleets(template: Mapping[str, Any]) -> Iterator[str]:
    """Yield the resources of a template that a Spot Fleet is made of: the fleet, and its role."""
    for resource, described in template["Resources"].items():
        if described["Type"] == "AWS::EC2::SpotFleet":
            yield resource
            role = described["Properties"]["SpotFleetRequestConfigData"]["IamFleetRole"]
            yield from role.get("Fn::GetAtt", [])[:1]


def _retain(cloudformation: Any, stack: str, template: dict[str, Any], resources: set[str]) -> None:
    """Let the stack leave `resources` where they are once its template has them no more."""
    left = {name for name in resources if template["Resources"][name].get("DeletionPolicy") != "Retain"}
    if not left:
        return
    changed = {**template, "Resources": {**template["Resources"], f"{KEPT}{len(template['Resources'])}": KEPT_RESOURCE}}
    for name in left:
        changed["Resources"][name] = {**template["Resources"][name], "DeletionPolicy": "Retain"}
    body = json.dumps(changed, separators=(",", ":"))
    if len(body.encode()) > LARGEST_TEMPLATE:
        fail(
            f"the template of stack {stack} has {len(body.encode()):,} bytes, and CloudFormation takes "
            f'{LARGEST_TEMPLATE:,} without a bucket: add "DeletionPolicy": "Retain" to {", ".join(sorted(left))} in '
            "its template, update the stack with it, and deploy"
        )
    cloudformation.update_stack(
        StackName=stack,
        TemplateBody=body,
        Parameters=[{"ParameterKey": name, "UsePreviousValue": True} for name in template.get("Parameters", {})],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
    )
    cloudformation.get_waiter("stack_update_complete").wait(StackName=stack)
