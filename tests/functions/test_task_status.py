"""Task state changes in S3, just as hako polls them: started and stopped, in any order, twice."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from steady.aws.runtime import Runtime
from steady.messages import Malformed
from task_status.handler import Place, handle_batch
from task_status.status import parse

BUCKET, PREFIX = "statuses", "tasks"
ARN = "arn:aws:ecs:us-east-1:123456789012:task/batch/0123456789abcdef0123456789abcdef"
STATES = ("PENDING", "RUNNING", "STOPPED")


def event(last: str = "RUNNING", *containers: str, arn: str = ARN, version: int = 1, **detail: Any) -> dict[str, Any]:
    named = [{"name": f"c{n}", "lastStatus": state, "exitCode": 0} for n, state in enumerate(containers)]
    known = {"taskArn": arn, "lastStatus": last, "containers": named, "version": version}
    return {
        "detail-type": "ECS Task State Change",
        "source": "aws.ecs",
        "detail": {**known, "startedAt": "2026-01-01T00:00:00Z", **detail},
    }


@pytest.fixture
def place(runtime: Runtime) -> Place:
    runtime.s3.create_bucket(Bucket=BUCKET)
    url: str = runtime.sqs.create_queue(QueueName="dead-letters")["QueueUrl"]
    return Place(BUCKET, PREFIX, url)


def handle(runtime: Runtime, place: Place, *events: Any) -> list[str]:
    records = [
        {
            "messageId": f"m{n}",
            "body": one if isinstance(one, str) else json.dumps(one),
            "attributes": {"SentTimestamp": "0"},
        }
        for n, one in enumerate(events)
    ]
    answer = handle_batch({"Records": records}, runtime, place)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def written(runtime: Runtime) -> dict[str, Any]:
    keys = [stored["Key"] for stored in runtime.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]
    return {key: json.loads(runtime.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()) for key in keys}


def test_each_state_is_an_object_under_the_task_s_arn_with_the_whole_event(runtime: Runtime, place: Place) -> None:
    started, stopped = event("RUNNING", "RUNNING"), event("STOPPED", "STOPPED", stoppedReason="it ended")

    assert handle(runtime, place, started, stopped) == []

    assert written(runtime) == {f"{PREFIX}/{ARN}/started.json": started, f"{PREFIX}/{ARN}/stopped.json": stopped}


@pytest.mark.parametrize(
    ("last", "containers", "name"),
    [
        ("RUNNING", ("RUNNING", "RUNNING"), "started.json"),
        # One that is not essential has ended already; one is still to come.
        ("RUNNING", ("RUNNING", "STOPPED"), "started.json"),
        ("RUNNING", ("RUNNING", "PENDING"), ""),
        ("RUNNING", ("STOPPED", "STOPPED"), ""),
        ("PENDING", ("RUNNING",), ""),
        ("RUNNING", (), ""),
        ("DEPROVISIONING", ("STOPPED",), ""),
        ("STOPPED", ("STOPPED", "STOPPED"), "stopped.json"),
        # It never started: no image, no room.
        ("STOPPED", (), "stopped.json"),
    ],
)
def test_what_an_event_says(last: str, containers: tuple[str, ...], name: str) -> None:
    assert parse(json.dumps(event(last, *containers))).name == name


def test_it_has_not_started_for_hako_before_ecs_says_when() -> None:
    without = event("RUNNING", "RUNNING")
    del without["detail"]["startedAt"]

    assert parse(json.dumps(without)).name == ""


@given(st.permutations([event("RUNNING", "RUNNING"), event("STOPPED", "STOPPED", version=3)] * 2))
def test_in_any_order_and_twice_it_is_the_same_two_objects(events: list[Any]) -> None:
    statuses = {status.key(PREFIX): status.text for status in (parse(json.dumps(one)) for one in events)}

    assert len(statuses) == 2


def test_of_two_events_of_a_batch_the_later_one_is_kept(runtime: Runtime, place: Place) -> None:
    late, early = event("STOPPED", "STOPPED", version=5, stoppedAt="x"), event("STOPPED", "STOPPED", version=4)

    handle(runtime, place, late, early)

    assert written(runtime) == {f"{PREFIX}/{ARN}/stopped.json": late}


def test_an_object_that_could_not_be_written_comes_again_and_the_others_do_not(
    runtime: Runtime, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = runtime.s3.put_object

    def refused(**params: Any) -> Any:
        if "refused" in params["Key"]:
            raise ClientError({"Error": {"Code": "SlowDown", "Message": "please"}}, "PutObject")
        return put(**params)

    monkeypatch.setattr(runtime.s3, "put_object", refused)
    other = ARN.replace("batch/", "batch/refused")

    failed = handle(runtime, place, event("RUNNING", "RUNNING", arn=other), event("RUNNING", "RUNNING"))

    assert failed == ["m0"]
    assert list(written(runtime)) == [f"{PREFIX}/{ARN}/started.json"]


def test_what_cannot_be_read_is_set_aside_with_its_reason(runtime: Runtime, place: Place) -> None:
    assert handle(runtime, place, "no JSON", {"detail": {"taskArn": 3}}, event("RUNNING", "RUNNING")) == []

    aside = runtime.sqs.receive_message(
        QueueUrl=place.dead_letter_queue_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    )["Messages"]
    assert len(aside) == 2
    assert any("taskArn is 3" in message["MessageAttributes"]["error"]["StringValue"] for message in aside)
    assert len(written(runtime)) == 1


@pytest.mark.parametrize("arn", [None, "", 3, "arn:aws:s3:::other", "../../other", "arn:" + "x" * 5000])
def test_a_key_is_never_anything_but_a_task_s(arn: Any) -> None:
    with pytest.raises(Malformed, match="a task's ARN is needed"):
        parse(json.dumps(event("STOPPED", arn=arn)))
