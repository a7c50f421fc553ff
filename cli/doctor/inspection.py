"""What the doctor looks at, read from a live account. Nothing is written."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cli.doctor.model import Inspection, LaunchTemplate, Member, Revision, TargetGroup
from steady.aws import ecs
from steady.aws.capacity.kind import NoSuchPool
from steady.aws.capacity.origins import origins_of
from steady.aws.capacity.spot_fleet import fleet_config
from steady.aws.runtime import Runtime, batches
from steady.cluster import ContainerInstance
from steady.pools import PoolKind, PoolName

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import ServiceTypeDef
    from mypy_boto3_elbv2.type_defs import TargetGroupTypeDef

GROUPS_A_CALL = 20


def inspect(runtime: Runtime, cluster: str, pool: PoolName) -> Inspection:
    """All that the doctor looks at of `cluster`, which `pool` gives its instances.

    Raises:
        NoSuchPool: if there is no such group or fleet.
    """
    # Daemons stop last, and have no targets.
    services = [
        s for s in ecs.describe_services(runtime, cluster, ecs.list_services(runtime, cluster)) if not ecs.is_daemon(s)
    ]
    revisions = {s["serviceName"]: _revision(runtime, s) for s in services}
    instances = ecs.describe_all_instances(runtime, cluster)
    of_pool = (
        _of_group(runtime, cluster, pool) if pool.kind is PoolKind.AUTO_SCALING_GROUP else _of_fleet(runtime, pool)
    )
    return Inspection(
        cluster=cluster,
        pool=pool,
        target_groups=tuple(_target_groups(runtime, services, revisions)),
        revisions=(*revisions.values(), *_batch_revisions(runtime, cluster, instances)),
        members=_members(runtime, instances),
        **of_pool,
    )


def _revision(runtime: Runtime, service: ServiceTypeDef) -> Revision:
    return Revision(
        service["taskDefinition"],
        ecs.read_task_definition(runtime, service["taskDefinition"]).stop_timeout_s,
        service["serviceName"],
        balanced=any(b.get("targetGroupArn") for b in service.get("loadBalancers", [])),
    )


def _batch_revisions(runtime: Runtime, cluster: str, instances: Sequence[ContainerInstance]) -> list[Revision]:
    """What runs without a service now."""
    tasks = ecs.describe_tasks_on(runtime, cluster, instances)
    arns = sorted({task["taskDefinitionArn"] for task in tasks if not ecs.service_of(task)})
    return [Revision(arn, ecs.read_task_definition(runtime, arn).stop_timeout_s) for arn in arns]


def _target_groups(
    runtime: Runtime, services: Iterable[ServiceTypeDef], revisions: Mapping[str, Revision]
) -> Iterable[TargetGroup]:
    of_service = {
        arn: service["serviceName"]
        for service in services
        for balancer in service.get("loadBalancers", [])
        if (arn := balancer.get("targetGroupArn"))
    }
    for batch in batches(sorted(of_service), GROUPS_A_CALL):
        for group in runtime.elbv2.describe_target_groups(TargetGroupArns=batch)["TargetGroups"]:
            service = of_service[group["TargetGroupArn"]]
            yield _target_group(runtime, group, service, revisions[service].stop_timeout_s)


def _target_group(runtime: Runtime, group: TargetGroupTypeDef, service: str, stop_timeout_s: int) -> TargetGroup:
    answer = runtime.elbv2.describe_target_group_attributes(TargetGroupArn=group["TargetGroupArn"])
    attributes = {a["Key"]: a["Value"] for a in answer["Attributes"]}
    return TargetGroup(
        arn=group["TargetGroupArn"],
        service=service,
        # ELB: 300 s unless it is set; a Network Load Balancer has no slow start.
        delay_s=int(attributes.get("deregistration_delay.timeout_seconds", 300)),
        slow_start_s=int(attributes.get("slow_start.duration_seconds", 0)),
        health_interval_s=group.get("HealthCheckIntervalSeconds", 30),
        healthy_count=group.get("HealthyThresholdCount", 5),
        stop_timeout_s=stop_timeout_s,
    )


def _members(runtime: Runtime, instances: Iterable[ContainerInstance]) -> tuple[Member, ...]:
    ids = [i.instance_id for i in instances]
    origins = origins_of(runtime, ids)
    return tuple(Member(id_, origins[id_].pool, origins[id_].cluster) for id_ in sorted(ids) if id_ in origins)


def _of_group(runtime: Runtime, cluster: str, pool: PoolName) -> dict[str, Any]:
    groups = runtime.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[pool.name])["AutoScalingGroups"]
    if not groups:
        raise NoSuchPool(f"there is no Auto Scaling group {pool.name} in this account and Region")
    group = groups[0]
    mixed = group.get("MixedInstancesPolicy", {}).get("LaunchTemplate", {}).get("LaunchTemplateSpecification")
    hooks = runtime.autoscaling.describe_lifecycle_hooks(AutoScalingGroupName=pool.name)["LifecycleHooks"]
    policies = runtime.autoscaling.describe_policies(AutoScalingGroupName=pool.name)["ScalingPolicies"]
    return {
        "templates": tuple(_templates(runtime, [group.get("LaunchTemplate") or mixed]))
        + tuple(_configuration(runtime, group.get("LaunchConfigurationName", ""))),
        "hooks": tuple(hook["LifecycleTransition"] for hook in hooks),
        "protects_new": group.get("NewInstancesProtectedFromScaleIn", False),
        "protected": tuple(i["InstanceId"] for i in group["Instances"] if i.get("ProtectedFromScaleIn")),
        "suspended": tuple(process["ProcessName"] for process in group.get("SuspendedProcesses", [])),
        "policies": tuple(policy["PolicyName"] for policy in policies),
        "capacity_providers": tuple(_managed_scaling(runtime, cluster, group["AutoScalingGroupARN"])),
    }


def _of_fleet(runtime: Runtime, pool: PoolName) -> dict[str, Any]:
    config = fleet_config(runtime, pool)
    templates = [t.get("LaunchTemplateSpecification") for t in config.get("LaunchTemplateConfigs", [])]
    specifications = [
        LaunchTemplate("", "", _decoded(specification.get("UserData", "")))
        for specification in config.get("LaunchSpecifications", [])
    ]
    return {
        "templates": tuple(_templates(runtime, templates)) + tuple(dict.fromkeys(specifications)),
        "fleet_type": config.get("Type", "maintain"),
    }


def _templates(runtime: Runtime, references: Iterable[Any]) -> Iterable[LaunchTemplate]:
    for reference in references:
        if not reference:
            continue
        named = {k: reference[k] for k in ("LaunchTemplateId",) if reference.get(k)} or {
            "LaunchTemplateName": reference["LaunchTemplateName"]
        }
        version = runtime.ec2.describe_launch_template_versions(
            **named, Versions=[reference.get("Version") or "$Default"]
        )["LaunchTemplateVersions"][0]
        data = version["LaunchTemplateData"]
        yield LaunchTemplate(
            version["LaunchTemplateId"],
            str(version["VersionNumber"]),
            _decoded(data.get("UserData", "")),
            data.get("DisableApiTermination", False),
        )


def _configuration(runtime: Runtime, name: str) -> Iterable[LaunchTemplate]:
    if not name:
        return
    answer = runtime.autoscaling.describe_launch_configurations(LaunchConfigurationNames=[name])
    for configuration in answer["LaunchConfigurations"]:
        yield LaunchTemplate("", "", _decoded(configuration.get("UserData", "")))


def _managed_scaling(runtime: Runtime, cluster: str, group_arn: str) -> Iterable[str]:
    """The cluster's capacity providers that scale the group by themselves."""
    [described] = runtime.ecs.describe_clusters(clusters=[cluster])["clusters"]
    names = described.get("capacityProviders", [])
    if not names:
        return
    for provider in runtime.ecs.describe_capacity_providers(capacityProviders=names)["capacityProviders"]:
        scaling = provider.get("autoScalingGroupProvider", {})
        is_on = scaling.get("managedScaling", {}).get("status") == "ENABLED"
        if is_on and scaling.get("autoScalingGroupArn") == group_arn:
            yield provider["name"]


def _decoded(user_data: str) -> str:
    try:
        return base64.b64decode(user_data, validate=True).decode(errors="replace")
    except (binascii.Error, ValueError):
        return user_data
