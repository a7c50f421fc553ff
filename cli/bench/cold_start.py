"""Measure starts: how long a function takes until its first call, and how much memory it has loaded.

The first step of a service-out waits for the start of the interruption handler.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

FUNCTIONS = Path(__file__).parents[2] / "functions"
# What each process runs until it could call ECS. No function that calls ECS can do less than `boto3`.
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
# All clients that each function may create.
CLIENTS: Mapping[str, tuple[str, ...]] = {
    "interruption_handler": ("ecs", "ecs_once", "elbv2", "ec2", "autoscaling", "sqs", "ssm", "dynamodb_once"),
    "autoscaler": ("ecs", "ec2", "autoscaling", "sqs", "ssm", "sns", "dynamodb", "dynamodb_once"),
    "runtask_failure": ("ecs", "ec2", "autoscaling", "sqs", "ssm", "sns", "dynamodb", "dynamodb_once"),
    "task_launcher": ("ecs", "ecs_once", "sqs", "ssm", "events", "step_functions", "dynamodb", "dynamodb_once"),
    "log_catalog": ("s3", "glue"),
    "task_status": ("s3", "sqs"),
}
_LOADED = (
    "import time\n"
    "from {function} import handler\n"
    "runtime = handler.runtime()\n"
    "[getattr(runtime, name) for name in {clients}]\n"
    # The peak of this process alone, from Linux. The peak of getrusage includes that of the parent process.
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
    """Return the median seconds of each of `INITS`, over `runs` fresh processes of each.

    They run in turn, so that other load on the machine slows all of them alike.
    """
    seconds: dict[str, list[float]] = {name: [] for name in INITS}
    for _ in range(runs):
        for name, init in INITS.items():
            seconds[name].append(_start_once(init))
            done()
    return {name: statistics.median(all_) for name, all_ in seconds.items()}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A fresh process that has loaded a function with all its clients: CPU seconds since the start, peak memory."""

    cpu_s: float
    mib: float


def loaded(function: str, runs: int = 5) -> Loaded:
    """Load `function` (the name of its folder) in `runs` fresh processes, and return the medians. Linux only."""
    code = _LOADED.format(function=function, clients=CLIENTS[function])
    found = [tuple(map(float, _run_code(code).split())) for _ in range(runs)]
    return Loaded(*(statistics.median(of) for of in zip(*found, strict=True)))


def _start_once(init: str) -> float:
    return float(_run_code(_TIMED.format(init=init)))


def _run_code(code: str) -> str:
    done = subprocess.run(  # noqa: S603 - this interpreter, with code of this module
        [sys.executable, "-c", code],
        env={**os.environ, **_ENVIRONMENT},
        cwd=FUNCTIONS,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout
