"""Checks of pools and their instances: lifecycle hook, tags, replacement, other writers of the capacity."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from shlex import quote

from cli.doctor.capacity.pools import show_command, zero_capacity_command
from cli.doctor.model import Finding, Inspection
from steady.names import CLUSTER_TAG, HOOK_HEARTBEAT_S, HOOK_NAME, TERMINATING


def check_hook(inspection: Inspection) -> Iterable[Finding]:
    """Find a pool that could wait under a lifecycle hook and has none: it terminates instances without service-out."""
    name = inspection.pool.name
    if inspection.pool.kind.traits.waits_under_hook and TERMINATING not in inspection.hooks:
        yield Finding(
            "hook",
            f"Auto Scaling group {name}",
            "terminates instances without a lifecycle hook",
            f"a hook on {TERMINATING}",
            f"aws autoscaling put-lifecycle-hook --auto-scaling-group-name {quote(name)} --lifecycle-hook-name "
            f"{HOOK_NAME} --lifecycle-transition {TERMINATING} --heartbeat-timeout {HOOK_HEARTBEAT_S} "
            "--default-result CONTINUE",
        )


def check_tags(inspection: Inspection) -> Iterable[Finding]:
    """Find instances whose cluster no tag names, and other pools that still hold instances of the cluster."""
    cluster, pool = inspection.cluster, inspection.pool
    managed = (pool, *inspection.others)
    untagged = [m.instance_id for m in inspection.members if m.pool not in managed and m.cluster_tag != cluster]
    if untagged:
        yield Finding(
            "tag",
            f"{len(untagged)} of the cluster's instances ({_first_of(untagged)})",
            f"have neither the tag of {pool} nor {CLUSTER_TAG}={cluster}",
            "one of the two, so that the interruption handler follows their notices,",
            f"aws ec2 create-tags --resources {' '.join(untagged)} --tags Key={CLUSTER_TAG},Value={cluster}",
        )
    others = {m.pool for m in inspection.members if m.pool and m.pool not in managed and m.cluster_tag == cluster}
    for other in sorted(others, key=str):
        yield Finding(
            "left-behind",
            str(other),
            f"still launches instances for cluster {cluster}, whose pool is {pool}",
            "one pool for each cluster",
            zero_capacity_command(other),
        )


def check_registered(inspection: Inspection) -> Iterable[Finding]:
    """Find instances of the pool that do not register with the cluster: healing would terminate them."""
    ids = inspection.unregistered
    if ids:
        yield Finding(
            "unregistered",
            f"{len(ids)} of the instances of {inspection.pool} ({_first_of(ids)})",
            f"are not registered with cluster {inspection.cluster}, and healing would terminate them",
            "a pool of this cluster alone",
            f"aws ec2 describe-instances --instance-ids {' '.join(ids)}",
        )


def check_replacement(inspection: Inspection) -> Iterable[Finding]:
    """Find a pool that does not replace its instances."""
    name = inspection.pool.name
    # Without AZRebalance the group ends no instance of its own accord to balance its zones: that is as well.
    suspended = [process for process in inspection.suspended if process != "AZRebalance"]
    if suspended:
        processes = " ".join(suspended)
        yield Finding(
            "suspended",
            f"Auto Scaling group {name}",
            f"has suspended processes ({processes})",
            "a group without suspended processes",
            f"aws autoscaling resume-processes --auto-scaling-group-name {quote(name)} --scaling-processes {processes}",
        )
    if inspection.fleet_type != "maintain":
        yield Finding(
            "fleet-type",
            f"Spot Fleet {name}",
            f"is of type {inspection.fleet_type} and replaces no instance",
            "a fleet of type maintain",
            f"aws ec2 describe-spot-fleet-requests --spot-fleet-request-ids {name} --query "
            "'SpotFleetRequestConfigs[0].SpotFleetRequestConfig' | jq '.Type=\"maintain\"' > fleet.json && "
            "aws ec2 request-spot-fleet --spot-fleet-request-config file://fleet.json",
        )


def check_spot_group(inspection: Inspection) -> Iterable[Finding]:
    """Find a group of Spot Instances that replaces them late, and one whose on-demand share the suite leaves alone."""
    name, percent = inspection.pool.name, inspection.spot_percent
    if not percent:
        return
    if not inspection.capacity_rebalance:
        yield Finding(
            "capacity-rebalance",
            f"Auto Scaling group {name}",
            "replaces no Spot Instance before it is interrupted",
            "Capacity Rebalancing",
            f"aws autoscaling update-auto-scaling-group --auto-scaling-group-name {quote(name)} --capacity-rebalance",
        )
    if percent < 100:
        yield Finding(
            "on-demand-share",
            f"Auto Scaling group {name}",
            f"wants {100 - percent} % on-demand above its base, so that the suite launches no more while Spot is short",
            "",
            show_command(inspection.pool),
        )


def check_other_writers(inspection: Inspection) -> Iterable[Finding]:
    """Find scaling policies and capacity providers that also set the group's capacity."""
    name = inspection.pool.name
    for policy in inspection.policies:
        yield Finding(
            "other-writer",
            f"Auto Scaling group {name}",
            f"has the scaling policy {policy}",
            "a group whose capacity only the suite sets",
            f"aws autoscaling delete-policy --auto-scaling-group-name {quote(name)} --policy-name {quote(policy)}",
        )
    for action in inspection.schedules:
        yield Finding(
            "other-writer",
            f"Auto Scaling group {name}",
            f"has the scheduled action {action}",
            "a group whose capacity only the suite sets",
            f"aws autoscaling delete-scheduled-action --auto-scaling-group-name {quote(name)} --scheduled-action-name "
            f"{quote(action)}",
        )
    for provider in inspection.capacity_providers:
        yield Finding(
            "other-writer",
            f"capacity provider {provider}",
            f"scales the Auto Scaling group {name}",
            "a group whose capacity only the suite sets. Tasks that wait in PROVISIONING now fail without it: use the "
            "launch queue first (docs/mixed-clusters.md)",
            f"aws ecs update-capacity-provider --name {quote(provider)} "
            # ECS API, managedTerminationProtection: "managed scaling must also be used".
            "--auto-scaling-group-provider managedScaling={status=DISABLED},managedTerminationProtection=DISABLED",
        )


def _first_of(ids: Sequence[str], most: int = 3) -> str:
    return ", ".join(ids[:most]) + (", …" if len(ids) > most else "")
