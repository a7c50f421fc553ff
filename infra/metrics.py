"""The metrics that the functions put out, as CloudWatch names them. Alarms and dashboards are made of them."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from infra.wiring import Feed
from steady.api_budget.limits import Bucket
from steady.metrics import MetricName
from steady.names import ALL_FUNCTIONS, NAMESPACE

MINUTE = cdk.Duration.minutes(1)


def of_cluster(
    name: str, cluster: str, feed: Feed, statistic: str = "Sum", label: str | None = None
) -> cloudwatch.Metric:
    """Return the metric `name` that the function of `feed` puts out for `cluster`, by the minute.

    A metric of an alarm has no label.
    """
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=str(name),
        dimensions_map={"cluster": cluster, "service": feed.function},
        period=MINUTE,
        statistic=statistic,
        label=label,
    )


def of_function(name: str, function: str, label: str | None = None) -> cloudwatch.Metric:
    """Return the count `name` that `function` puts out for all clusters together, by the minute."""
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=str(name),
        dimensions_map={"service": function},
        period=MINUTE,
        statistic="Sum",
        label=label,
    )


def api_calls(bucket: Bucket, label: str | None = None) -> cloudwatch.Metric:
    """Return the count of the calls of all functions that draw on `bucket`, by the minute."""
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=str(MetricName.API_CALLS),
        dimensions_map={"bucket": bucket.name, "service": ALL_FUNCTIONS},
        period=MINUTE,
        statistic="Sum",
        label=label,
    )
