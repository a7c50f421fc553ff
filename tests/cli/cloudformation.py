"""CloudFormation as AWS documents it, for SSM parameters. `make e2e` goes through whole stacks, and takes minutes.

Sources (CloudFormation User Guide): "Update behaviors of stack resources" (a parameter whose properties have not
changed is not written, one with any changed property is written whole); "DeletionPolicy attribute" (what a stack update
removes is deleted by the policy that the resource had before; a policy alone is no update).
"""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError


class Stacks:
    """The stacks of an account, each with its template, over an SSM client."""

    exceptions = type("Exceptions", (), {"ClientError": ClientError})

    def __init__(self, ssm: Any) -> None:
        self.ssm = ssm
        self.templates: dict[str, dict[str, Any]] = {}

    def describe_stack_resources(self, *, PhysicalResourceId: str) -> dict[str, Any]:  # noqa: N803
        for stack, template in self.templates.items():
            names = {key: _name(r) for key, r in template["Resources"].items()}
            if PhysicalResourceId in names.values():
                return {
                    "StackResources": [
                        {"StackName": stack, "LogicalResourceId": key, "PhysicalResourceId": name}
                        for key, name in names.items()
                    ]
                }
        raise ClientError(
            {"Error": {"Code": "ValidationError", "Message": f"Stack for {PhysicalResourceId} does not exist"}},
            "DescribeStackResources",
        )

    def get_template(self, *, StackName: str, TemplateStage: str) -> dict[str, Any]:  # noqa: N803
        assert TemplateStage == "Original"
        if StackName not in self.templates:
            message = f"Stack with id {StackName} does not exist"
            raise ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "GetTemplate")
        return {"TemplateBody": self.templates[StackName]}

    def update_stack(self, *, StackName: str, TemplateBody: str, **_: Any) -> None:  # noqa: N803
        self.deploy(StackName, json.loads(TemplateBody))

    def get_waiter(self, name: str) -> Any:
        assert name == "stack_update_complete"
        return type("Waiter", (), {"wait": lambda self, **_: None})()

    def deploy(self, stack: str, template: dict[str, Any]) -> None:
        """Create or update a stack: first what is new or has changed, then what the template has no more."""
        old, new = self.templates.get(stack, {"Resources": {}})["Resources"], template["Resources"]
        if old and {k: _without_policy(r) for k, r in old.items()} == {k: _without_policy(r) for k, r in new.items()}:
            raise ClientError(
                {"Error": {"Code": "ValidationError", "Message": "No updates are to be performed."}}, "UpdateStack"
            )
        for key, resource in new.items():
            name = _name(resource)
            if name is None or resource.get("Properties") == old.get(key, {}).get("Properties"):
                continue
            value = resource["Properties"]["Value"]
            self.ssm.put_parameter(
                Name=name, Type="String", Value=value if isinstance(value, str) else "-", Overwrite=key in old
            )
        for key, resource in old.items():
            if key not in new and _name(resource) and resource.get("DeletionPolicy") != "Retain":
                self.ssm.delete_parameter(Name=_name(resource))
        self.templates[stack] = template


def _name(resource: dict[str, Any]) -> str | None:
    return resource["Properties"]["Name"] if resource["Type"] == "AWS::SSM::Parameter" else None


def _without_policy(resource: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in resource.items() if key != "DeletionPolicy"}
