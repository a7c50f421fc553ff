"""The AWS layer on moto: real shapes, as far as moto has them."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from simulator.account import Account
from simulator.suite import RecordedTelemetry
from steady.aws.runtime import Runtime

REGION = "us-east-1"


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        yield Runtime(
            session=boto3.Session(region_name=REGION),
            in_parallel=lambda call, items, at_once=1: [call(item) for item in items],
            telemetry=RecordedTelemetry(Account()),
        )


@pytest.fixture
def table(runtime: Runtime) -> str:
    """The ledger's table, as infra/state_stack.py makes it."""
    runtime.dynamodb.create_table(
        TableName="ledger",
        KeySchema=[{"AttributeName": "cluster", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "cluster", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return "ledger"
