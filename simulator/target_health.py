"""The health of targets, as DescribeTargetHealth of Elastic Load Balancing describes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from simulator.errors import AwsError

# ELB API, TargetHealth: the reason code of each state, and what it means. A healthy target has neither.
REASONS: Mapping[str, tuple[str, str]] = {
    "initial": ("Elb.RegistrationInProgress", "Target registration is in progress"),
    "draining": ("Target.DeregistrationInProgress", "Target deregistration is in progress"),
    "unused": ("Target.NotRegistered", "Target is not registered to the target group"),
}


def keys_of(
    default_port: int, targets: Iterable[Mapping[str, Any]], is_instance: Callable[[str], bool]
) -> list[tuple[str, int]]:
    """Return the keys of the targets that a call names: without a port, it is the group's.

    ELB API, DeregisterTargets: "If you specified a port override when you registered a target, you must specify both
    the target ID and the port". InvalidTarget: "The specified target does not exist, is not in the same VPC [...]"; it
    fails the whole call. A target that exists and is not registered is no error.

    Args:
        is_instance: whether EC2 knows an instance of this id.
    """
    keys = [(one["Id"], one.get("Port", default_port)) for one in targets]
    unknown = sorted({id_ for id_, _ in keys if id_.startswith("i-") and not is_instance(id_)})
    if unknown:
        raise AwsError("InvalidTarget", f"The following targets do not exist: {', '.join(unknown)}")
    return keys


def described(key: tuple[str, int], state: str) -> dict[str, Any]:
    """Return the health of a target in this state."""
    health = {"State": state}
    if state in REASONS:
        health["Reason"], health["Description"] = REASONS[state]
    return {"Target": {"Id": key[0], "Port": key[1]}, "HealthCheckPort": str(key[1]), "TargetHealth": health}
