"""How long the interruption handler takes from its start to its first call, beside others: a notice pays for it."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

FUNCTIONS = Path(__file__).parent.parent / "functions"
# What each does before its first call of ECS; `boto3` is the least that such a function does.
INITS: Mapping[str, str] = {
    "boto3": "import boto3; boto3.client('ecs')",
    "interruption handler": "from interruption_handler import handler; handler.runtime().ecs",
    "the usual handler": (
        "import boto3\n"
        "from aws_lambda_powertools import Logger, Metrics\n"
        "from aws_lambda_powertools.utilities.batch import BatchProcessor\n"
        "from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer\n"
        "from aws_lambda_powertools.utilities.parameters import SSMProvider\n"
        "from aws_lambda_powertools.utilities.parser import BaseModel\n"
        "from aws_lambda_powertools.utilities.parser.models import EventBridgeModel, SqsModel\n"
        "ssm, table = SSMProvider(), DynamoDBPersistenceLayer(table_name='idempotency')\n"
        "clients = [boto3.client(n) for n in ('ecs', 'ec2', 'elbv2', 'autoscaling', 'sqs', 'dynamodb')]\n"
    ),
}
_TIMED = "import time\nstart = time.perf_counter()\n{init}\nprint(time.perf_counter() - start)\n"
_ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "POWERTOOLS_SERVICE_NAME": "cold",
    "POWERTOOLS_METRICS_NAMESPACE": "cold",
}


def measure(runs: int, done: Callable[[], None] = lambda: None) -> dict[str, float]:
    """Seconds of each init, the median of `runs` fresh processes; each in turn, so that all meet the same noise."""
    seconds: dict[str, list[float]] = {name: [] for name in INITS}
    for _ in range(runs):
        for name, init in INITS.items():
            seconds[name].append(_once(init))
            done()
    return {name: statistics.median(all_) for name, all_ in seconds.items()}


def _once(init: str) -> float:
    done = subprocess.run(  # noqa: S603 - our own interpreter, and our own text
        [sys.executable, "-c", _TIMED.format(init=init)],
        env={**os.environ, **_ENVIRONMENT},
        cwd=FUNCTIONS,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)
