"""Lambda entry: do one drain step for all instances that an SQS batch of notices and continuations names."""

from __future__ import annotations

import gc
from functools import cache
from typing import TYPE_CHECKING, Any

from interruption_handler.environment import Environment
from interruption_handler.step import handle_batch
from steady.aws.runtime import Runtime

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# A step stops no more tasks this long before the function's timeout: its last calls and their retries need the time.
SPARE_S = 6.0


@cache
def runtime() -> Runtime:
    """Make the runtime of this process."""
    # The imported modules are never freed: to search them for garbage would take a tenth of the start.
    gc.freeze()
    return Runtime()


def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Handle Lambda's SQS event; return the messages that SQS delivers again."""
    until = runtime().now() + context.get_remaining_time_in_millis() / 1000 - SPARE_S
    return handle_batch(event, runtime(), Environment.read(), until)
