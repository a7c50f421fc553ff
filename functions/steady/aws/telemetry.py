"""Write structured log lines, and metrics in CloudWatch's embedded metric format (Powertools)."""

from collections.abc import Mapping
from typing import Any, Protocol

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit, single_metric

from steady.metrics import MetricName
from steady.names import ALL_FUNCTIONS, NAMESPACE


class Telemetry(Protocol):
    """Takes the log lines and the metrics of a function."""

    def info(self, message: str, **fields: Any) -> None: ...

    def warning(self, message: str, **fields: Any) -> None: ...

    def error(self, message: str, **fields: Any) -> None: ...

    def count(self, metric: str, value: float = 1, cluster: str = "", pool: str = "") -> None: ...

    def seconds(self, metric: str, value: float, cluster: str) -> None: ...

    def gauges(self, values: Mapping[str, float], cluster: str, pool: str = "") -> None: ...

    def api_calls(self, calls: Mapping[str, int]) -> None: ...


class PowertoolsTelemetry:
    """Writes log lines as JSON to standard output, and metrics as EMF lines of functions, clusters and pools."""

    def __init__(self) -> None:
        self.logger = Logger()

    def info(self, message: str, **fields: Any) -> None:
        self.logger.info(message, extra=fields)

    def warning(self, message: str, **fields: Any) -> None:
        self.logger.warning(message, extra=fields)

    def error(self, message: str, **fields: Any) -> None:
        self.logger.error(message, extra=fields)

    def count(self, metric: str, value: float = 1, cluster: str = "", pool: str = "") -> None:
        if value:
            self._one(metric, MetricUnit.Count, value, _dimensions(cluster, pool))

    def seconds(self, metric: str, value: float, cluster: str) -> None:
        self._one(metric, MetricUnit.Seconds, value, {"cluster": cluster})

    def gauges(self, values: Mapping[str, float], cluster: str, pool: str = "") -> None:
        """Put the state of a cluster, or of one of its pools, into one line: `values`, by the metric's name."""
        metrics = EphemeralMetrics(namespace=NAMESPACE)
        for dimension, named in _dimensions(cluster, pool).items():
            metrics.add_dimension(name=dimension, value=named)
        for name, value in values.items():
            metrics.add_metric(name=name, unit=MetricUnit.NoUnit, value=value)
        metrics.flush_metrics()

    def api_calls(self, calls: Mapping[str, int]) -> None:
        """Put ECS calls, by their bucket, into one metric of all functions together; each try counts."""
        for bucket, count in calls.items():
            self._one(MetricName.API_CALLS, MetricUnit.Count, count, {"service": ALL_FUNCTIONS, "bucket": bucket})

    def _one(self, metric: str, unit: MetricUnit, value: float, dimensions: Mapping[str, str]) -> None:
        with single_metric(name=metric, unit=unit, value=value, namespace=NAMESPACE) as line:
            for name, dimension in dimensions.items():
                line.add_dimension(name=name, value=dimension)


def _dimensions(cluster: str, pool: str) -> dict[str, str]:
    return {name: value for name, value in (("cluster", cluster), ("pool", pool)) if value}
