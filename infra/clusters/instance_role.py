"""The role of container instances: register with their own cluster, pull images, log, and answer Session Manager."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct


def instance_role(scope: Construct, cluster: str) -> iam.Role:
    """Make the role of the instances of `cluster`. Tasks have their own roles, and cannot use this one."""
    stack = cdk.Stack.of(scope)
    role = iam.Role(scope, "InstanceRole", assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"))
    ours = stack.format_arn(service="ecs", resource="cluster", resource_name=cluster)
    instances = stack.format_arn(service="ecs", resource="container-instance", resource_name=f"{cluster}/*")
    streams = stack.format_arn(
        service="logs", resource="log-group", resource_name="*", arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME
    )
    repositories = stack.format_arn(service="ecr", resource="repository", resource_name="*")

    def allow(actions: list[str], resources: list[str]) -> None:
        role.add_to_policy(iam.PolicyStatement(actions=actions, resources=resources))

    allow(
        [
            "ecs:DeregisterContainerInstance",
            "ecs:RegisterContainerInstance",
            "ecs:SubmitAttachmentStateChanges",
            "ecs:SubmitContainerStateChange",
            "ecs:SubmitTaskStateChange",
        ],
        [ours],
    )
    allow(["ecs:Poll", "ecs:StartTelemetrySession"], [instances])
    allow(
        ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        [repositories],
    )
    # Docker's driver awslogs writes with the instance's role where a task has no execution role (Amazon ECS: "Send
    # Amazon ECS logs to CloudWatch"). The log groups are the operators': no option of a task definition makes one.
    allow(["logs:CreateLogStream", "logs:PutLogEvents"], [streams])
    # None of these has a resource (Service Authorization Reference: ECS, ECR, Session Manager's message gateway).
    allow(
        [
            "ecr:GetAuthorizationToken",
            "ecs:DiscoverPollEndpoint",
            "ssmmessages:CreateControlChannel",
            "ssmmessages:CreateDataChannel",
            "ssmmessages:OpenControlChannel",
            "ssmmessages:OpenDataChannel",
        ],
        ["*"],
    )
    # The SSM agent reports with this action. Its resource is the instance, whose id is not known yet.
    allow(["ssm:UpdateInstanceInformation"], [stack.format_arn(service="ec2", resource="instance", resource_name="*")])
    return role
