"""Calls with a list of things: one that ECS refuses for one of them is made again without it.

Service Authorization Reference, "Amazon ECS": DescribeTasks, DescribeServices, DescribeContainerInstances,
UpdateContainerInstancesState and GetTaskProtection check each thing that they name. If one of them is denied, by its
tags for example, the whole call is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError

from steady.api_budget.limits import THROTTLED
from steady.aws.cache import Cache
from steady.aws.runtime import Runtime, batches

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient

Answer = TypeVar("Answer")
Client = TypeVar("Client")
Value = TypeVar("Value")
# The errors that no single thing of a list is the cause of.
OF_ALL = frozenset({THROTTLED, "ClusterNotFoundException", "ExpiredTokenException", "UnrecognizedClientException"})
# If more parts than this are refused, the cause is not a thing or two: they are not divided further. Fewer parts are
# enough if nothing was answered yet, as where the call itself is denied.
MOST_PARTS, MOST_PARTS_UNANSWERED = 8, 4


@dataclass(frozen=True, slots=True)
class Answers(Generic[Answer]):
    """The answers of a call for the things of a list, and why the others were `refused`."""

    answers: Sequence[Answer]
    refused: Mapping[str, Exception]


def call_for_each(
    runtime: Runtime,
    call: Callable[[ECSClient, Sequence[str]], Answer],
    things: Iterable[str],
    at_once: int,
    *,
    also_silent: bool = False,
) -> Answers[Answer]:
    """Make `call` for `things`, at most `at_once` in a call. A call that is refused is divided until one thing is left.

    A call without an answer, or that is throttled, is not divided: the next step makes it again. No error of AWS is
    raised, even if all is refused.

    Args:
        also_silent: whether a call whose answer does not come is divided, too. Each part may take the SDK's whole wait.
        call: given the client and the things. The parts of a refused call are asked for without the SDK's retries.
    """
    return call_with(runtime, runtime.ecs, runtime.ecs_once, call, things, at_once, also_silent=also_silent)


def call_with(
    runtime: Runtime,
    client: Client,
    for_parts: Client,
    call: Callable[[Client, Sequence[str]], Answer],
    things: Iterable[str],
    at_once: int,
    *,
    also_silent: bool = False,
) -> Answers[Answer]:
    """Do what `call_for_each` does, with another `client`, and one `for_parts` of a call that was refused."""
    answers: list[Answer] = []
    refused: dict[str, Exception] = {}

    def attempt(part: tuple[Client, Sequence[str]]) -> tuple[Sequence[str], Answer | Exception]:
        try:
            return part[1], call(*part)
        except Exception as error:
            return part[1], error

    # The first calls are made while `things` still yields others.
    parts: Iterable[tuple[Client, Sequence[str]]] = ((client, batch) for batch in batches(things, at_once))
    while True:
        failed = []
        for some, answer in runtime.in_parallel(attempt, parts):
            if not isinstance(answer, Exception):
                answers.append(answer)
            elif len(some) > 1 and (may_be_of_one(answer) or (also_silent and isinstance(answer, ReadTimeoutError))):
                failed.append((some, answer))
            else:
                refused.update(dict.fromkeys(some, answer))
        if not failed or len(failed) > (MOST_PARTS if answers else MOST_PARTS_UNANSWERED):
            refused.update((thing, error) for some, error in failed for thing in some)
            return Answers(answers, refused)
        parts = [(for_parts, half) for some, _ in failed for half in batches(some, -(-len(some) // 2))]


def read_once(
    runtime: Runtime,
    kept: Cache[str, Value],
    client: Client,
    look: Callable[[Client, Sequence[str]], Mapping[str, Value]],
    arns: Iterable[str],
    at_once: int,
) -> tuple[Mapping[str, Value], Mapping[str, Exception]]:
    """Return the things `arns`, each read once in a process, and why the others were refused, both by ARN.

    Args:
        kept: the things that the process has read.
        look: reads some of them, at most `at_once`.
    """
    asked = sorted(set(arns))
    found = call_with(runtime, client, client, look, [a for a in asked if kept.get(runtime, a) is None], at_once)
    for arn, one in (read for answer in found.answers for read in answer.items()):
        kept.keep(runtime, arn, one)
    return {arn: known for arn in asked if (known := kept.get(runtime, arn))}, found.refused


def may_be_of_one(error: Exception) -> bool:
    """Return whether one thing among those that a call names may be the cause of `error`.

    That may be so for an error that the SDK does not raise, too: an answer that is odd in one of its things.
    """
    if isinstance(error, ClientError):
        return error.response["Error"]["Code"] not in OF_ALL
    return not isinstance(error, BotoCoreError)


def raise_refused(refused: Mapping[str, Exception]) -> None:
    """Raise the error of the first thing that was refused, if anything was."""
    if refused:
        raise next(iter(refused.values()))


def report_refused(runtime: Runtime, cluster: str, what: str, refused: Mapping[str, Exception], then: str) -> None:
    """Log as an error what was refused, if anything was.

    Args:
        what: what was to be done, as in `container instances could not be read`.
        then: what happens to these things.
    """
    if refused:
        some, error = next(iter(sorted(refused.items())))
        runtime.telemetry.error(
            f"cluster {cluster}: {len(refused)} {what}, {some} among them: {then}; all others are served: {error!r}",
            cluster=cluster,
        )
