"""The one SNS topic that people subscribe to: each alarm in a line that a chat can show, and invalid thresholds."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.alarms import PREFIX, alarm
from infra.settings.target import Settings

DETAIL = "$.detail"


def sns_key(scope: Construct) -> kms.IAlias:
    """Return SNS's own key in the account: those of the account who may publish may use it, and nobody else."""
    return kms.Alias.from_alias_name(scope, "SnsKey", "alias/aws/sns")


class AlertsStack(cdk.Stack):
    """The topic, to which an address or a chat (Amazon Q Developer in chat applications) is subscribed by hand."""

    def __init__(self, scope: Construct, id_: str, *, settings: Settings, **kwargs: Any) -> None:
        super().__init__(scope, id_, **kwargs)
        # What SNS does not take for a day (EventBridge's retries) is kept: no other way leads to people.
        self.unsent = sqs.Queue(
            self,
            "Unsent",
            enforce_ssl=True,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            retention_period=cdk.Duration.days(14),
        )
        alarm(
            self,
            "UnsentAlarm",
            settings,
            name="alarms do not reach people",
            metric=self.unsent.metric_approximate_number_of_messages_visible(
                period=cdk.Duration.minutes(1), statistic="Maximum"
            ),
            means="EventBridge could not publish an alarm to the topic of people, and has given up. The alarm is a "
            "message in the queue Unsent for 14 days. Nobody may have been told of it.",
            entry="alarms-do-not-reach-people",
        )
        self.topic = sns.Topic(self, "People", enforce_ssl=True, master_key=sns_key(self))
        # CloudWatch's own notification is a page of JSON: the event says the same in a line.
        name, why = (events.EventField.from_path(f"{DETAIL}.{key}") for key in ("alarmName", "state.reason"))
        means = events.EventField.from_path(f"{DETAIL}.configuration.description")
        self._tell("Alarms", {"state": {"value": ["ALARM"]}}, f"ALARM {name}. {means} ({why})")
        ended = {"state": {"value": ["OK"]}, "previousState": {"value": ["ALARM"]}}
        self._tell("Ended", ended, f"OK {name}: this alarm has ended.")
        cdk.CfnOutput(self, "PeopleTopic", value=self.topic.topic_arn, description="Subscribe people, or a chat, here.")

    def _tell(self, id_: str, detail: dict[str, Any], text: str) -> None:
        rule = events.Rule(
            self,
            id_,
            event_pattern=events.EventPattern(
                source=["aws.cloudwatch"],
                detail_type=["CloudWatch Alarm State Change"],
                detail={"alarmName": [{"prefix": PREFIX}], **detail},
            ),
        )
        # The rule publishes with its own role. A grant to the EventBridge service would let any rule publish.
        message = events.RuleTargetInput.from_text(text)
        rule.add_target(
            targets.SnsTopic(self.topic, message=message, authorize_using_role=True, dead_letter_queue=self.unsent)
        )
