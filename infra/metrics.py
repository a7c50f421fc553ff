"""The metrics that the functions put out, as CloudWatch names them. Alarms and dashboards are made of them."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from infra.wiring import Feed
from steady.api_budget.limits import Bucket
from steady.metrics import MetricName
from steady.names import ALL_FUNCTIONS, NAMESPACE

MINUTE = cdk.Duration.minutes(1)


def of_cluster(
    name: str, cluster: str, feed: Feed, statistic: str = "Sum", label: str | None = None, pool: str = ""
) -> cloudwatch.Metric:
    """Return the metric `name` that the function of `feed` puts out for `cluster`, or for its `pool`, by the minute.

    A metric of an alarm has no label.
    """
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=str(name),
        dimensions_map={"cluster": cluster, **({"pool": pool} if pool else {}), "service": feed.function},
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


def of_pools(names: Sequence[str], cluster: str, feed: Feed, statistic: str = "Sum") -> cloudwatch.MathExpression:
    """Return the metrics `names` of each pool of `cluster` that the function of `feed` puts out, by the minute.

    It is for dashboards: CloudWatch looks the pools up, so that a pool that is added is shown, too (CloudWatch User
    Guide, "Search expression syntax").
    """
    wanted = " OR ".join(f'"{name}"' for name in names)
    search = f'{{{NAMESPACE},cluster,pool,service}} cluster="{cluster}" service="{feed.function}" MetricName=({wanted})'
    return cloudwatch.MathExpression(
        expression=f"SEARCH('{search}', '{statistic}', {MINUTE.to_seconds():.0f})",
        period=MINUTE,
        using_metrics={},
        label="",
    )
