"""Custom attributes of container instances: PutAttributes and DeleteAttributes of the ECS API."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from simulator.ecs.arguments import full_arn, limited
from simulator.ecs.state import Cluster, ContainerInstance
from simulator.endpoint import Action, Params
from simulator.errors import AwsError

# ECS API Reference, PutAttributes: "up to 10 custom attributes for each resource", "up to 10 attributes in a single
# call".
MOST_OF_A_RESOURCE = 10
MOST_A_CALL = 10
# ECS API, Attribute: the characters of a name and of a value, which may be left out.
_NAME, _VALUE = re.compile(r"[\w/\\.-]{1,128}", re.ASCII), re.compile(r"(?! )[\w.@/\\: -]{1,128}(?<! )", re.ASCII)


def actions(cluster_of: Callable[[Params], Cluster]) -> dict[str, Action]:
    """Return the two actions by their names; `cluster_of` finds the cluster that a call is about."""

    def put(params: Params) -> dict[str, Any]:
        cluster, asked = cluster_of(params), limited(params["attributes"], MOST_A_CALL, "attributes")
        targets = [_target(cluster, one) for one in asked]
        for one in asked:
            _check(one)
        for instance, one in zip(targets, asked, strict=True):
            if one["name"] not in instance.attributes and len(instance.attributes) >= MOST_OF_A_RESOURCE:
                raise AwsError("AttributeLimitExceededException", "The attribute limit of the resource is exceeded.")
            instance.attributes[one["name"]] = one.get("value", "")
        return {"attributes": asked}

    def delete(params: Params) -> dict[str, Any]:
        cluster, asked = cluster_of(params), limited(params["attributes"], MOST_A_CALL, "attributes")
        for instance, one in [(_target(cluster, one), one) for one in asked]:
            instance.attributes.pop(one["name"], None)
        return {"attributes": asked}

    return {"ecs:PutAttributes": put, "ecs:DeleteAttributes": delete}


def _check(attribute: Mapping[str, str]) -> None:
    name, value = attribute["name"], attribute.get("value")
    if not _NAME.fullmatch(name) or (value is not None and not _VALUE.fullmatch(value)):
        raise AwsError("InvalidParameterException", f"The attribute {name!r} with the value {value!r} is invalid.")


def _target(cluster: Cluster, attribute: Mapping[str, str]) -> ContainerInstance:
    """Return the container instance of an attribute: by its ARN, or by its id with the type (ECS API, Attribute)."""
    named = attribute.get("targetId", "")
    is_named = "targetType" in attribute or named.startswith("arn:")
    instance = cluster.instances.get(full_arn("container-instance", cluster, named)) if is_named else None
    if instance is None:
        raise AwsError("TargetNotFoundException", f"The target {attribute.get('targetId')} was not found.")
    return instance
