"""What the functions say: structured log lines, and metrics in CloudWatch's embedded format (Powertools)."""

from typing import Any, Protocol

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric

NAMESPACE = "Steady"


class Telemetry(Protocol):
    """Where a handler's log lines and counts go."""

    def info(self, message: str, **fields: Any) -> None: ...

    def warning(self, message: str, **fields: Any) -> None: ...

    def error(self, message: str, **fields: Any) -> None: ...

    def count(self, metric: str, value: float = 1, cluster: str = "") -> None: ...


class PowertoolsTelemetry:
    """Log lines as JSON on standard output; each count an EMF line of its own, with the cluster as its dimension."""

    def __init__(self) -> None:
        self.logger = Logger()

    def info(self, message: str, **fields: Any) -> None:
        self.logger.info(message, extra=fields)

    def warning(self, message: str, **fields: Any) -> None:
        self.logger.warning(message, extra=fields)

    def error(self, message: str, **fields: Any) -> None:
        self.logger.error(message, extra=fields)

    def count(self, metric: str, value: float = 1, cluster: str = "") -> None:
        if not value:
            return
        with single_metric(name=metric, unit=MetricUnit.Count, value=value, namespace=NAMESPACE) as line:
            if cluster:
                line.add_dimension(name="cluster", value=cluster)
