"""The account setting `awsvpcTrunking`: who has it, and what ListAccountSettings says of it.

ECS Developer Guide, "Increasing Amazon ECS Linux container instance network interfaces": either the account opts in,
for all users and roles without a setting of their own, or the role with which the instances register does. ECS API,
ListAccountSettings, `principalArn`: "In order to use this parameter, you must be the root user, or the principal." So
a caller is told its own effective setting, and nothing about the role of the instances.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulator.endpoint import ACCOUNT_ID, Params
from simulator.errors import AwsError

if TYPE_CHECKING:
    from simulator.ecs.state import Cluster

TRUNKING = "awsvpcTrunking"
ROOT = f"arn:aws:iam::{ACCOUNT_ID}:root"


@dataclass(slots=True)
class AccountSettings:
    """The account's settings in its Region.

    Attributes:
        trunking: the account's default. It is off unless somebody turns it on: whoever runs many tasks in network mode
            awsvpc does.
    """

    trunking: bool = True

    def trunks_in(self, cluster: Cluster) -> bool:
        """Return whether instances that register with `cluster` now get a trunk, if their type can have one."""
        return self.trunking if cluster.trunking is None else cluster.trunking

    def list_account_settings(self, params: Params) -> dict[str, Any]:
        """Answer a caller without a setting of its own: with effectiveSettings the account's default, else nothing."""
        if "principalArn" in params:
            raise AwsError("AccessDeniedException", "principalArn: only of the root user, or of the caller itself")
        value = "enabled" if self.trunking else "disabled"
        found = [{"name": TRUNKING, "value": value, "principalArn": ROOT, "type": "user"}]
        is_asked = params.get("effectiveSettings") and params.get("name", TRUNKING) == TRUNKING
        return {"settings": [s for s in found if is_asked and params.get("value", s["value"]) == s["value"]]}
