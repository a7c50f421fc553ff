"""`steady doctor` on an account that moto holds: each finding, with the command that mends it."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from cli.doctor import inspection
from cli.main import app
from steady.names import HOOK_NAME, TERMINATING
from tests.cli.accounts import definition, fleet, group, service, template

DRAINS_BY_ITSELF = "#!/bin/bash\necho ECS_ENABLE_SPOT_INSTANCE_DRAINING=true >> /etc/ecs/ecs.config\n"
FITS = "#!/bin/bash\necho ECS_CLUSTER=web >> /etc/ecs/ecs.config\n"


def doctor(cluster: str = "web") -> tuple[int, list[dict[str, str]]]:
    done = CliRunner().invoke(app, ["doctor", cluster, "--json", "-"])
    return done.exit_code, json.loads(done.stdout)


def hook(aws: boto3.Session) -> None:
    aws.client("autoscaling").put_lifecycle_hook(
        AutoScalingGroupName="web", LifecycleHookName=HOOK_NAME, LifecycleTransition=TERMINATING
    )


def test_a_group_that_fits_is_said_to(aws: boto3.Session) -> None:
    service(aws, delay_s=45, stop_timeout_s=30)
    group(aws, template(aws, FITS))
    hook(aws)

    done = CliRunner().invoke(app, ["doctor", "web"])

    assert done.exit_code == 0, done.output
    assert done.stdout == "cluster web: every setting fits\n"


@pytest.mark.parametrize(
    "on", [{"launchType": "FARGATE"}, {"capacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 1}]}]
)
def test_a_service_that_runs_elsewhere_is_not_examined(
    aws: boto3.Session, monkeypatch: pytest.MonkeyPatch, on: dict[str, Any]
) -> None:
    service(aws, delay_s=5, stop_timeout_s=30)
    group(aws, template(aws, FITS))
    hook(aws)
    described = inspection.describe_services
    # moto describes every deployment as one on EC2.
    elsewhere = {"deployments": [], "launchType": "", **on}
    monkeypatch.setattr(
        inspection, "describe_services", lambda *given: [{**one, **elsewhere} for one in described(*given)]
    )

    assert doctor() == (0, [])


def test_what_of_a_group_does_not_fit_is_found(aws: boto3.Session) -> None:
    service(aws, delay_s=5, stop_timeout_s=30, interval_s=40)
    group(aws, template(aws, DRAINS_BY_ITSELF, DisableApiTermination=True), NewInstancesProtectedFromScaleIn=True)
    aws.client("autoscaling").put_scaling_policy(
        AutoScalingGroupName="web", PolicyName="cpu-75", AdjustmentType="ChangeInCapacity", ScalingAdjustment=1
    )

    code, found = doctor()

    assert code == 1
    assert {f["check"] for f in found} == {
        "deregistration-delay",
        "health-check",
        "agent-spot-draining",
        "hook",
        "other-writer",
    }


def test_scale_in_protection_does_not_keep_the_suite_from_terminating(aws: boto3.Session) -> None:
    """Auto Scaling User Guide, "Use instance scale-in protection": the suite's own call ends a protected instance."""
    service(aws, delay_s=45, stop_timeout_s=30)
    group(aws, template(aws, FITS, DisableApiTermination=True), NewInstancesProtectedFromScaleIn=True)
    hook(aws)
    described = aws.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"][0]
    assert all(one["ProtectedFromScaleIn"] for one in described["Instances"])

    assert doctor() == (0, [])


def test_what_of_a_fleet_does_not_fit_is_found(aws: boto3.Session) -> None:
    service(aws, delay_s=300, stop_timeout_s=120)
    fleet(aws, template(aws, DRAINS_BY_ITSELF))
    definition(aws, "crunch", stop_timeout_s=110)
    aws.client("ecs").run_task(cluster="web", taskDefinition="crunch", launchType="EC2")

    code, found = doctor()

    assert code == 1
    # moto does not tag a fleet's instances, as EC2 does.
    assert [f["check"] for f in found] == ["stop-timeout", "stop-timeout", "agent-spot-draining", "tag"]
    assert [f["thing"] for f in found[:2]] == ["service api", "batch task crunch"]


@pytest.mark.parametrize("kind", ["group", "fleet"])
def test_once_all_of_it_is_mended_all_fits(aws: boto3.Session, kind: str) -> None:
    """What the commands do, done: the doctor has nothing more to say."""
    service(aws, delay_s=300 if kind == "fleet" else 5, stop_timeout_s=30)
    template_id = template(aws, FITS)
    instance_id = fleet(aws, template_id) if kind == "fleet" else ""
    if kind == "group":
        group(aws, template_id)
    code, found = doctor()
    assert (code, len(found)) == (1, 2)

    for command in (f["command"] for f in found):
        words = command.split()
        if "modify-target-group-attributes" in words:
            key, value = (part.partition("=")[2] for part in words[-1].split(","))
            aws.client("elbv2").modify_target_group_attributes(
                TargetGroupArn=words[words.index("--target-group-arn") + 1], Attributes=[{"Key": key, "Value": value}]
            )
        elif "create-tags" in words:
            assert words[words.index("--resources") + 1] == instance_id
            key, value = (part.partition("=")[2] for part in words[-1].split(","))
            aws.client("ec2").create_tags(Resources=[instance_id], Tags=[{"Key": key, "Value": value}])
        else:
            assert "put-lifecycle-hook" in words
            hook(aws)

    assert doctor() == (0, [])


def test_the_commands_are_printed_as_they_are_to_be_pasted(aws: boto3.Session) -> None:
    service(aws, delay_s=45, stop_timeout_s=30)
    group(aws, template(aws, FITS))

    done = CliRunner().invoke(app, ["doctor", "web"])

    assert done.exit_code == 1
    assert "1 setting does not fit" in done.stdout
    assert (
        f"    aws autoscaling put-lifecycle-hook --auto-scaling-group-name web --lifecycle-hook-name {HOOK_NAME}"
        in (done.stdout)
    )
    assert max(len(line) for line in done.stdout.splitlines()) > 150, "no command is wrapped"


def test_a_cluster_that_is_not_managed_is_named_in_one_line(aws: boto3.Session) -> None:
    done = CliRunner().invoke(app, ["doctor", "nobodys"])

    assert done.exit_code == 2
    assert "cluster nobodys is not managed: no cluster of this account and Region" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_service_whose_tasks_are_stopped_late_is_a_note_that_does_not_fail(
    aws: boto3.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    service(aws, delay_s=45, stop_timeout_s=30, interval_s=15, protocol="TCP")
    group(aws, template(aws, FITS))
    hook(aws)
    # moto describes services without what it does not know.
    registry = {"registryArn": "arn:aws:servicediscovery:us-east-1:123456789012:service/srv-1"}
    more = {"serviceRegistries": [registry], "vpcLatticeConfigurations": [{"targetGroupArn": "arn"}]}
    described = inspection.describe_services
    monkeypatch.setattr(inspection, "describe_services", lambda *given: [{**one, **more} for one in described(*given)])

    code, found = doctor()

    assert code == 0
    assert [(f["check"], f["thing"]) for f in found] == [
        ("unknown-targets", "service api"),
        ("lingering-requests", "service api"),
        ("lingering-requests", "service api"),
    ]
    printed = CliRunner().invoke(app, ["doctor", "web"]).stdout
    assert printed.startswith("cluster web: every setting fits\n")
    assert "lingering-requests  service api is behind a Network Load Balancer" in printed


def test_an_external_service_is_examined_by_its_task_sets(aws: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    service(aws, delay_s=5, stop_timeout_s=120)
    fleet(aws, template(aws, FITS))
    described = inspection.describe_services

    def external(*given: Any) -> list[dict[str, Any]]:
        # ECS API: what a service of another kind has of its own, an EXTERNAL one has in its task sets.
        moved = ("taskDefinition", "loadBalancers")
        return [
            {
                **{key: value for key, value in one.items() if key not in moved},
                "taskSets": [{"status": "PRIMARY", **{key: one[key] for key in moved}}],
            }
            for one in described(*given)
        ]

    monkeypatch.setattr(inspection, "describe_services", external)

    assert [f["check"] for f in doctor()[1]] == ["deregistration-delay", "stop-timeout", "tag"]


def test_a_task_definition_that_cannot_be_read_is_said_and_the_rest_is_examined(
    aws: boto3.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    service(aws, delay_s=5, stop_timeout_s=120)
    fleet(aws, template(aws, FITS))

    def refused(*given: Any, **options: Any) -> Any:
        error: Any = {"Error": {"Code": "ClientException", "Message": "Unable to describe task definition."}}
        raise ClientError(error, "DescribeTaskDefinition")

    monkeypatch.setattr(inspection, "read_task_definition", refused)

    done = CliRunner().invoke(app, ["doctor", "web"])

    assert "cannot be read, and is not examined" in " ".join(done.stderr.split())
    assert [f["check"] for f in json.loads(CliRunner().invoke(app, ["doctor", "web", "--json", "-"]).stdout)]
