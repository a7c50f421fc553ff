"""`steady adopt` on an account that moto holds: the row deploys as it is printed, and nothing is written."""

from __future__ import annotations

import json
from typing import Any

import boto3
from typer.testing import CliRunner

from cli.main import app
from infra.settings.target import targets_in
from steady.names import TERMINATING
from tests.cli.accounts import group, service, template

FITS = "#!/bin/bash\necho ECS_CLUSTER=web >> /etc/ecs/ecs.config\n"


def adopt(cluster: str = "web") -> dict[str, Any]:
    done = CliRunner().invoke(app, ["adopt", cluster, "--json", "-"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def behind_providers(aws: boto3.Session, template_id: str) -> None:
    """As the usual Terraform module for ECS makes it: two groups behind capacity providers, and Fargate."""
    autoscaling, ecs = aws.client("autoscaling"), aws.client("ecs")
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName="web-spot_1",
        LaunchTemplate={"LaunchTemplateId": template_id},
        MinSize=1,
        MaxSize=8,
        AvailabilityZones=["us-east-1a"],
    )
    for name, scaling in (("web", "DISABLED"), ("web-spot_1", "ENABLED")):
        arn = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"][0][
            "AutoScalingGroupARN"
        ]
        provider = {"autoScalingGroupArn": arn, "managedScaling": {"status": scaling}}
        ecs.create_capacity_provider(name=f"of-{name}", autoScalingGroupProvider=provider)
    ecs.put_cluster_capacity_providers(
        cluster="web",
        capacityProviders=["of-web", "of-web-spot_1", "FARGATE"],
        defaultCapacityProviderStrategy=[],
    )


def test_a_cluster_with_one_group_gets_a_row_with_its_capacity(aws: boto3.Session) -> None:
    service(aws, delay_s=45, stop_timeout_s=30)
    group(aws, template(aws, FITS))

    found = adopt()

    assert found["row"] == {
        "name": "web",
        "capacity": "auto-scaling-group:web",
        "thresholds": {"mode": "dry-run", "min_capacity": 0, "max_capacity": 5},
    }
    # The deployment adds the hook.
    assert found["findings"] == []


def test_a_cluster_of_the_usual_terraform_module_gets_a_row_with_its_pools(aws: boto3.Session) -> None:
    service(aws, delay_s=45, stop_timeout_s=30)
    template_id = template(aws, FITS)
    group(aws, template_id)
    behind_providers(aws, template_id)
    aws.client("autoscaling").put_lifecycle_hook(
        AutoScalingGroupName="web-spot_1", LifecycleHookName="theirs", LifecycleTransition=TERMINATING
    )

    found = adopt()

    assert found["row"] == {
        "name": "web",
        "pools": [
            {"name": "web", "capacity": "auto-scaling-group:web", "min": 0, "max": 5},
            {"name": "web-spot_1", "capacity": "auto-scaling-group:web-spot_1", "min": 1, "max": 8, "hook": False},
        ],
        "thresholds": {"mode": "dry-run"},
    }
    [target] = targets_in({"clusters": [found["row"]]})
    assert target.settings.several_pools == {"web": ["web", "web-spot_1"]}
    # Managed scaling is another writer of the capacity.
    assert "other-writer" in {one["check"] for one in found["findings"]}


def test_what_is_no_pool_is_refused_or_left_alone(aws: boto3.Session) -> None:
    done = CliRunner().invoke(app, ["adopt", "none"])
    assert done.exit_code == 2
    assert 'there is no ECS cluster "none"' in done.stderr

    aws.client("ecs").create_cluster(clusterName="empty")
    done = CliRunner().invoke(app, ["adopt", "empty"])
    assert done.exit_code == 2
    assert "has no Auto Scaling group and no Spot Fleet" in done.stderr


def test_the_row_is_printed_as_json(aws: boto3.Session) -> None:
    service(aws, delay_s=5, stop_timeout_s=30)
    group(aws, template(aws, FITS))

    shown = CliRunner().invoke(app, ["adopt", "web"]).stdout

    row, end = json.JSONDecoder().raw_decode(shown)
    assert row["capacity"] == "auto-scaling-group:web"
    assert "deregistration-delay" in shown[end:]
