"""The metrics that the functions put out, as CloudWatch knows them: what alarms and dashboards are made of."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from infra.wiring import Feed
from steady.api_budget.limits import Bucket
from steady.names import ALL_FUNCTIONS, API_CALLS, NAMESPACE

MINUTE = cdk.Duration.minutes(1)


def of_cluster(
    name: str, cluster: str, feed: Feed, statistic: str = "Sum", label: str | None = None
) -> cloudwatch.Metric:
    """A metric that the function of `feed` puts out for `cluster`, by the minute. An alarm's has no label."""
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=name,
        dimensions_map={"cluster": cluster, "service": feed.function},
        period=MINUTE,
        statistic=statistic,
        label=label,
    )


def api_calls(bucket: Bucket, label: str | None = None) -> cloudwatch.Metric:
    """The calls of all functions that draw on `bucket`, by the minute."""
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=API_CALLS,
        dimensions_map={"bucket": bucket.name, "service": ALL_FUNCTIONS},
        period=MINUTE,
        statistic="Sum",
        label=label,
    )
