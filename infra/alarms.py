"""Alarms. The description of each says what it means and links to its entry in the runbook; `AlertsStack` sends it."""

from typing import Any

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.settings.target import Settings

# The names of the suite's alarms begin with this. It tells them from the account's others.
PREFIX = "steady: "


def alarm(
    scope: Construct,
    id_: str,
    settings: Settings,
    *,
    name: str,
    metric: cloudwatch.IMetric,
    means: str,
    entry: str,
    over: float = 0,
    minutes: int = 1,
    of_minutes: int = 1,
) -> cloudwatch.Alarm:
    """Add an alarm that goes off when `metric` is over `over` in `minutes` of `of_minutes`.

    Args:
        name: what is wrong with what, in a few words; unique in the account and Region.
        means: what has happened and what happens next, in sentences.
        entry: the runbook's entry, as the anchor of its heading.
    """
    return _alarm(
        scope,
        id_,
        settings,
        name=name,
        means=means,
        entry=entry,
        metric=metric,
        threshold=over,
        evaluation_periods=of_minutes,
        datapoints_to_alarm=minutes,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    )


def silence_alarm(
    scope: Construct,
    id_: str,
    settings: Settings,
    *,
    name: str,
    metric: cloudwatch.IMetric,
    means: str,
    entry: str,
    minutes: int,
) -> cloudwatch.Alarm:
    """Add an alarm that goes off when a count has been 0, or missing, for `minutes` on end."""
    return _alarm(
        scope,
        id_,
        settings,
        name=name,
        means=means,
        entry=entry,
        metric=metric,
        threshold=1,
        evaluation_periods=minutes,
        datapoints_to_alarm=minutes,
        comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
        treat_missing_data=cloudwatch.TreatMissingData.BREACHING,
    )


def _alarm(
    scope: Construct, id_: str, settings: Settings, *, name: str, means: str, entry: str, **how: Any
) -> cloudwatch.Alarm:
    description = f"{means} {settings.runbook}#{entry}"
    return cloudwatch.Alarm(scope, id_, alarm_name=f"{PREFIX}{name}", alarm_description=description, **how)
