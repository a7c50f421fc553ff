"""How long the interruption handler takes from its start to its first call, beside others: a notice pays for it."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

FUNCTIONS = Path(__file__).parents[2] / "functions"
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
# What a function has loaded once it has done all that it can: what it imports, and its clients.
CLIENTS: Mapping[str, tuple[str, ...]] = {
    "interruption_handler": ("ecs", "ecs_once", "elbv2", "ec2", "autoscaling", "sqs", "ssm", "dynamodb_once"),
    "autoscaler": ("ecs", "ec2", "autoscaling", "sqs", "ssm", "sns", "dynamodb", "dynamodb_once"),
    "runtask_failure": ("ecs", "ec2", "autoscaling", "sqs", "ssm", "sns", "dynamodb", "dynamodb_once"),
    "log_catalog": ("s3", "glue"),
    "task_status": ("s3", "sqs"),
}
_LOADED = (
    "import time\n"
    "from {function} import handler\n"
    "runtime = handler.runtime()\n"
    "[getattr(runtime, name) for name in {clients}]\n"
    # Linux's own peak of this process alone: getrusage's begins with that of whoever started it.
    "status = dict(line.split(':', 1) for line in open('/proc/self/status'))\n"
    "print(time.process_time(), int(status['VmHWM'].split()[0]) / 1024)\n"
)
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


@dataclass(frozen=True, slots=True)
class Loaded:
    """A fresh process with a function and all its clients: CPU seconds since its start, and its peak of memory."""

    cpu_s: float
    mib: float


def loaded(function: str, runs: int = 5) -> Loaded:
    """The medians of `runs` fresh processes of `function`, as its folder is named. For Linux, which Lambda runs on."""
    code = _LOADED.format(function=function, clients=CLIENTS[function])
    found = [tuple(map(float, _printed(code).split())) for _ in range(runs)]
    return Loaded(*(statistics.median(of) for of in zip(*found, strict=True)))


def _once(init: str) -> float:
    return float(_printed(_TIMED.format(init=init)))


def _printed(code: str) -> str:
    done = subprocess.run(  # noqa: S603 - our own interpreter, and our own text
        [sys.executable, "-c", code],
        env={**os.environ, **_ENVIRONMENT},
        cwd=FUNCTIONS,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout
