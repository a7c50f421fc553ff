"""What a call of the ECS API names, and how it is checked: clusters, ids and ARNs, enumerations, limits and pages."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from simulator.ecs.state import Cluster
from simulator.ecs.task_definition import ARN
from simulator.endpoint import Params
from simulator.errors import AwsError

# ECS API Reference: the most results of a list's page.
MAX_PAGE = 100
Thing = TypeVar("Thing")


def cluster_of(clusters: Mapping[str, Cluster], params: Params) -> Cluster:
    """Return the cluster that a call is about, by its name or ARN. Without one: `default` (ECS API)."""
    name = params.get("cluster", "default").rsplit("/", 1)[-1]
    if name not in clusters:
        raise AwsError("ClusterNotFoundException", "Cluster not found.")
    return clusters[name]


def cluster_arns(names: Iterable[str]) -> Mapping[str, str]:
    """Return the ARN of each cluster of `names`, which are names or ARNs, by the name without its prefix."""
    return {name: f"{ARN}:cluster/{name}" for name in (named.rsplit("/", 1)[-1] for named in names)}


def full_arn(kind: str, cluster: Cluster, named: str) -> str:
    """Return the ARN of what a call names by its id or its ARN: a `container-instance`, a `task` or a `service`.

    One of another cluster is refused with the whole call (in ECS's words: aws/aws-toolkit-vscode, issue 2915).
    """
    if not named.startswith("arn:"):
        return f"{ARN}:{kind}/{cluster.name}/{named}"
    of = named.split("/")[1:-1]
    if of and of[0] != cluster.name:
        text = f"Invalid identifier: Identifier is for cluster {of[0]}. Your cluster is {cluster.name}"
        raise AwsError("InvalidParameterException", text)
    return named


def full_arns(kind: str, cluster: Cluster, named: Sequence[str], most: int, what: str) -> Sequence[str]:
    """Return the ARNs of what a call names: at least one thing, and at most `most`."""
    return [full_arn(kind, cluster, one) for one in limited(named, most, what)]


def limited(asked: Sequence[Thing], most: int, what: str) -> Sequence[Thing]:
    """Return `asked` if a call may name as many."""
    if not 1 <= len(asked) <= most:
        raise AwsError("InvalidParameterException", f"{len(asked)} {what} were given: 1 to {most} are needed")
    return asked


def one_of(params: Params, name: str, allowed: Collection[str]) -> str | None:
    """Return the value of the parameter `name`, which is one of `allowed`; None if it is not given."""
    value: str | None = params.get(name)
    if value is not None and value not in allowed:
        raise AwsError("InvalidParameterException", f"{name} is {value}: one of {', '.join(sorted(allowed))} is needed")
    return value


def page(key: str, values: Iterable[str], params: Params, default_size: int) -> dict[str, Any]:
    """Return a page of ARNs under `key`.

    The token is the last ARN of the page before. So a thing that goes between two pages hides no other.
    """
    size, token = params.get("maxResults", default_size), params.get("nextToken", "")
    if not 1 <= size <= MAX_PAGE:
        raise AwsError("InvalidParameterException", f"maxResults is {size}: 1 to {MAX_PAGE} is needed")
    if token and not token.startswith(f"{ARN}:"):
        raise AwsError("InvalidParameterException", "Invalid token.")
    rest = [value for value in sorted(values) if value > token]
    found: dict[str, Any] = {key: rest[:size]}
    if len(rest) > size:
        found["nextToken"] = rest[size - 1]
    return found


def missing(arns: Iterable[str], reason: str = "MISSING") -> list[dict[str, str]]:
    """Return the failures of things that a call names by `arns` and that are not there."""
    return [{"arn": arn, "reason": reason} for arn in arns]
