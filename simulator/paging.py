"""Pages of the services whose tokens say nothing: Auto Scaling, EC2, ELB and SSM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from simulator.endpoint import Params
from simulator.errors import AwsError


def numbered_page(
    key: str,
    things: Sequence[Any],
    params: Params,
    *,
    size_name: str,
    default: int,
    most: int,
    least: int = 1,
    code: str = "ValidationError",
    bad_token: str = "InvalidNextToken",  # noqa: S107
) -> dict[str, Any]:
    """Return a page of `things` under `key`. The token is where the next page begins.

    Args:
        size_name: the parameter with the most results of a page.
        default: how many a page has without it.
        most: the most that it may be; `least`: the fewest.
        code: the code of the error for another size.
        bad_token: the code of the error for a token that no answer has had.
    """
    size, token = params.get(size_name) or default, params.get("NextToken") or "0"
    if not least <= size <= most:
        raise AwsError(code, f"{size_name} is {size}: {least} to {most} is needed")
    if not token.isdigit() or int(token) > len(things):
        raise AwsError(bad_token, "The token is not valid")
    start = int(token)
    page: dict[str, Any] = {key: list(things[start : start + size])}
    if start + size < len(things):
        page["NextToken"] = str(start + size)
    return page


def ec2_page(
    key: str, things: Sequence[Any], params: Params, *, default: int, most: int, least: int = 1
) -> dict[str, Any]:
    """Return a page of `things` under `key`, as EC2's actions do."""
    return numbered_page(
        key,
        things,
        params,
        size_name="MaxResults",
        default=default,
        most=most,
        least=least,
        code="InvalidParameterValue",
    )
