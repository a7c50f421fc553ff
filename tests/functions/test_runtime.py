"""What a handler runs on: each try of an ECS call is counted by the bucket that it draws on."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from moto import mock_aws

from steady.aws.runtime import Runtime


class Kept:
    """Telemetry that keeps what was said of calls."""

    said: dict[str, int]

    def api_calls(self, calls: dict[str, int]) -> None:
        self.said = calls


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, kept: Kept) -> Any:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        yield Runtime(session=boto3.Session(region_name="us-east-1"), telemetry=kept)  # type: ignore[arg-type]


def test_calls_are_counted_by_bucket_and_begin_anew_once_said(aws: Runtime, kept: Kept) -> None:
    aws.ecs.list_clusters()
    aws.ecs.list_clusters()
    aws.ecs.list_task_definitions()
    aws.sqs.list_queues()

    aws.report_calls()
    assert kept.said == {"cluster-read": 2, "task-definition-read": 1}

    aws.report_calls()
    assert kept.said == {}


def test_each_try_counts_as_it_does_for_ecs(aws: Runtime, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    refusals = iter([True, True, False])

    def throttle(request: Any, **_: Any) -> AWSResponse | None:
        if not next(refusals):
            return None
        response = AWSResponse(request.url, 400, {"x-amzn-errortype": "ThrottlingException"}, None)
        response._content = b'{"__type": "ThrottlingException", "message": "Rate exceeded"}'
        return response

    aws.ecs.meta.events.register_first("before-send.ecs.ListClusters", throttle)

    aws.ecs.list_clusters()

    aws.report_calls()
    assert kept.said == {"cluster-read": 3}
