"""Faults of the functions' calls: before a call takes effect, after it took effect, and in its answer."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from simulator.clock import Crashed
from simulator.errors import AwsError, throttled

Params = Mapping[str, Any]


class Unforeseen(RuntimeError):
    """An error that nobody has thought of, such as a bug of our own."""


class TimedOut(Exception):
    """No answer came in time. The SDK retries; after the last try, botocore's own timeout error is raised."""

    def __init__(self, *, connected: bool) -> None:
        super().__init__("the call timed out")
        # Whether the request was sent. If it was, the caller does not know whether it took effect.
        self.connected = connected


@dataclass(frozen=True, slots=True)
class Try:
    """One try of a call.

    Attributes:
        at: the time, in seconds since the epoch.
        number: the number of the try among the tries of all functions, from 0.
        name: the call, such as `ecs:StopTask`.
    """

    at: float
    number: int
    caller: str
    name: str
    params: Params

    @property
    def reads(self) -> bool:
        """Whether the call only reads."""
        return self.name.partition(":")[2].startswith(("Describe", "Get", "List"))


class Fault:
    """A fault of calls. This base class lets all calls pass."""

    def before(self, tried: Try) -> None:
        """Run before the call takes effect. May raise AwsError, TimedOut or Crashed, or change the account."""

    def answered(self, tried: Try, answer: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """Return the answer that the function gets, after the call took effect. May raise TimedOut or Crashed."""
        return answer


NO_FAULT = Fault()


class Hooked(Fault):
    """Call `hook` before and after each call, with "before" or "after" and the name of the call."""

    def __init__(self, hook: Callable[[str, str], None]) -> None:
        self.hook = hook

    def before(self, tried: Try) -> None:
        self.hook("before", tried.name)

    def answered(self, tried: Try, answer: dict[str, Any]) -> dict[str, Any]:
        self.hook("after", tried.name)
        return answer


class Recorded(Fault):
    """Record the names of all calls, in their order."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def before(self, tried: Try) -> None:
        self.names.append(tried.name)


class Down(Fault):
    """All calls of one service fail with status 500."""

    def __init__(self, service: str) -> None:
        self.service = service

    def before(self, tried: Try) -> None:
        if tried.name.startswith(f"{self.service}:"):
            raise AwsError("InternalError", "We encountered an internal error.", 500)


class CrashAt(Fault):
    """The process crashes once, before or after the call with this number takes effect.

    With `kind` `Unforeseen`, an error is raised there instead.
    """

    def __init__(self, number: int, *, after: bool, kind: type[Crashed | Unforeseen] = Crashed) -> None:
        self.number, self.after, self.kind, self.crashed = number, after, kind, False

    def before(self, tried: Try) -> None:
        if not self.after:
            self._crash(tried)

    def answered(self, tried: Try, answer: dict[str, Any]) -> dict[str, Any]:
        if self.after:
            self._crash(tried)
        return answer

    def _crash(self, tried: Try) -> None:
        if tried.number == self.number and not self.crashed:
            self.crashed = True
            raise self.kind(f"crashed {'after' if self.after else 'before'} {tried.name}")


class CrashAtRandom(Fault):
    """The function `caller` crashes before a call takes effect, at each of its calls with the same `chance`."""

    def __init__(self, caller: str, chance: float, seed: int) -> None:
        self.crashes = 0
        self._caller, self._chance, self._rng = caller, chance, random.Random(f"crashes {seed}")

    def before(self, tried: Try) -> None:
        self._crash(tried)

    def _crash(self, tried: Try) -> None:
        if tried.caller == self._caller and self._rng.random() < self._chance:
            self.crashes += 1
            raise Crashed


class CrashAtRandomAround(CrashAtRandom):
    """The function crashes after a call has taken effect as often as before: each with `chance`."""

    def answered(self, tried: Try, answer: dict[str, Any]) -> dict[str, Any]:
        self._crash(tried)
        return answer


class Refused(Fault):
    """All calls of one name fail for `lasts_s` seconds, from the first of them on."""

    def __init__(self, name: str, error: AwsError, lasts_s: float) -> None:
        self.name, self.error, self.lasts_s = name, error, lasts_s
        self.since: float | None = None

    def before(self, tried: Try) -> None:
        if tried.name != self.name:
            return
        self.since = tried.at if self.since is None else self.since
        if tried.at - self.since < self.lasts_s:
            raise self.error

    @staticmethod
    def throttled(name: str, lasts_s: float) -> Refused:
        """Return the fault that throttles all calls of `name` for `lasts_s` seconds."""
        return Refused(name, throttled(name), lasts_s)

    @staticmethod
    def broken(name: str, lasts_s: float) -> Refused:
        """Return the fault that fails all calls of `name` with status 500 for `lasts_s` seconds."""
        return Refused(name, AwsError("InternalError", "We encountered an internal error.", 500), lasts_s)

    @staticmethod
    def denied(name: str, lasts_s: float) -> Refused:
        """Return the fault that denies all calls of `name` for `lasts_s` seconds."""
        return Refused(name, AwsError("AccessDeniedException", f"not authorized to perform: {name}", 403), lasts_s)


class Silent(Fault):
    """The first tries of one call get no answer: before the call takes effect, or after it did."""

    def __init__(self, name: str, *, after: bool, tries: int = 1) -> None:
        self.name, self.after, self.left = name, after, tries

    def before(self, tried: Try) -> None:
        if not self.after:
            self._time_out(tried)

    def answered(self, tried: Try, answer: dict[str, Any]) -> dict[str, Any]:
        if self.after:
            self._time_out(tried)
        return answer

    def _time_out(self, tried: Try) -> None:
        if tried.name == self.name and self.left:
            self.left -= 1
            raise TimedOut(connected=self.after)


class Partial(Fault):
    """The first answers of one call lack half of the objects, and name these among the `failures`."""

    # By the call: the list in its answer, and the key of an object's ARN. Only ECS has such answers.
    LISTS: Mapping[str, tuple[str, str]] = {
        "ecs:DescribeContainerInstances": ("containerInstances", "containerInstanceArn"),
        "ecs:DescribeServices": ("services", "serviceArn"),
        "ecs:DescribeTasks": ("tasks", "taskArn"),
        "ecs:GetTaskProtection": ("protectedTasks", "taskArn"),
        "ecs:UpdateContainerInstancesState": ("containerInstances", "containerInstanceArn"),
    }

    def __init__(self, name: str, answers: int = 1) -> None:
        self.name, self.left = name, answers

    def answered(self, tried: Try, answer: dict[str, Any]) -> dict[str, Any]:
        if tried.name != self.name or not self.left:
            return answer
        self.left -= 1
        key, arn = self.LISTS[self.name]
        there = answer[key]
        kept, gone = there[: len(there) // 2], there[len(there) // 2 :]
        failures = [{"arn": one[arn], "reason": "MISSING"} for one in gone]
        return {**answer, key: kept, "failures": [*answer.get("failures", []), *failures]}


class Stale(Fault):
    """Reads return an answer that is up to `lag_s` seconds old, like a lagging replica. DynamoDB reads do not lag."""

    def __init__(self, lag_s: float) -> None:
        self.lag_s = lag_s
        self._answers: dict[str, tuple[float, dict[str, Any]]] = {}

    def answered(self, tried: Try, answer: dict[str, Any]) -> dict[str, Any]:
        if not tried.reads or tried.name.startswith("dynamodb:"):
            return answer
        key = f"{tried.name} {sorted(tried.params.items())}"
        known = self._answers.get(key)
        if known and tried.at - known[0] < self.lag_s:
            return copy.deepcopy(known[1])
        self._answers[key] = tried.at, copy.deepcopy(answer)
        return answer


class Gone(Fault):
    """The object of a call disappears just before the call: after it was read, and before it is changed."""

    def __init__(self, name: str, take_away: Callable[[Params], None], times: int = 1) -> None:
        self.name, self.take_away, self.left = name, take_away, times

    def before(self, tried: Try) -> None:
        if tried.name == self.name and self.left:
            self.left -= 1
            self.take_away(tried.params)


class Slow(Fault):
    """Calls of one service take `seconds` longer."""

    def __init__(self, service: str, seconds: float, sleep: Callable[[float], None]) -> None:
        self.service, self.seconds, self.sleep = service, seconds, sleep

    def before(self, tried: Try) -> None:
        if tried.name.startswith(f"{self.service}:"):
            self.sleep(self.seconds)


class Together(Fault):
    """Several faults at the same time, applied in their order."""

    def __init__(self, *faults: Fault) -> None:
        self.faults = faults

    def before(self, tried: Try) -> None:
        for fault in self.faults:
            fault.before(tried)

    def answered(self, tried: Try, answer: dict[str, Any]) -> dict[str, Any]:
        for fault in self.faults:
            answer = fault.answered(tried, answer)
        return answer
