"""Parse a message of the function's queue: a launcher's own, or an event of CloudTrail about its call."""

from runtask_failure import failure, reported_call
from runtask_failure.failure import RunTaskFailure
from steady.messages import json_object


def parse(body: str) -> RunTaskFailure:
    """Parse an SQS body.

    Raises:
        Malformed: naming the field, its value and what is needed.
    """
    said = json_object(body, needed="hako's message")
    return reported_call.parse(said) if "detail-type" in said else failure.parse(said)
