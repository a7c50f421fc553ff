"""Alarms, each with the runbook's entry in its description, and their way to the people who are told."""

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.settings import Settings


def alarm(
    scope: Construct,
    id_: str,
    settings: Settings,
    *,
    metric: cloudwatch.IMetric,
    means: str,
    entry: str,
    minutes: int = 1,
    of_minutes: int = 1,
) -> cloudwatch.Alarm:
    """An alarm on any count over 0 in `minutes` of `of_minutes`; its topic is told, if the deployment has one.

    Args:
        means: what has happened, in a sentence.
        entry: the runbook's entry, as the anchor of its heading.
    """
    made = cloudwatch.Alarm(
        scope,
        id_,
        alarm_description=f"{means} See docs/runbook.md#{entry}.",
        metric=metric,
        threshold=0,
        evaluation_periods=of_minutes,
        datapoints_to_alarm=minutes,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    )
    if settings.alarm_topic_arn:
        topic = sns.Topic.from_topic_arn(made, "Topic", settings.alarm_topic_arn)
        made.add_alarm_action(actions.SnsAction(topic))
    return made
