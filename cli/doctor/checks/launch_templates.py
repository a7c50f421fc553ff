"""Checks of launch templates: the ECS agent's settings in the user data, and termination protection."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from shlex import quote

from cli.doctor.model import Finding, Inspection, LaunchTemplate
from infra.fitness import SHORTEST_DELAY_S, longest_stop_timeout_s

_SPOT_DRAINING = re.compile(r"(ECS_ENABLE_SPOT_INSTANCE_DRAINING\s*=\s*[\"']?)true\b")
_AGENT_STOP_TIMEOUT = re.compile(r"ECS_CONTAINER_STOP_TIMEOUT\s*=\s*[\"']?(\d+)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}


def check_agent_settings(inspection: Inspection) -> Iterable[Finding]:
    """Find settings of the ECS agent that work against the suite."""
    for template in inspection.templates:
        if _SPOT_DRAINING.search(template.user_data):
            corrected = _SPOT_DRAINING.sub(r"\g<1>false", template.user_data)
            yield Finding(
                "agent-spot-draining",
                _template_name(template, inspection),
                "makes the ECS agent drain at a Spot notice (ECS_ENABLE_SPOT_INSTANCE_DRAINING=true)",
                "false",
                _user_data_command(template, inspection, corrected, "ECS_ENABLE_SPOT_INSTANCE_DRAINING=false"),
            )
        timeout = _AGENT_STOP_TIMEOUT.search(template.user_data)
        longest = longest_stop_timeout_s(SHORTEST_DELAY_S)
        if inspection.on_spot and timeout and int(timeout[1]) * _SECONDS[timeout[2]] > longest:
            corrected = _AGENT_STOP_TIMEOUT.sub("ECS_CONTAINER_STOP_TIMEOUT=30s", template.user_data)
            yield Finding(
                "agent-stop-timeout",
                _template_name(template, inspection),
                f"gives containers {timeout[1]}{timeout[2]} to stop (ECS_CONTAINER_STOP_TIMEOUT)",
                f"{longest} s or less",
                _user_data_command(template, inspection, corrected, "ECS_CONTAINER_STOP_TIMEOUT=30s"),
            )


def check_termination_protection(inspection: Inspection) -> Iterable[Finding]:
    """Find templates whose instances the suite cannot terminate.

    Those of a group it can: neither EC2's termination protection nor the group's scale-in protection stops
    TerminateInstanceInAutoScalingGroup (Auto Scaling User Guide, "Use instance scale-in protection"). Scale-in
    protection even keeps the group from ending instances of its own choice.
    """
    if inspection.pool.kind.traits.terminates_protected:
        return
    for template in inspection.templates:
        if template.terminations_disabled:
            yield Finding(
                "protected",
                _template_name(template, inspection),
                "protects its instances from termination",
                "no protection, so that the suite can terminate empty and unhealthy instances,",
                _version_command(template, {"DisableApiTermination": False}),
            )


def _template_name(template: LaunchTemplate, inspection: Inspection) -> str:
    if template.id:
        return f"launch template {template.id} of {inspection.pool}"
    return f"the launch configuration or specification of {inspection.pool}"


def _version_command(template: LaunchTemplate, data: dict[str, object]) -> str:
    return (
        f"aws ec2 create-launch-template-version --launch-template-id {template.id} --source-version "
        f"{template.version} --launch-template-data '{json.dumps(data)}'"
    )


def _user_data_command(template: LaunchTemplate, inspection: Inspection, corrected: str, setting: str) -> str:
    """Return the command that writes the `corrected` user data, or, without a template, the agent's `setting`."""
    if template.id:
        return _version_command(template, {"UserData": base64.b64encode(corrected.encode()).decode()})
    # A launch configuration or specification cannot be changed. The running instances can.
    pool = inspection.pool
    line = f"echo {setting} >> /etc/ecs/ecs.config && systemctl restart ecs"
    return (
        "aws ssm send-command --document-name AWS-RunShellScript "
        f"--targets Key=tag:{pool.kind.traits.tag},Values={quote(pool.name)} "
        f"--parameters 'commands=[\"{line}\"]'"
    )
