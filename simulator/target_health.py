"""The health of targets, as DescribeTargetHealth of Elastic Load Balancing describes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from simulator.errors import AwsError

# ELB API, TargetHealth: the reason code of each state, and what it means. A healthy target has neither.
REASONS: Mapping[str, tuple[str, str]] = {
    "initial": ("Elb.RegistrationInProgress", "Target registration is in progress"),
    "draining": ("Target.DeregistrationInProgress", "Target deregistration is in progress"),
    "unhealthy": ("Target.FailedHealthChecks", "Health checks failed"),
    "unhealthy.draining": ("Target.FailedHealthChecks", "Health checks failed"),
    "unused": ("Target.NotRegistered", "Target is not registered to the target group"),
}


def is_target(id_: str) -> bool:  # noqa: ARG001
    """Return that a target exists, whatever its id.

    ELB API, DeregisterTargets: "If the specified target does not exist, the action returns successfully". The same page
    has the error InvalidTarget, "The specified target does not exist, is not in the same VPC [...]". A test that wants
    this one puts another function in the place of this.
    """
    return True


def keys_of(
    default_port: int, targets: Iterable[Mapping[str, Any]], exists: Callable[[str], bool] = is_target
) -> list[tuple[str, int]]:
    """Return the keys of the targets that a call names: without a port, it is the group's.

    ELB API, DeregisterTargets: "If you specified a port override when you registered a target, you must specify both
    the target ID and the port".

    Args:
        exists: whether a target of this id exists. One that does not fails the whole call.
    """
    keys = [(one["Id"], one.get("Port", default_port)) for one in targets]
    unknown = sorted({id_ for id_, _ in keys if not exists(id_)})
    if unknown:
        raise AwsError("InvalidTarget", f"The following targets do not exist: {', '.join(unknown)}")
    return keys


def described(key: tuple[str, int], state: str) -> dict[str, Any]:
    """Return the health of a target in this state."""
    health = {"State": state}
    if state in REASONS:
        health["Reason"], health["Description"] = REASONS[state]
    return {"Target": {"Id": key[0], "Port": key[1]}, "HealthCheckPort": str(key[1]), "TargetHealth": health}
