"""What of a cluster does not fit the suite, and the command that mends each of it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from cli.doctor.model import Inspection, LaunchTemplate, Revision, TargetGroup
from infra.fitness import (
    DELAY_S,
    HEALTH_INTERVAL_S,
    HEALTHY_COUNT,
    LONGEST_HEALTHY_S,
    LONGEST_SLOW_START_S,
    SHORTEST_DELAY_S,
    SLOW_START_S,
    longest_delay_s,
)
from steady.names import CLUSTER_TAG, HOOK_HEARTBEAT_S, HOOK_NAME, TERMINATING
from steady.pools import PoolKind

_SPOT_DRAINING = re.compile(r"(ECS_ENABLE_SPOT_INSTANCE_DRAINING\s*=\s*[\"']?)true\b")
_AGENT_STOP_TIMEOUT = re.compile(r"ECS_CONTAINER_STOP_TIMEOUT\s*=\s*[\"']?(\d+)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not fit: what it is and says, what is needed, and the command that mends it."""

    check: str
    thing: str
    says: str
    needed: str
    command: str

    def __str__(self) -> str:
        return f"{self.thing} {self.says}: {self.needed} is needed"


def findings(seen: Inspection) -> tuple[Finding, ...]:
    """What does not fit, in the order of `CHECKS`."""
    return tuple(finding for check in CHECKS for finding in check(seen))


def delays(seen: Inspection) -> Iterable[Finding]:
    """Deregistration delays that cut requests short, or that a notice has no time for."""
    for group in seen.target_groups:
        longest = longest_delay_s(group.stop_timeout_s)
        needed = f"{SHORTEST_DELAY_S} s or more"
        value = DELAY_S
        if seen.on_spot:
            needed = f"{SHORTEST_DELAY_S} to {longest} s"
            value = min(DELAY_S, longest)
        # Where the stop timeout leaves no room for any delay, it is the stop timeout that does not fit.
        if group.delay_s < SHORTEST_DELAY_S or (seen.on_spot and group.delay_s > longest >= SHORTEST_DELAY_S):
            yield Finding(
                "deregistration-delay",
                group.name,
                f"has a deregistration delay of {group.delay_s} s",
                needed,
                _attribute(group, "deregistration_delay.timeout_seconds", value),
            )


def health_checks(seen: Inspection) -> Iterable[Finding]:
    """Targets that take long to take requests: their replacements are not there when a notice ends."""
    for group in seen.target_groups:
        healthy_s = group.health_interval_s * group.healthy_count
        if healthy_s > LONGEST_HEALTHY_S:
            yield Finding(
                "health-check",
                group.name,
                f"takes {healthy_s} s to find a target healthy",
                f"{LONGEST_HEALTHY_S} s or less",
                f"aws elbv2 modify-target-group --target-group-arn {group.arn} "
                f"--health-check-interval-seconds {HEALTH_INTERVAL_S} --health-check-timeout-seconds "
                f"{HEALTH_INTERVAL_S - 1} --healthy-threshold-count {HEALTHY_COUNT}",
            )
        if group.slow_start_s > LONGEST_SLOW_START_S:
            yield Finding(
                "slow-start",
                group.name,
                f"spares a new target for {group.slow_start_s} s",
                f"{LONGEST_SLOW_START_S} s or less",
                _attribute(group, "slow_start.duration_seconds", SLOW_START_S),
            )


def stop_timeouts(seen: Inspection) -> Iterable[Finding]:
    """Stop timeouts that a notice has no time for: the instance would go before they end."""
    if not seen.on_spot:
        return
    for revision in seen.revisions:
        longest = longest_delay_s(0) - (SHORTEST_DELAY_S if revision.balanced else 0)
        if revision.stop_timeout_s > longest:
            yield Finding(
                "stop-timeout",
                revision.name,
                f"has a stop timeout of {revision.stop_timeout_s} s",
                f"{longest} s or less",
                _revision_command(seen.cluster, revision, longest),
            )


def agents(seen: Inspection) -> Iterable[Finding]:
    """Agent settings in the user data that work against the suite."""
    for template in seen.templates:
        if _SPOT_DRAINING.search(template.user_data):
            mended = _SPOT_DRAINING.sub(r"\g<1>false", template.user_data)
            yield Finding(
                "agent-spot-draining",
                _template_name(template, seen),
                "makes the ECS agent drain at a Spot notice (ECS_ENABLE_SPOT_INSTANCE_DRAINING=true)",
                "false",
                _user_data_command(template, seen, mended, "ECS_ENABLE_SPOT_INSTANCE_DRAINING=false"),
            )
        timeout = _AGENT_STOP_TIMEOUT.search(template.user_data)
        longest = longest_delay_s(SHORTEST_DELAY_S)
        if seen.on_spot and timeout and int(timeout[1]) * _SECONDS[timeout[2]] > longest:
            mended = _AGENT_STOP_TIMEOUT.sub("ECS_CONTAINER_STOP_TIMEOUT=30s", template.user_data)
            yield Finding(
                "agent-stop-timeout",
                _template_name(template, seen),
                f"gives containers {timeout[1]}{timeout[2]} to stop (ECS_CONTAINER_STOP_TIMEOUT)",
                f"{longest} s or less",
                _user_data_command(template, seen, mended, "ECS_CONTAINER_STOP_TIMEOUT=30s"),
            )


def hooks(seen: Inspection) -> Iterable[Finding]:
    """A group that terminates instances without waiting for their service-out."""
    if not seen.on_spot and TERMINATING not in seen.hooks:
        yield Finding(
            "hook",
            f"Auto Scaling group {seen.pool.name}",
            "terminates instances without a lifecycle hook",
            f"a hook on {TERMINATING}",
            f"aws autoscaling put-lifecycle-hook --auto-scaling-group-name {seen.pool.name} --lifecycle-hook-name "
            f"{HOOK_NAME} --lifecycle-transition {TERMINATING} --heartbeat-timeout {HOOK_HEARTBEAT_S} "
            "--default-result CONTINUE",
        )


def tags(seen: Inspection) -> Iterable[Finding]:
    """Instances whose notices the handler cannot find the cluster of, and pools that were left behind."""
    strangers = [m.instance_id for m in seen.members if m.pool != seen.pool and m.cluster_tag != seen.cluster]
    if strangers:
        yield Finding(
            "tag",
            f"{len(strangers)} of the cluster's instances ({_some(strangers)})",
            f"have neither the tag of {seen.pool} nor {CLUSTER_TAG}={seen.cluster}",
            "either, so that their notices are followed",
            f"aws ec2 create-tags --resources {' '.join(strangers)} --tags Key={CLUSTER_TAG},Value={seen.cluster}",
        )
    left = {m.pool for m in seen.members if m.pool and m.pool != seen.pool and m.cluster_tag == seen.cluster}
    for pool in sorted(left, key=str):
        yield Finding(
            "left-behind",
            str(pool),
            f"still gives cluster {seen.cluster} instances beside {seen.pool}",
            "one pool to a cluster",
            f"aws ec2 modify-spot-fleet-request --spot-fleet-request-id {pool.name} --target-capacity 0 "
            "--excess-capacity-termination-policy default"
            if pool.kind is PoolKind.SPOT_FLEET
            else f"aws autoscaling update-auto-scaling-group --auto-scaling-group-name {pool.name} --min-size 0 "
            "--desired-capacity 0",
        )


def protection(seen: Inspection) -> Iterable[Finding]:
    """What keeps the suite from ending an instance, or the pool from replacing one."""
    name = seen.pool.name
    for template in seen.templates:
        if template.terminations_disabled:
            yield Finding(
                "protected",
                _template_name(template, seen),
                "protects its instances from termination",
                "none, so that emptied and ill instances can go",
                _version_command(template, {"DisableApiTermination": False}),
            )
    if seen.protects_new:
        yield Finding(
            "protected",
            f"Auto Scaling group {name}",
            "protects new instances from scale-in",
            "none",
            f"aws autoscaling update-auto-scaling-group --auto-scaling-group-name {name} "
            "--no-new-instances-protected-from-scale-in",
        )
    if seen.protected:
        yield Finding(
            "protected",
            f"{len(seen.protected)} instances of Auto Scaling group {name} ({_some(seen.protected)})",
            "are protected from scale-in",
            "none",
            f"aws autoscaling set-instance-protection --auto-scaling-group-name {name} "
            f"--instance-ids {' '.join(seen.protected)} --no-protected-from-scale-in",
        )
    if seen.suspended:
        processes = " ".join(seen.suspended)
        yield Finding(
            "suspended",
            f"Auto Scaling group {name}",
            f"has these processes suspended: {processes}",
            "none of them",
            f"aws autoscaling resume-processes --auto-scaling-group-name {name} --scaling-processes {processes}",
        )
    if seen.fleet_type != "maintain":
        yield Finding(
            "fleet-type",
            f"Spot Fleet {name}",
            f"is of type {seen.fleet_type}, and replaces nothing",
            "a fleet of type maintain",
            f"aws ec2 describe-spot-fleet-requests --spot-fleet-request-ids {name} --query "
            "'SpotFleetRequestConfigs[0].SpotFleetRequestConfig' | jq '.Type=\"maintain\"' > fleet.json && "
            "aws ec2 request-spot-fleet --spot-fleet-request-config file://fleet.json",
        )


def writers(seen: Inspection) -> Iterable[Finding]:
    """Others that set the capacity of the group."""
    for policy in seen.policies:
        yield Finding(
            "other-writer",
            f"Auto Scaling group {seen.pool.name}",
            f"has the scaling policy {policy}",
            "no other that sets its capacity",
            f"aws autoscaling delete-policy --auto-scaling-group-name {seen.pool.name} --policy-name {policy}",
        )
    for provider in seen.capacity_providers:
        yield Finding(
            "other-writer",
            f"capacity provider {provider}",
            f"scales the Auto Scaling group {seen.pool.name}",
            "no other that sets its capacity",
            f"aws ecs update-capacity-provider --name {provider} "
            "--auto-scaling-group-provider managedScaling={status=DISABLED}",
        )


Check = Callable[[Inspection], Iterable[Finding]]
CHECKS: tuple[Check, ...] = (delays, health_checks, stop_timeouts, agents, hooks, tags, protection, writers)


def _attribute(group: TargetGroup, key: str, value: int) -> str:
    return (
        f"aws elbv2 modify-target-group-attributes --target-group-arn {group.arn} --attributes Key={key},Value={value}"
    )


def _revision_command(cluster: str, revision: Revision, stop_timeout_s: int) -> str:
    """Registers another revision with lower stop timeouts, and has its service use that; batch tasks use the newest."""
    family = revision.family
    # What describes a revision, and cannot be registered.
    described = ".taskDefinitionArn,.revision,.status,.requiresAttributes,.compatibilities,.registeredAt,.registeredBy"
    register = (
        f"aws ecs describe-task-definition --task-definition {revision.task_definition} --query taskDefinition | "
        f"jq 'del({described}) | .containerDefinitions[] |= (.stopTimeout = ([.stopTimeout // 30, {stop_timeout_s}] | "
        f"min))' > {family}.json && aws ecs register-task-definition --cli-input-json file://{family}.json"
    )
    if not revision.service:
        return register
    return (
        f"{register} && aws ecs update-service --cluster {cluster} --service {revision.service} "
        f"--task-definition {family}"
    )


def _template_name(template: LaunchTemplate, seen: Inspection) -> str:
    return f"launch template {template.id} of {seen.pool}" if template.id else f"what {seen.pool} launches from"


def _version_command(template: LaunchTemplate, data: dict[str, object]) -> str:
    return (
        f"aws ec2 create-launch-template-version --launch-template-id {template.id} --source-version "
        f"{template.version} --launch-template-data '{json.dumps(data)}'"
    )


def _user_data_command(template: LaunchTemplate, seen: Inspection, mended: str, setting: str) -> str:
    if template.id:
        return _version_command(template, {"UserData": base64.b64encode(mended.encode()).decode()})
    # A launch configuration, or a launch specification, cannot be changed: what runs can.
    tag = "aws:ec2spot:fleet-request-id" if seen.on_spot else "aws:autoscaling:groupName"
    line = f"echo {setting} >> /etc/ecs/ecs.config && systemctl restart ecs"
    return (
        f"aws ssm send-command --document-name AWS-RunShellScript --targets Key=tag:{tag},Values={seen.pool.name} "
        f"--parameters 'commands=[\"{line}\"]'"
    )


def _some(ids: Sequence[str], most: int = 3) -> str:
    return ", ".join(ids[:most]) + (", …" if len(ids) > most else "")
