"""As many clusters as a deployment takes: AWS's limits of templates, roles, event patterns and variables hold."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from cli.deployment import CDK_JSON, read_context
from cli.template.synthesis import PlainTarget, synthesize
from infra.settings.clusters import MOST_CHARACTERS_OF_NAMES, MOST_CLUSTERS
from tests.infra.iam import with_functions_done

# CloudFormation: resources and bytes of a template. IAM: managed policies of a role, characters of each and of all its
# inline policies. EventBridge: characters of a pattern. Lambda: bytes of environment variables.
RESOURCES, TEMPLATE_BYTES = 500, 1_000_000
MANAGED_POLICIES, MANAGED_CHARACTERS, INLINE_CHARACTERS = 10, 6144, 10_240
PATTERN_CHARACTERS = 2048
VARIABLES_BYTES = 4096
# The longest partition and Region, and other values that are known at the deployment alone.
DEPLOYED = {"Partition": "aws-us-gov", "Region": "us-gov-west-1", "AccountId": "123456789012"}
UNKNOWN = "x" * 90


def characters(value: Any) -> int:
    return len(json.dumps(with_functions_done(value, DEPLOYED, lambda _: UNKNOWN), separators=(",", ":")))


def row(number: int) -> dict[str, Any]:
    name = f"c{number:02}".ljust(MOST_CHARACTERS_OF_NAMES // MOST_CLUSTERS - 1, "x")
    if number % 2:
        return {"name": name, "capacity": f"auto-scaling-group:{name}"}
    return {"name": name, "kind": "spot", "types": {"m5.large": 1}, "max": 10, "zones": ["us-east-1a"]}


@pytest.fixture(scope="module")
def target() -> PlainTarget:
    clusters = [row(number) for number in range(MOST_CLUSTERS)]
    context = read_context(CDK_JSON, None)
    own = {"clusters": clusters, "task_status": {}, "task_launcher": {}, "env": "", "environments": {}}
    [made] = synthesize({**context, **own})
    return made


def resources(target: PlainTarget, *kinds: str) -> Iterator[dict[str, Any]]:
    for stack in target.stacks:
        yield from (r["Properties"] for r in stack.template["Resources"].values() if r["Type"] in kinds)


def test_the_limits_of_templates_hold(target: PlainTarget) -> None:
    for stack in target.stacks:
        assert len(stack.template["Resources"]) <= RESOURCES, stack.name
        assert len(json.dumps(stack.template, separators=(",", ":"))) < TEMPLATE_BYTES, stack.name


def test_the_limits_of_roles_hold(target: PlainTarget) -> None:
    for stack in target.stacks:
        managed: Counter[str] = Counter()
        inline: Counter[str] = Counter()
        for resource in stack.template["Resources"].values():
            if resource["Type"] not in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
                continue
            properties = resource["Properties"]
            size = characters(properties["PolicyDocument"])
            for role in map(json.dumps, properties["Roles"]):
                if resource["Type"] == "AWS::IAM::Policy":
                    inline[role] += size
                else:
                    managed[role] += 1
                    assert size <= MANAGED_CHARACTERS
        assert max(managed.values(), default=0) <= MANAGED_POLICIES
        assert max(inline.values(), default=0) <= INLINE_CHARACTERS


def test_the_limits_of_event_patterns_and_variables_hold(target: PlainTarget) -> None:
    patterns = [p["EventPattern"] for p in resources(target, "AWS::Events::Rule") if "EventPattern" in p]
    assert max(map(characters, patterns)) <= PATTERN_CHARACTERS
    variables = [p.get("Environment", {}).get("Variables", {}) for p in resources(target, "AWS::Lambda::Function")]
    assert max(map(characters, variables)) <= VARIABLES_BYTES
