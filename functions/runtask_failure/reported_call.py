"""Parse a call of RunTask that failed, as CloudTrail reports it to EventBridge. Whoever called knows nothing of us.

ECS answers a call without room with `failures`, or, if no instance is registered, with an error (`NO_INSTANCES`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from json import dumps
from typing import Any

from runtask_failure.failure import MOST_TASKS, ReportedCall, RunTaskFailure
from steady.arns import name_of
from steady.cluster import NOTHING
from steady.launch import UNSAID, Launch
from steady.messages import Malformed, shown, text, time_of
from steady.names import NO_INSTANCES, USER_AGENT
from steady.queued_run import sizes_in

DETAIL_TYPE = "AWS API Call via CloudTrail"
_CALL: Mapping[str, Any] = {"eventSource": ["ecs.amazonaws.com"], "eventName": ["RunTask"]}
# EventBridge User Guide, "AWS service events delivered via AWS CloudTrail": a trail that logs management events is
# needed. CloudTrail User Guide, "CloudTrail record contents": `responseElements` is null where a call has an error.
PATTERNS: tuple[Mapping[str, Any], ...] = (
    {
        "source": ["aws.ecs"],
        "detail-type": [DETAIL_TYPE],
        "detail": {**_CALL, "responseElements": {"failures": {"reason": [{"exists": True}]}}},
    },
    {"source": ["aws.ecs"], "detail-type": [DETAIL_TYPE], "detail": {**_CALL, "errorMessage": [NO_INSTANCES]}},
)
SAMPLE: Mapping[str, Any] = {
    "detail-type": DETAIL_TYPE,
    "source": "aws.ecs",
    "time": "2026-01-01T00:02:10Z",
    "detail": {
        "eventVersion": "1.11",
        "userIdentity": {"type": "AssumedRole", "invokedBy": "scheduler.amazonaws.com"},
        "eventTime": "2026-01-01T00:00:00Z",
        "eventSource": "ecs.amazonaws.com",
        "eventName": "RunTask",
        "userAgent": "scheduler.amazonaws.com",
        "requestParameters": {
            "cluster": "arn:aws:ecs:us-east-1:123456789012:cluster/batch",
            "taskDefinition": "report:7",
            "count": 2,
            "clientToken": "8f5f…",
            # aws-samples/aws-batch-runtime-monitoring #20: CloudTrail hides what may be secret.
            "overrides": {"cpu": "1024", "containerOverrides": [{"environment": "HIDDEN_DUE_TO_SECURITY_REASONS"}]},
        },
        "responseElements": {"tasks": [], "failures": [{"reason": "RESOURCE:MEMORY"}]},
        "eventID": "b5f6…",
    },
}
# hako tells of its failures itself (hako, lib/hako/schedulers/ecs.rb: `started_by`).
HAKO = "hako oneshot"
# Two calls for the same within this many seconds are two runs; a later one repeats the first. hako waits as long.
REPEATED_AFTER_S = 10.0


def parse(event: Mapping[str, Any]) -> RunTaskFailure:
    """Parse an event of CloudTrail about RunTask. Its `count` is how many of its tasks ECS has not started.

    It is 0 for a call of the launch queue's function, or of hako: what these wait for is known without CloudTrail.

    Raises:
        Malformed: naming the field, its value and what is needed.
    """
    detail = event.get("detail")
    call = detail.get("requestParameters") if isinstance(detail, Mapping) else None
    if not isinstance(detail, Mapping) or not isinstance(call, Mapping):
        raise Malformed(
            f"{DETAIL_TYPE}: detail.requestParameters is {shown(call)}: what RunTask was called with is needed"
        )
    is_known = USER_AGENT in str(detail.get("userAgent")) or call.get("startedBy") == HAKO
    return RunTaskFailure(
        # ECS API, RunTask: "If you do not specify a cluster, the default cluster is assumed."
        cluster=name_of(text(event, "detail", "requestParameters", "cluster") if call.get("cluster") else "default"),
        key=_key(call),
        size=NOTHING,
        count=0 if is_known else _not_started(call, detail.get("responseElements")),
        task_definition=text(event, "detail", "requestParameters", "taskDefinition"),
        overrides=_overrides(call.get("overrides")),
        constraints=_objects(call.get("placementConstraints")),
        strategies=_objects(call.get("placementStrategy")),
        launch=Launch.of({**call, "capacityProviderStrategy": _objects(call.get("capacityProviderStrategy"))}, UNSAID),
        reported=ReportedCall(
            text(event, "detail", "eventID"), time_of({**event, "time": text(event, "detail", "eventTime")})
        ),
    )


def apart(failures: Iterable[RunTaskFailure]) -> list[RunTaskFailure]:
    """Return reported calls with keys that tell apart which are different runs, and which repeat another one.

    A caller repeats its call, and nothing in it says so. CloudTrail may report many of its calls together: they are
    one demand. Calls for the same at the same time are several.
    """
    once = {failure.reported: failure for failure in failures if failure.reported}
    latest: dict[tuple[str, int], float] = {}
    found = []
    for call, failure in sorted(once.items(), key=lambda item: (item[0].at, item[0].id)):
        number = 1
        while call.at - latest.get((failure.key, number), -REPEATED_AFTER_S) < REPEATED_AFTER_S:
            number += 1
        latest[failure.key, number] = call.at
        found.append(replace(failure, key=f"{failure.key}.{number}"))
    return found


def _key(call: Mapping[str, Any]) -> str:
    """Return the digest of what was asked for. The token is left out: clients make another one for each call."""
    asked = {name: value for name, value in call.items() if name != "clientToken"}
    return sha256(dumps(asked, sort_keys=True).encode()).hexdigest()[:32]


def _not_started(call: Mapping[str, Any], answer: Any) -> int:
    """Return how many tasks ECS has not started. `failures` may have one entry for each instance without room."""
    count, tasks = call.get("count") or 1, answer.get("tasks") if isinstance(answer, Mapping) else None
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MOST_TASKS:
        needed = f"a whole number from 1 to {MOST_TASKS} is needed"
        raise Malformed(f"{DETAIL_TYPE}: detail.requestParameters.count is {shown(count)}: {needed}")
    return max(0, count - (len(tasks) if isinstance(tasks, Sequence) else 0))


def _overrides(given: Any) -> Mapping[str, Any]:
    """Return what overrides say of sizes, as far as CloudTrail shows it."""
    if not isinstance(given, Mapping):
        return {}
    containers = [{"name": one.get("name"), **_sizes(one)} for one in _objects(given.get("containerOverrides"))]
    return {**_sizes(given), "containerOverrides": containers}


def _sizes(override: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in sizes_in(override).items()
        if (_objects(value) if name == "resourceRequirements" else str(value).isdecimal())
    }


def _objects(given: Any) -> list[Mapping[str, Any]]:
    return [one for one in given if isinstance(one, Mapping)] if isinstance(given, list) else []
