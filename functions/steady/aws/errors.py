"""What an error of an AWS call says about a later call."""

from __future__ import annotations

from botocore.exceptions import ClientError


def is_of_server(error: ClientError) -> bool:
    """Return whether AWS failed to answer (a status of 500 or more), and did not refuse the call."""
    status: int = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    return status >= 500
