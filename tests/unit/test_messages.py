"""What the autoscaler's and the RunTask failures' queues say."""

import json
from typing import Any

import pytest

from autoscaler import triggers
from autoscaler.triggers import Trigger
from interruption_handler import notices
from runtask_failure import message
from runtask_failure.failure import RunTaskFailure
from steady.cluster import Size
from steady.messages import Malformed
from steady.service_out.notice import Notice

HAKO: dict[str, Any] = {
    "group_name": "batch-asg",
    "cluster": "batch",
    "cpu": 1024,
    "memory": 2048,
    "hako_task_id": "3f0c7a52-6f0e-4f43-9d5e-0c3f0b9d2a11",
}
PLACEMENT: dict[str, Any] = {
    "detail-type": "ECS Service Action",
    "source": "aws.ecs",
    "resources": ["arn:aws:ecs:us-east-1:123456789012:service/web/api"],
    "detail": {
        "eventType": "ERROR",
        "eventName": "SERVICE_TASK_PLACEMENT_FAILURE",
        "clusterArn": "arn:aws:ecs:us-east-1:123456789012:cluster/web",
        "reason": "RESOURCE:CPU",
    },
}


@pytest.mark.parametrize("body", [HAKO, {"Type": "Notification", "Message": json.dumps(HAKO)}])
def test_hakos_message_is_taken_as_it_is_or_from_snss_envelope(body: dict[str, Any]) -> None:
    expected = RunTaskFailure("batch", HAKO["hako_task_id"], Size(1024, 2048), "batch-asg")

    assert message.parse(json.dumps(body)) == expected


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"cpu": "1024"}, "cpu is '1024': a whole number from 0 to"),
        ({"cpu": True}, "cpu is True"),
        ({"memory": 0}, "memory is 0: a whole number from 1 to"),
        ({"memory": None}, "memory is None"),
        ({"cluster": ""}, "cluster is ''"),
        ({"hako_task_id": None}, "hako_task_id is None"),
    ],
)
def test_a_failure_with_a_wrong_field_is_refused_with_the_field_and_its_value(
    change: dict[str, Any], what: str
) -> None:
    with pytest.raises(Malformed, match=what):
        message.parse(json.dumps({**HAKO, **change}))


@pytest.mark.parametrize("body", ["", "[]", '{"Type": "Notification", "Message": "hello"}'])
def test_what_is_no_failure_is_refused(body: str) -> None:
    with pytest.raises(Malformed, match="hako's message is needed"):
        message.parse(body)


def test_a_placement_failure_names_its_cluster_and_service() -> None:
    assert triggers.parse(json.dumps(PLACEMENT)) == Trigger("web", "api")


def test_a_nudge_names_its_cluster() -> None:
    assert triggers.parse('{"cluster": "web", "why": "interruption"}') == Trigger("web")


def test_an_interruption_names_the_instances_that_are_about_to_go() -> None:
    body = {"cluster": "web", "why": "interruption", "instances": ["i-1", "i-2"]}

    assert triggers.parse(json.dumps(body)) == Trigger("web", doomed=("i-1", "i-2"))


def failed_tick(**fields: Any) -> str:
    return json.dumps(
        {"requestContext": {"requestId": "e4b46cbf"}, "requestPayload": {"cluster": "web"}, "version": "1.0", **fields}
    )


def test_the_record_of_a_failed_tick_names_its_cluster_and_its_invocation() -> None:
    assert triggers.parse(failed_tick()) == Trigger("web", failed="e4b46cbf")


@pytest.mark.parametrize(
    "fields", [{"requestContext": {}}, {"requestPayload": ["web"]}, {"requestPayload": {"cluster": 5}}]
)
def test_a_record_of_another_form_is_refused_with_what_is_needed(fields: Any) -> None:
    with pytest.raises(Malformed, match="needed"):
        triggers.parse(failed_tick(**fields))


@pytest.mark.parametrize("instances", [5, "i-1", [1], None, {"i-1": 1}])
def test_instances_of_another_form_are_refused_with_what_is_needed(instances: object) -> None:
    with pytest.raises(Malformed, match="a list of instance ids is needed"):
        triggers.parse(json.dumps({"cluster": "web", "instances": instances}))


@pytest.mark.parametrize(
    "body",
    [
        "no json",
        "{}",
        "[]",
        json.dumps({**PLACEMENT, "resources": []}),
        json.dumps({**PLACEMENT, "detail": {**PLACEMENT["detail"], "eventName": "SERVICE_STEADY_STATE"}}),
    ],
)
def test_what_is_no_trigger_is_refused_with_what_is_needed(body: str) -> None:
    with pytest.raises(Malformed, match="needed"):
        triggers.parse(body)


LATE = {
    "detail-type": "Steady Late Batch Tasks",
    "detail": {"instances": {"i-0b662ef9931388ba0": 1320}, "at": 1200},
}


def test_late_batch_tasks_are_notices_that_wake_nobody() -> None:
    assert notices.parse(json.dumps(LATE)) == (Notice("i-0b662ef9931388ba0", 1200.0, 1320.0, in_renewal=True),)


@pytest.mark.parametrize(
    "detail",
    [None, {}, {"instances": ["i-1"], "at": 1}, {"instances": {"x": 1}, "at": 1}, {**LATE["detail"], "at": True}],  # type: ignore[dict-item]
)
def test_late_batch_tasks_of_another_form_are_refused_with_what_is_needed(detail: object) -> None:
    with pytest.raises(Malformed, match="needed"):
        notices.parse(json.dumps({**LATE, "detail": detail}))
