"""What an error of an AWS call says about a later call."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError


def is_of_server(error: ClientError) -> bool:
    """Return whether AWS failed to answer (a status of 500 or more), and did not refuse the call."""
    status: int = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    return status >= 500


def may_pass(error: Exception) -> bool:
    """Return whether a later call may be answered: one that was throttled, failed at AWS, or got no answer.

    Auto Scaling API, SetDesiredCapacity: ScalingActivityInProgress, "there are scaling activities in progress".
    """
    if not isinstance(error, ClientError):
        return isinstance(error, BotoCoreError)
    code = error.response["Error"]["Code"]
    return "Throttl" in code or code.startswith("ScalingActivityInProgress") or is_of_server(error)
