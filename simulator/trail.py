"""A CloudTrail trail, whose events EventBridge gets. It reports calls of RunTask, late."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from simulator.clients import REGION
from simulator.clock import Clock
from simulator.endpoint import ACCOUNT_ID, Params
from simulator.errors import AwsError

# CloudTrail User Guide, "How CloudTrail works": "within an average of about 5 minutes"; nothing is promised.
LATE_S = (5.0, 300.0)
# aws-samples/aws-batch-runtime-monitoring #20: what CloudTrail shows of each container's environment.
HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"


class Trail:
    """Reports calls of RunTask to EventBridge.

    Args:
        put_event: puts an event on the default bus.
        rng: the source of the delays.
    """

    def __init__(self, clock: Clock, put_event: Callable[[dict[str, Any]], None], rng: random.Random) -> None:
        self.clock = clock
        self.late_s = LATE_S
        self._put_event = put_event
        self._rng = rng
        self._ids = itertools.count(1)

    def record(self, name: str, params: Params, answer: Mapping[str, Any] | AwsError, user_agent: str) -> None:
        """Record a call, and its answer or error (CloudTrail User Guide, "CloudTrail record contents")."""
        if name != "ecs:RunTask":
            return
        at = datetime.fromtimestamp(self.clock.now, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        detail = {
            "eventVersion": "1.11",
            "userIdentity": {"type": "AssumedRole", "accountId": ACCOUNT_ID},
            "eventTime": at,
            "eventSource": "ecs.amazonaws.com",
            "eventName": "RunTask",
            "awsRegion": REGION,
            "userAgent": f"Boto3/1.44 {user_agent}".strip(),
            "requestParameters": _shown(params),
            "responseElements": None if isinstance(answer, AwsError) else answer,
            **({"errorCode": answer.code, "errorMessage": answer.message} if isinstance(answer, AwsError) else {}),
            "readOnly": False,
            "eventID": f"call-{next(self._ids)}",
            "eventType": "AwsApiCall",
            "managementEvent": True,
        }
        event = {"detail-type": "AWS API Call via CloudTrail", "source": "aws.ecs", "detail": detail}
        whole = json.loads(json.dumps(event, default=str))
        self.clock.after(self._rng.uniform(*self.late_s), lambda: self._put_event(whole))


def _shown(params: Params) -> dict[str, Any]:
    shown: dict[str, Any] = dict(params)
    if overrides := shown.get("overrides"):
        containers = [
            {**one, **({"environment": HIDDEN} if "environment" in one else {})}
            for one in overrides.get("containerOverrides", [])
        ]
        shown["overrides"] = {**overrides, **({"containerOverrides": containers} if containers else {})}
    return shown
