"""What the interruption queue's messages say."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from interruption_handler.notices import (
    KINDS,
    capacity_block_expiration,
    continuation,
    health_change,
    lifecycle_terminate,
    parse,
    rebalance_recommendation,
    reservation_interruption,
    spot_interruption,
    state_change,
)
from interruption_handler.notices.continuation import Continuation
from interruption_handler.notices.kind import NoticeKind
from simulator.messaging import matches_pattern
from steady.drain_mark import DrainMark, DrainReason
from steady.messages import Malformed
from steady.service_out.doomed import Doomed, LifecycleHook
from steady.service_out.notice import Ignored, Notice, Over, ReservationNotice
from steady.service_out.stops import Stop

NAME = "c" * 40
AT = datetime(2026, 1, 1, tzinfo=UTC).timestamp()

SPOT = spot_interruption.SAMPLE
LIFECYCLE = lifecycle_terminate.SAMPLE
REBALANCE = rebalance_recommendation.SAMPLE
STATE = state_change.SAMPLE
HEALTH: Mapping[str, Any] = {
    **health_change.SAMPLE,
    "detail": {
        **health_change.SAMPLE["detail"],
        "affectedEntities": [{"entityValue": "i-1"}, {"entityValue": "i-2"}, {"entityValue": "h-3"}],
    },
}


def parsed(event: object) -> object:
    return parse(json.dumps(event))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.PATTERN["detail-type"][0])
def test_the_sample_of_a_kind_reaches_its_parser_and_matches_no_other_pattern(kind: NoticeKind) -> None:
    notice = kind.parse(kind.SAMPLE)

    assert isinstance(notice, ReservationNotice) or (isinstance(notice, tuple) and isinstance(notice[0], Notice))
    assert parsed(kind.SAMPLE) == notice
    assert [one for one in KINDS if matches_pattern(one.PATTERN, kind.SAMPLE)] == [kind]


@pytest.mark.parametrize(
    ("action", "seconds", "reason"),
    [("terminate", 120, None), ("stop", 120, DrainReason.STOP), ("hibernate", 0, DrainReason.STOP)],
)
def test_a_spot_warning_leaves_two_minutes_from_its_own_time(
    action: str, seconds: int, reason: DrainReason | None
) -> None:
    event = {**SPOT, "detail": {**SPOT["detail"], "instance-action": action}}

    assert parsed(event) == (Notice("i-0b662ef9931388ba0", AT, AT + seconds, reason=reason),)


def test_a_lifecycle_notice_carries_its_hook() -> None:
    hook = LifecycleHook("web", "drain", "0befcbdb-6ecd-498a-9ff7-ae9b54447cd6")

    assert parsed(LIFECYCLE) == (Notice("i-0633ac2b0d9769723", AT, None, hook, reason=DrainReason.HOOK),)


def test_an_instance_on_its_way_to_the_warm_pool_is_under_its_hook_like_any_other() -> None:
    to_warm_pool = {**LIFECYCLE, "detail": {**LIFECYCLE["detail"], "Destination": "WarmPool"}}

    assert parsed(to_warm_pool) == parsed(LIFECYCLE)


@pytest.mark.parametrize(
    "event",
    [
        {"Event": "autoscaling:TEST_NOTIFICATION", "AutoScalingGroupName": "web"},
        {**LIFECYCLE, "detail": {"Event": "autoscaling:TEST_NOTIFICATION"}},
    ],
)
def test_a_test_notification_is_ignored(event: dict[str, Any]) -> None:
    assert isinstance(parsed(event), Ignored)


def test_a_rebalance_recommendation_is_only_recommended_and_brings_no_deadline() -> None:
    assert parsed(REBALANCE) == (Notice("i-0b662ef9931388ba0", AT, recommended=True, reason=DrainReason.REBALANCE),)


@pytest.mark.parametrize("state", ["shutting-down", "stopping", "stopped", "terminated"])
def test_an_instance_that_is_going_already_leaves_no_time(state: str) -> None:
    event = {**STATE, "detail": {**STATE["detail"], "state": state}}

    reason = DrainReason.STOP if state.startswith("stop") else None
    assert parsed(event) == (Notice("i-0b662ef9931388ba0", AT, AT, gone=True, reason=reason),)


def test_an_instance_that_runs_again_is_on_another_host_but_still_as_its_operator_wants_it() -> None:
    found = parsed({**STATE, "detail": {**STATE["detail"], "state": "running"}})

    assert isinstance(found, tuple)
    [over] = found
    assert (over.instance_id, over.at) == ("i-0b662ef9931388ba0", AT)
    assert over.reasons == set(DrainReason) - {DrainReason.OPERATOR, DrainReason.REBALANCE}


def test_an_instance_that_is_about_to_start_is_none_of_our_business() -> None:
    assert isinstance(parsed({**STATE, "detail": {**STATE["detail"], "state": "pending"}}), Ignored)


def test_a_health_event_names_many_instances_and_when_their_change_begins() -> None:
    start, end, reason = AT + 10 * 3600, AT + 12 * 3600, DrainReason.RETIREMENT

    found = notices_of(HEALTH)
    [event] = {notice.event for notice in found}
    assert event
    assert tuple(found) == tuple(
        Notice(id_, AT, start, reason=reason, until_s=end, event=event) for id_ in ("i-1", "i-2")
    )


def test_a_health_event_that_says_no_time_leaves_a_day() -> None:
    detail = {k: v for k, v in HEALTH["detail"].items() if k not in ("startTime", "endTime")}

    found = notices_of({**HEALTH, "detail": detail})
    assert {(notice.deadline_s, notice.until_s) for notice in found} == {(AT + 86_400, AT + 86_400 + 4 * 3600)}


def test_a_health_event_of_another_kind_is_ignored() -> None:
    assert isinstance(parsed({**HEALTH, "detail": {**HEALTH["detail"], "eventTypeCategory": "issue"}}), Ignored)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("AWS_EC2_INSTANCE_STOP_SCHEDULED", DrainReason.RETIREMENT),
        ("AWS_EC2_INSTANCE_RETIREMENT_SCHEDULED", DrainReason.RETIREMENT),
        ("AWS_EC2_INSTANCE_REBOOT_MAINTENANCE_SCHEDULED", DrainReason.MAINTENANCE),
        ("AWS_EC2_SYSTEM_REBOOT_MAINTENANCE_SCHEDULED", DrainReason.MAINTENANCE),
        ("AWS_EC2_INSTANCE_POWER_MAINTENANCE_SCHEDULED", DrainReason.MAINTENANCE),
    ],
)
def test_a_health_event_that_ends_or_restarts_instances_is_a_notice(code: str, reason: DrainReason) -> None:
    assert [notice.reason for notice in notices_of(health(eventTypeCode=code))] == [reason] * 2


@pytest.mark.parametrize(
    "changed",
    [
        {"statusCode": "closed"},
        {"affectedEntities": [{"entityValue": id_, "status": "RESOLVED"} for id_ in ("i-1", "i-2")]},
    ],
)
def test_a_health_event_that_is_over_says_so_of_each_instance(changed: dict[str, Any]) -> None:
    reasons = frozenset({DrainReason.MAINTENANCE, DrainReason.RETIREMENT})

    assert parsed(health(**changed)) == (Over("i-1", AT, reasons), Over("i-2", AT, reasons))


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"statusCode": "paused"}, "statusCode is 'paused'"),
        ({"statusCode": ["closed"]}, "statusCode is"),
        ({"eventTypeCode": "AWS_EC2_INSTANCE_NETWORK_MAINTENANCE_SCHEDULED"}, "neither ends nor restarts"),
        ({"eventTypeCode": "AWS_EC2_ODCR_UNDERUTILIZATION_NOTIFICATION"}, "neither ends nor restarts"),
        ({"affectedEntities": None}, "names no instance"),
        ({"affectedEntities": []}, "names no instance"),
        ({"affectedEntities": [{"entityValue": "vol-1"}]}, "names no instance"),
    ],
)
def test_a_health_event_after_which_no_instance_ends_is_ignored_and_says_why(changed: dict[str, Any], why: str) -> None:
    ignored = parsed(health(**changed))

    assert isinstance(ignored, Ignored)
    assert why in ignored.why


def test_an_instance_whose_maintenance_is_over_is_spared_beside_one_whose_is_to_come() -> None:
    entities = [{"entityValue": "i-1", "status": "RESOLVED"}, {"entityValue": "i-2", "status": "PENDING"}]

    found = parsed(health(affectedEntities=entities))
    assert [(one.instance_id, type(one)) for one in found] == [("i-1", Over), ("i-2", Notice)]  # type: ignore[attr-defined]


def test_an_instance_of_a_reclaimed_capacity_reservation_has_two_minutes_under_either_name_of_the_event() -> None:
    sample = reservation_interruption.SAMPLE
    for name in reservation_interruption.PATTERN["detail-type"]:
        assert notices_of({**sample, "detail-type": name}) == (Notice("i-0b662ef9931388ba0", AT, AT + 120),)


def test_a_capacity_block_leaves_ten_minutes_under_either_name_of_its_event() -> None:
    sample = capacity_block_expiration.SAMPLE
    for name in capacity_block_expiration.PATTERN["detail-type"]:
        assert parsed({**sample, "detail-type": name}) == ReservationNotice("cr-0b662ef9931388ba0", AT, AT + 600)


def health(**changed: Any) -> dict[str, Any]:
    return {**HEALTH, "detail": {**HEALTH["detail"], **changed}}


def notices_of(event: Mapping[str, Any]) -> tuple[Notice, ...]:
    found = parsed(dict(event))
    assert isinstance(found, tuple)
    return found


def test_an_unknown_kind_is_ignored_and_named() -> None:
    ignored = parsed({**SPOT, "detail-type": "EC2 Fleet Instance Change"})

    assert isinstance(ignored, Ignored)
    assert "EC2 Fleet Instance Change" in ignored.why


@pytest.mark.parametrize(
    ("event", "what"),
    [
        ({**SPOT, "time": "soon"}, "time is 'soon'"),
        ({**SPOT, "time": "2026-01-01T00:00:00"}, "time is"),
        ({k: v for k, v in SPOT.items() if k != "time"}, "time is None"),
        ({**SPOT, "detail": {"instance-action": "terminate"}}, "detail.instance-id is None"),
        ({**SPOT, "detail": "i-0b662ef9931388ba0"}, "detail.instance-action is None"),
        ({**SPOT, "detail": {**SPOT["detail"], "instance-id": 7}}, "detail.instance-id is 7"),
        ({**LIFECYCLE, "detail": {}}, "detail.AutoScalingGroupName is None"),
        ({"detail-type": continuation.DETAIL_TYPE, "detail": {}}, "cluster"),
        ({"detail-type": continuation.DETAIL_TYPE, "detail": {"cluster": "web"}}, "doomed"),
        ({"detail-type": continuation.DETAIL_TYPE, "detail": {"cluster": "web", "doomed": [], "due": [1]}}, "needed"),
        ({**REBALANCE, "detail": {}}, "detail.instance-id is None"),
        ({**STATE, "detail": {"instance-id": "i-1"}}, "detail.state is None"),
        ({**HEALTH, "detail": {**HEALTH["detail"], "affectedEntities": "i-1"}}, "affectedEntities is"),
        ({**HEALTH, "detail": {**HEALTH["detail"], "service": None}}, "detail.service is None"),
        ([], "JSON list"),
    ],
)
def test_a_malformed_message_is_refused_with_what_is_wrong(event: object, what: str) -> None:
    with pytest.raises(Malformed, match=what):
        parsed(event)


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(Malformed, match="not JSON"):
        parse("not json")


def test_unknown_extra_fields_do_no_harm() -> None:
    assert parsed({**SPOT, "new": 1, "detail": {**SPOT["detail"], "new": 1}}) == parsed(SPOT)


def test_a_continuation_is_read_as_it_was_written() -> None:
    doomed = (
        Doomed("i-1", "web", AT, "arn-1"),
        Doomed("i-2", "web", AT, hooks=(LifecycleHook("web", "drain", "token", 300, AT),), looked_at=True),
        Doomed("i-3", "web", AT, deregistered_at=AT, held=("api",), gone=True),
        Doomed("i-4", "web", AT, mark=DrainMark(DrainReason.MAINTENANCE, int(AT), int(AT))),
    )
    due = (Stop("arn:task/web/1", AT, AT + 30, 2), Stop("arn:task/web/2", AT, AT, 0))

    bodies = list(continuation.messages("web", doomed, due, "lease"))

    assert [parse(body) for body in bodies] == [Continuation("web", doomed, due, "lease")]
    assert [continuation.decode(continuation.encode(d), "web") for d in doomed] == list(doomed)


@pytest.mark.parametrize("length", [1, 40, 255])
def test_a_continuation_is_cut_into_messages_that_sqs_takes_whatever_the_length_of_the_names(length: int) -> None:
    name = "c" * length
    doomed = [
        Doomed(
            f"i-{n:017x}",
            name,
            AT,
            f"arn:aws:ecs:us-east-1:123456789012:container-instance/{name}/{n:032x}",
            (LifecycleHook(name, name, "t" * 36, 300, AT),),
        )
        for n in range(2000)
    ]
    due = [Stop(f"arn:aws:ecs:us-east-1:123456789012:task/{name}/{n:032x}", AT, AT) for n in range(5000)]

    bodies = list(continuation.messages(name, doomed, due, "lease"))
    parts = [parse(body) for body in bodies]

    assert max(len(body) for body in bodies) <= 262_144
    assert [d for part in parts if isinstance(part, Continuation) for d in part.doomed] == doomed
    assert [part.lease for part in parts if isinstance(part, Continuation)] == ["lease"] + [""] * (len(parts) - 1)
    first = parts[0]
    assert isinstance(first, Continuation)
    # Those that do not fit are found again by the next look.
    assert list(first.due) == due[: len(first.due)]
    assert len(first.due) >= 1000
