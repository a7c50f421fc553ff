"""Parse the messages that make the autoscaler look at a cluster between two ticks.

ECS could not place a task of a service (EventBridge):

{"detail-type": "ECS Service Action", "source": "aws.ecs", "time": "2026-01-01T00:00:00Z",
 "resources": ["arn:aws:ecs:us-east-1:123456789012:service/web/api"],
 "detail": {"eventType": "ERROR", "eventName": "SERVICE_TASK_PLACEMENT_FAILURE",
            "clusterArn": "arn:aws:ecs:us-east-1:123456789012:cluster/web", "reason": "RESOURCE:CPU"}}

Instances are about to go (the interruption handler):

{"cluster": "web", "why": "interruption", "instances": ["i-0b66…"]}

Something comes due before the next tick (from an earlier decision): {"cluster": "web", "why": "something comes due"}

The run of a tick has failed (Lambda Developer Guide, "Capturing records of Lambda asynchronous invocations"):

{"version": "1.0", "timestamp": "2026-01-01T00:00:05.568Z",
 "requestContext": {"requestId": "e4b46cbf-…", "functionArn": "arn:aws:lambda:…:function:…:$LATEST",
                    "condition": "RetriesExhausted", "approximateInvokeCount": 1},
 "requestPayload": {"cluster": "web"},
 "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
 "responsePayload": {"errorMessage": "RequestId: e4b46cbf-… Process exited before completing request"}}
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from steady.arns import name_of
from steady.messages import Malformed, json_object, shown

# EC2: i- and 17 digits.
LONGEST_ID = 32
PLACEMENT_FAILURE = "SERVICE_TASK_PLACEMENT_FAILURE"


@dataclass(frozen=True, slots=True)
class Trigger:
    """A cluster to look at now, and why.

    Attributes:
        service: the service whose placement failed.
        doomed: the ids of instances that are about to go.
        failed: Lambda's id of the invocation whose tick has failed.
    """

    cluster: str
    service: str = ""
    doomed: tuple[str, ...] = ()
    failed: str = ""


def parse(body: str) -> Trigger:
    """Parse a message of the autoscaler's queue.

    Raises:
        Malformed: naming what is wrong with the message, and what is needed.
    """
    event = json_object(body, needed="an ECS Service Action or a cluster")
    if "requestPayload" in event:
        return _failed_tick(event)
    if isinstance(event.get("cluster"), str):
        doomed = event.get("instances", [])
        if not isinstance(doomed, list) or not all(isinstance(id_, str) and len(id_) <= LONGEST_ID for id_ in doomed):
            raise Malformed(f"the trigger's instances are {shown(doomed)}: a list of instance ids is needed")
        return Trigger(event["cluster"], doomed=tuple(doomed))
    try:
        detail = event["detail"]
        if detail["eventName"] != PLACEMENT_FAILURE:
            raise Malformed(f"eventName is {shown(detail['eventName'])}: {PLACEMENT_FAILURE} is needed")
        return Trigger(name_of(detail["clusterArn"]), name_of(event["resources"][0]))
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise Malformed(
            f"the message lacks what an ECS Service Action has ({shown(error)}): detail.eventName, "
            "detail.clusterArn and the service's ARN as resources[0] are needed"
        ) from error


def _failed_tick(record: Mapping[str, Any]) -> Trigger:
    try:
        cluster, invocation = record["requestPayload"]["cluster"], record["requestContext"]["requestId"]
    except (KeyError, TypeError) as error:
        raise Malformed(
            f"the record of a failed tick lacks {shown(error)}: requestPayload.cluster and requestContext.requestId "
            "are needed"
        ) from error
    if not isinstance(cluster, str) or not isinstance(invocation, str):
        raise Malformed(f"the record of a failed tick names {shown([cluster, invocation])}: two texts are needed")
    return Trigger(cluster, failed=invocation)
