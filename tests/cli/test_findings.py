"""What the doctor finds: each thing that does not fit, and nothing where all fits."""

from __future__ import annotations

import base64
import json
import re
import shlex
from dataclasses import replace

import pytest

from cli.doctor.findings import findings
from cli.doctor.model import Finding, Inspection, LaunchTemplate, Member, Revision, TargetGroup, Unknown
from infra.fitness import SHORTEST_DELAY_S, longest_delay_s
from steady.names import TERMINATING
from steady.pools import PoolKind, PoolName

FLEET = PoolName(PoolKind.SPOT_FLEET, "sfr-1")
GROUP = PoolName(PoolKind.AUTO_SCALING_GROUP, "web")
ARN = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/api/0123456789abcdef"
FIT = TargetGroup(ARN, "api", delay_s=45, slow_start_s=30, health_interval_s=5, healthy_count=2, stop_timeout_s=30)
REVISION = Revision("arn:aws:ecs:us-east-1:123456789012:task-definition/api:7", 30, "api", balanced=True)
USER_DATA = "#!/bin/bash\necho ECS_CLUSTER=web >> /etc/ecs/ecs.config\n"
ON_SPOT = Inspection(
    "web",
    FLEET,
    (FIT,),
    (REVISION,),
    (LaunchTemplate("lt-1", "3", USER_DATA),),
    (Member("i-1", FLEET, ""),),
)
ON_GROUP = replace(ON_SPOT, pool=GROUP, members=(Member("i-1", GROUP, ""),), hooks=(TERMINATING,))


def only(seen: Inspection) -> Finding:
    [finding] = findings(seen)
    return finding


def with_group(seen: Inspection, **changes: int) -> Inspection:
    return replace(seen, target_groups=(replace(FIT, **changes),))


@pytest.mark.parametrize("seen", [ON_SPOT, ON_GROUP])
def test_where_all_fits_there_is_nothing_to_say(seen: Inspection) -> None:
    assert findings(seen) == ()


@pytest.mark.parametrize("seen", [ON_SPOT, ON_GROUP])
def test_a_delay_that_cuts_requests_short_is_found(seen: Inspection) -> None:
    finding = only(with_group(seen, delay_s=SHORTEST_DELAY_S - 1))

    assert str(finding).startswith("target group api of service api has a deregistration delay of 29 s: 30")
    assert finding.command == (
        f"aws elbv2 modify-target-group-attributes --target-group-arn {ARN} "
        "--attributes Key=deregistration_delay.timeout_seconds,Value=45"
    )


def test_a_delay_that_a_notice_has_no_time_for_is_found_on_spot_only() -> None:
    # 120 s, less 10 for the first step, 30 for the stop timeout and 8 for the stop itself.
    assert longest_delay_s(30) == 52
    assert findings(with_group(ON_SPOT, delay_s=52)) == ()
    assert only(with_group(ON_SPOT, delay_s=53)).needed == "30 to 52 s"
    assert only(with_group(ON_SPOT, delay_s=60, stop_timeout_s=64)).command.endswith("Value=38")
    assert findings(with_group(ON_GROUP, delay_s=300)) == ()


def test_targets_that_take_long_to_take_requests_are_found() -> None:
    assert only(with_group(ON_SPOT, health_interval_s=30, healthy_count=5)).says.startswith("takes 150 s until")
    assert only(with_group(ON_SPOT, slow_start_s=300)).check == "slow-start"


def test_a_stop_timeout_over_the_notice_is_found_on_spot_only() -> None:
    slow = replace(REVISION, stop_timeout_s=120)

    finding = only(replace(ON_SPOT, revisions=(slow,)))
    assert (finding.check, finding.needed) == ("stop-timeout", "72 s or less")
    assert findings(replace(ON_GROUP, revisions=(slow,))) == ()
    # Without targets there is no delay to leave time for.
    assert only(replace(ON_SPOT, revisions=(replace(slow, balanced=False),))).needed == "102 s or less"
    batch = Revision("arn:aws:ecs:us-east-1:123456789012:task-definition/crunch:3", 110)
    finding = only(replace(ON_SPOT, revisions=(batch,)))
    assert finding.thing == "batch task crunch"
    assert "update-service" not in finding.command
    # It is named once, not also as a delay that is too long.
    balanced = replace(ON_SPOT, revisions=(slow,), target_groups=(replace(FIT, stop_timeout_s=120),))
    assert [f.check for f in findings(balanced)] == ["stop-timeout"]


@pytest.mark.parametrize("line", ["ECS_ENABLE_SPOT_INSTANCE_DRAINING=true", 'ECS_ENABLE_SPOT_INSTANCE_DRAINING="true"'])
def test_an_agent_that_drains_by_itself_is_found_and_mended_in_its_template(line: str) -> None:
    template = LaunchTemplate("lt-1", "3", USER_DATA + f"echo {line} >> /etc/ecs/ecs.config\n")

    finding = only(replace(ON_SPOT, templates=(template,)))

    assert finding.check == "agent-spot-draining"
    arguments = shlex.split(finding.command)
    assert arguments[:3] == ["aws", "ec2", "create-launch-template-version"]
    data = json.loads(arguments[arguments.index("--launch-template-data") + 1])
    mended = base64.b64decode(data["UserData"]).decode()
    assert mended == template.user_data.replace("true", "false")
    assert findings(replace(ON_SPOT, templates=(replace(template, user_data=mended),))) == ()


def test_where_there_is_no_template_the_running_instances_are_mended() -> None:
    old = LaunchTemplate("", "", "ECS_ENABLE_SPOT_INSTANCE_DRAINING=true")

    command = only(replace(ON_SPOT, templates=(old,))).command

    assert "aws ssm send-command" in command
    assert "Key=tag:aws:ec2spot:fleet-request-id,Values=sfr-1" in command


@pytest.mark.parametrize(("setting", "fits"), [("72s", True), ("90s", False), ("2m", False), ("500ms", True)])
def test_an_agents_stop_timeout_over_the_notice_is_found(setting: str, fits: bool) -> None:
    template = LaunchTemplate("lt-1", "3", f"ECS_CONTAINER_STOP_TIMEOUT={setting}")

    assert (findings(replace(ON_SPOT, templates=(template,))) == ()) is fits


def test_a_group_without_a_hook_is_found() -> None:
    finding = only(replace(ON_GROUP, hooks=("autoscaling:EC2_INSTANCE_LAUNCHING",)))

    assert "put-lifecycle-hook --auto-scaling-group-name web --lifecycle-hook-name steady-drain" in finding.command


def test_an_instance_whose_cluster_no_tag_tells_is_found() -> None:
    strangers = (*ON_SPOT.members, Member("i-2", None, ""), Member("i-3", GROUP, "other"))

    finding = only(replace(ON_SPOT, members=strangers))

    assert finding.thing == "2 of the cluster's instances (i-2, i-3)"
    assert finding.command == "aws ec2 create-tags --resources i-2 i-3 --tags Key=steady:cluster,Value=web"


def test_a_fleet_that_was_left_behind_is_found() -> None:
    old = PoolName(PoolKind.SPOT_FLEET, "sfr-0")

    finding = only(replace(ON_SPOT, members=(Member("i-2", old, "web"),)))

    assert finding.check == "left-behind"
    assert "--spot-fleet-request-id sfr-0 --target-capacity 0" in finding.command


def test_what_is_protected_or_stands_still_is_found() -> None:
    protected = (LaunchTemplate("lt-1", "3", terminations_disabled=True),)
    assert only(replace(ON_SPOT, templates=protected)).check == "protected"
    # Auto Scaling ends such an instance.
    assert findings(replace(ON_GROUP, templates=protected)) == ()
    assert only(replace(ON_GROUP, suspended=("Launch", "Terminate"))).command.endswith("Launch Terminate")
    # A suspended AZRebalance ends no instance against the suite's will: nobody is told to resume it.
    assert only(replace(ON_GROUP, suspended=("AZRebalance", "Launch"))).command.endswith("--scaling-processes Launch")
    assert only(replace(ON_SPOT, fleet_type="request")).check == "fleet-type"


def test_the_command_that_stops_managed_scaling_stops_what_needs_it() -> None:
    finding = only(replace(ON_GROUP, capacity_providers=("theirs",)))

    assert finding.command.endswith("managedScaling={status=DISABLED},managedTerminationProtection=DISABLED")


def test_a_group_of_spot_instances_is_checked_as_a_fleet_is() -> None:
    spot = replace(ON_GROUP, spot_percent=100, capacity_rebalance=True)
    assert findings(spot) == ()
    assert only(with_group(spot, delay_s=120)).check == "deregistration-delay"


def test_a_group_that_replaces_spot_instances_late_is_found() -> None:
    finding = only(replace(ON_GROUP, spot_percent=100))

    assert str(finding).endswith("replaces no Spot Instance before it is interrupted: Capacity Rebalancing is needed")
    assert finding.command.endswith("--auto-scaling-group-name web --capacity-rebalance")


def test_a_share_of_on_demand_that_the_suite_leaves_alone_is_named() -> None:
    finding = only(replace(ON_GROUP, spot_percent=80, capacity_rebalance=True))

    assert finding.is_note
    assert "wants 20 % on-demand above its base" in str(finding)


def test_others_that_set_the_capacity_are_found() -> None:
    found = findings(replace(ON_GROUP, policies=("cpu-75",), capacity_providers=("cp-web",)))

    assert [f.check for f in found] == ["other-writer", "other-writer"]
    assert "delete-policy --auto-scaling-group-name web --policy-name cpu-75" in found[0].command
    assert "update-capacity-provider --name cp-web" in found[1].command


def test_services_and_pools_whose_targets_are_not_all_known_are_named() -> None:
    ways = (Unknown(("Service Connect", "VPC Lattice"), "api"), Unknown(("a Classic Load Balancer",)))

    service, pool = findings(replace(ON_GROUP, unknown=ways))

    assert service.is_note
    assert pool.is_note
    assert str(service) == (
        "service api gets requests by Service Connect and VPC Lattice, where service-out cannot deregister it: its "
        "tasks are stopped as late as batch tasks"
    )
    assert pool.thing == "auto-scaling-group:web"
    assert pool.command.endswith("--auto-scaling-group-names web")


def test_services_behind_a_network_load_balancer_are_named() -> None:
    finding = only(replace(ON_SPOT, target_groups=(replace(FIT, lingers=True),)))

    assert finding.is_note
    assert str(finding).startswith("service api is behind a Network Load Balancer")
    assert "On Spot there is no time" in str(finding)
    assert "On Spot" not in str(only(replace(ON_GROUP, target_groups=(replace(FIT, lingers=True),))))


def test_services_in_cloud_map_are_named() -> None:
    finding = only(replace(ON_SPOT, in_cloud_map=("api",)))

    assert finding.is_note
    assert str(finding).startswith("service api is registered in Cloud Map, whose clients keep an address")


def everything_that_does_not_fit() -> Inspection:
    """Of a group, as much at once as there is."""
    return replace(
        with_group(ON_GROUP, delay_s=1, health_interval_s=60, slow_start_s=900),
        hooks=(),
        members=(Member("i-2", None, ""), Member("i-3", FLEET, "web")),
        templates=(LaunchTemplate("lt-1", "3", "ECS_ENABLE_SPOT_INSTANCE_DRAINING=true", terminations_disabled=True),),
        suspended=("Launch",),
        policies=("p",),
        capacity_providers=("cp",),
        unknown=(Unknown(("VPC Lattice",), "api"), Unknown(("a Classic Load Balancer",))),
    )


def test_every_finding_has_a_command_that_a_shell_can_read() -> None:
    everything = everything_that_does_not_fit()
    on_spot = replace(
        ON_SPOT,
        revisions=(replace(REVISION, stop_timeout_s=600),),
        templates=(LaunchTemplate("", "", "ECS_ENABLE_SPOT_INSTANCE_DRAINING=true", terminations_disabled=False),),
        fleet_type="request",
        unknown=(Unknown(("a Classic Load Balancer",)),),
        target_groups=(replace(FIT, lingers=True),),
    )
    found = [*findings(everything), *findings(on_spot)]

    assert len(found) >= 10
    for finding in found:
        assert shlex.split(finding.command)[0] == "aws"
        assert re.search(r"--[a-z-]+", finding.command)
