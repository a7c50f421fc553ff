"""What a start loads: a notice waits for nothing that it does not need."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cli.bench.cold_start import FUNCTIONS, INITS, measure

# What the interruption handler does without until something asks for it, or at all.
UNNEEDED = {
    "boto3",
    "s3transfer",
    "pydantic",
    "asyncio",
    "steady.thresholds",
    "steady.scaling",
    "steady.aws.scaling",
    "steady.aws.api_budget",
    "aws_lambda_powertools.utilities.batch",
    "aws_lambda_powertools.utilities.parser",
}


def loaded(handler: str) -> set[str]:
    code = f"import sys, {handler}; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=FUNCTIONS, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_interruption_handler_loads_only_what_a_notice_needs() -> None:
    assert loaded("interruption_handler.handler") & UNNEEDED == set()


@pytest.mark.parametrize("handler", ["autoscaler", "runtask_failure", "task_launcher", "log_catalog", "task_status"])
def test_no_handler_loads_pydantic_or_boto3s_transfers(handler: str) -> None:
    assert loaded(f"{handler}.handler") & {"pydantic", "boto3", "s3transfer"} == set()


def test_no_client_is_made_before_it_is_needed() -> None:
    code = "from interruption_handler import handler; print(sorted(vars(handler.runtime())))"
    done = subprocess.run([sys.executable, "-c", code], cwd=FUNCTIONS, capture_output=True, text=True, check=True)

    assert "ecs" not in done.stdout


def test_the_benchmark_measures_each_init_in_a_process_of_its_own() -> None:
    seconds = measure(runs=1)

    assert set(seconds) == set(INITS)
    assert all(value > 0 for value in seconds.values())
