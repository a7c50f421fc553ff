"""What the interruption queue's messages say."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from interruption_handler.notices import continuation, parse
from interruption_handler.notices.notice import Ignored, Notice
from steady.aws.queue import Malformed
from steady.drain import Doomed, LifecycleHook

AT = datetime(2026, 1, 1, tzinfo=UTC).timestamp()

SPOT: dict[str, Any] = {
    "version": "0",
    "id": "1e5527d7-bb36-4607-3370-4164db56a40e",
    "detail-type": "EC2 Spot Instance Interruption Warning",
    "source": "aws.ec2",
    "account": "123456789012",
    "time": "2026-01-01T00:00:00Z",
    "region": "us-east-1",
    "resources": ["arn:aws:ec2:us-east-1b:instance/i-0b662ef9931388ba0"],
    "detail": {"instance-id": "i-0b662ef9931388ba0", "instance-action": "terminate"},
}
LIFECYCLE: dict[str, Any] = {
    "detail-type": "EC2 Instance-terminate Lifecycle Action",
    "source": "aws.autoscaling",
    "time": "2026-01-01T00:00:00Z",
    "detail": {
        "LifecycleActionToken": "0befcbdb-6ecd-498a-9ff7-ae9b54447cd6",
        "AutoScalingGroupName": "web",
        "LifecycleHookName": "drain",
        "EC2InstanceId": "i-0633ac2b0d9769723",
        "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
    },
}


def parsed(event: object) -> object:
    return parse(json.dumps(event))


@pytest.mark.parametrize(("action", "seconds"), [("terminate", 120), ("stop", 120), ("hibernate", 0)])
def test_a_spot_warning_leaves_two_minutes_from_its_own_time(action: str, seconds: int) -> None:
    event = {**SPOT, "detail": {**SPOT["detail"], "instance-action": action}}

    assert parsed(event) == Notice("i-0b662ef9931388ba0", AT, AT + seconds)


def test_a_lifecycle_notice_carries_its_hook() -> None:
    hook = LifecycleHook("web", "drain", "0befcbdb-6ecd-498a-9ff7-ae9b54447cd6")

    assert parsed(LIFECYCLE) == Notice("i-0633ac2b0d9769723", AT, None, hook)


@pytest.mark.parametrize(
    "event",
    [
        {"Event": "autoscaling:TEST_NOTIFICATION", "AutoScalingGroupName": "web"},
        {**LIFECYCLE, "detail": {"Event": "autoscaling:TEST_NOTIFICATION"}},
    ],
)
def test_a_test_notification_is_ignored(event: dict[str, Any]) -> None:
    assert isinstance(parsed(event), Ignored)


def test_an_unknown_kind_is_ignored_and_named() -> None:
    ignored = parsed({**SPOT, "detail-type": "EC2 Fleet Instance Change"})

    assert isinstance(ignored, Ignored)
    assert "EC2 Fleet Instance Change" in ignored.why


@pytest.mark.parametrize(
    ("event", "what"),
    [
        ({**SPOT, "time": "soon"}, 'time is "soon"'),
        ({**SPOT, "time": "2026-01-01T00:00:00"}, "time is"),
        ({k: v for k, v in SPOT.items() if k != "time"}, "time is None"),
        ({**SPOT, "detail": {"instance-action": "terminate"}}, "detail.instance-id is None"),
        ({**SPOT, "detail": "i-0b662ef9931388ba0"}, "detail.instance-action is None"),
        ({**SPOT, "detail": {**SPOT["detail"], "instance-id": 7}}, "detail.instance-id is 7"),
        ({**LIFECYCLE, "detail": {}}, "detail.AutoScalingGroupName is None"),
        ({"detail-type": continuation.DETAIL_TYPE, "detail": {}}, "doomed"),
        ([], "JSON list"),
    ],
)
def test_a_malformed_message_is_refused_with_what_is_wrong(event: object, what: str) -> None:
    with pytest.raises(Malformed, match=what):
        parsed(event)


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(Malformed, match="no JSON"):
        parse("not json")


def test_unknown_extra_fields_do_no_harm() -> None:
    assert isinstance(parsed({**SPOT, "new": 1, "detail": {**SPOT["detail"], "new": 1}}), Notice)


def test_a_continuation_is_read_as_it_was_written() -> None:
    doomed = (
        Doomed("i-1", "web", AT, "arn-1"),
        Doomed("i-2", "web", AT, "", LifecycleHook("web", "drain", "token", 300, AT)),
    )

    assert parse(continuation.message(doomed)) == doomed
