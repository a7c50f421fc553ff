"""Run moto's server with Auto Scaling as AWS documents it, where the emulator does otherwise. A script, not a module.

UpdateAutoScalingGroup changes no property that it does not name (Auto Scaling API). The emulator drops the mixed
instances policy where the call names none, and fails where the policy names no launch template.
"""

from __future__ import annotations

import sys
from typing import Any

# The folder of the script: its modules are none of the emulator's.
sys.path.pop(0)

from moto.autoscaling.models import FakeAutoScalingGroup
from moto.server import main

update_now = FakeAutoScalingGroup.update


def update(group: FakeAutoScalingGroup, **changes: Any) -> None:
    policy, before = changes.get("mixed_instances_policy") or {}, group.mixed_instances_policy or {}
    if before or policy:
        template = policy.get("LaunchTemplate") or before["LaunchTemplate"]
        if "LaunchTemplate" not in policy:
            # As it is described, with id and name: a call that names both is refused.
            specification = dict(template["LaunchTemplateSpecification"])
            specification.pop("LaunchTemplateName", None)
            template = {**template, "LaunchTemplateSpecification": specification}
        distribution = {**before.get("InstancesDistribution", {}), **policy.get("InstancesDistribution", {})}
        changes["mixed_instances_policy"] = {"LaunchTemplate": template, "InstancesDistribution": distribution}
    update_now(group, **changes)


FakeAutoScalingGroup.update = update  # type: ignore[method-assign]
main()
