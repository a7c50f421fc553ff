"""A log group that keeps stopped tasks and Spot warnings for two weeks: `steady record` makes traces of them."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from interruption_handler.notices import spot_interruption
from steady.names import EVENTS_LOG_GROUP

# A task's last event says when the task was created, started and stopped. Earlier events are not needed.
STOPPED_TASK = {
    "source": ["aws.ecs"],
    "detail-type": ["ECS Task State Change"],
    "detail": {"lastStatus": ["STOPPED"]},
}


class EventsStack(cdk.Stack):
    """EventBridge rules that write events to the log group."""

    def __init__(self, scope: Construct, id_: str, **kwargs: Any) -> None:
        super().__init__(scope, id_, **kwargs)
        group = logs.LogGroup(
            self,
            "Events",
            log_group_name=EVENTS_LOG_GROUP,
            retention=logs.RetentionDays.TWO_WEEKS,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        group.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[
                    iam.ServicePrincipal("events.amazonaws.com"),
                    iam.ServicePrincipal("delivery.logs.amazonaws.com"),
                ],
                actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                resources=[group.log_group_arn],
            )
        )
        # The CDK's own target would add a Lambda function that sets the policy that is set above.
        arn = self.format_arn(
            service="logs",
            resource="log-group",
            resource_name=EVENTS_LOG_GROUP,
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        for name, pattern in (("Tasks", STOPPED_TASK), ("Warnings", spot_interruption.PATTERN)):
            rule = events.CfnRule(
                self, name, event_pattern=pattern, targets=[events.CfnRule.TargetProperty(arn=arn, id="Events")]
            )
            rule.node.add_dependency(group)
