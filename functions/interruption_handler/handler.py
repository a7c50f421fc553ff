"""Lambda entry: an SQS batch of notices and continuations, one drain step for all the instances that they name."""

from __future__ import annotations

import gc
from functools import cache
from typing import TYPE_CHECKING, Any

from interruption_handler.step import Environment, handle_batch
from steady.aws.runtime import Runtime

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# What a step leaves of the function's timeout for its last calls and their retries.
SPARE_S = 6.0


@cache
def runtime() -> Runtime:
    # What was imported stays for as long as the process: going through it for garbage would be a tenth of the start.
    gc.freeze()
    return Runtime()


def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    until = runtime().now() + context.get_remaining_time_in_millis() / 1000 - SPARE_S
    return handle_batch(event, runtime(), Environment.read(), until)
