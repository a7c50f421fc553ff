"""The API of the simulated account, for real boto3 clients and for simulated callers.

A handler of botocore's event `before-call` answers each call in this process. botocore has validated the parameters
before this event. Its retries would come after it, so they are made here (`simulator.retries`).
"""

from __future__ import annotations

import itertools
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.config import Config
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

from simulator.clients import REGION, ClientSession
from simulator.clock import Clock
from simulator.constraints import Constraints
from simulator.durations import drawn
from simulator.errors import AwsError, NotSimulated
from simulator.faults import NO_FAULT, Fault, TimedOut, Try
from simulator.retries import Retries
from simulator.throttling import Throttle
from simulator.timing import DEFAULT, Timing

ACCOUNT_ID = "123456789012"

# Parameters that change nothing here, or not always: a table has one copy, an item is shown to whoever is refused, and
# nobody reads why a task was stopped, or its tags.
WITHOUT_EFFECT: Mapping[str, frozenset[str]] = {
    "dynamodb:GetItem": frozenset({"ConsistentRead"}),
    "dynamodb:UpdateItem": frozenset({"ReturnValuesOnConditionCheckFailure"}),
    "ecs:StopTask": frozenset({"reason"}),
    "ecs:RunTask": frozenset({"tags", "propagateTags", "enableECSManagedTags", "enableExecuteCommand"}),
}

Params = Mapping[str, Any]
Action = Callable[[Params], dict[str, Any]]


@dataclass
class Counts:
    """Counted calls of one caller. Each try of a call counts.

    Attributes:
        calls: the number of calls by `service:Action`.
        throttled: how many of them were throttled.
        answers_cpu_s: CPU time of the simulated account's answers, in real seconds, if it is timed.
    """

    calls: Counter[str] = field(default_factory=Counter)
    throttled: int = 0
    answers_cpu_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Call:
    """One try of a call that took effect or failed. Tests read the order of calls from these.

    Attributes:
        at: the time, in seconds since the epoch.
        error: the code of its error; "": it took effect.
    """

    at: float
    caller: str
    name: str
    params: Params
    error: str = ""


class Endpoint:
    """The API of the account: rate limits, latency, faults, and counters of calls.

    Attributes:
        actions: the function that answers each `service:Action`.
        counts: the counted calls of each caller.
        log: each call, if it is a list; None: calls are not logged.
        fault: the fault that applies to the functions' calls.
        tries: how many tries all functions have made.
        retries: the retries of all clients.
    """

    def __init__(self, clock: Clock, rng: random.Random, timing: Timing = DEFAULT) -> None:
        self.clock = clock
        self.actions: dict[str, Action] = {}
        self.counts: dict[str, Counts] = {}
        self.log: list[Call] | None = None
        self.fault: Fault = NO_FAULT
        # Called with each call, and its answer or error: where CloudTrail listens.
        self.recorded: Callable[[str, Params, dict[str, Any] | AwsError, str], None] = lambda *call: None
        self.tries = 0
        self.retries = Retries(rng, quota=timing.retry_quota)
        self._throttle = Throttle(clock.now, limits=timing.limits)
        self._constraints = Constraints()
        self._latency_s = drawn(timing.latency_s, timing.latency_tail, (0.7, 1.3), rng)

    def counted(self, caller: str) -> Counts:
        """Return the counted calls of `caller`."""
        return self.counts.setdefault(caller, Counts())

    def total(self, less: str = "") -> Counts:
        """Return the counted calls of all callers together, without those of the caller `less`."""
        found = [counts for caller, counts in self.counts.items() if caller != less]
        return Counts(sum((c.calls for c in found), Counter()), sum(c.throttled for c in found))

    def answer(self, caller: str, name: str, params: Params, user_agent: str = "") -> dict[str, Any]:
        """Answer one try of the call `name` (such as `ecs:StopTask`), without latency and faults.

        Args:
            user_agent: what the client says of its caller (botocore: `user_agent_extra`).

        Raises:
            AwsError: the error with which AWS would answer.
        """
        counts = self.counted(caller)
        counts.calls[name] += 1
        begun = time.process_time() if self.clock.timed else 0.0
        try:
            if refusal := self._throttle.refusal(name, self.clock.now):
                counts.throttled += 1
                raise refusal
            if name not in self.actions:
                raise NotSimulated(f"{name}: add it to simulator/account.py")
            if refusal := self._constraints.refusal(name, params):
                raise refusal
            read = _Read(name, params)
            answer = self.actions[name](read)
            if ignored := params.keys() - read.names - WITHOUT_EFFECT.get(name, frozenset()):
                raise NotSimulated(f"{name} with {', '.join(sorted(ignored))}")
        except AwsError as error:
            self._log(caller, name, params, error.code)
            self.recorded(name, params, error, user_agent)
            raise
        finally:
            if self.clock.timed:
                counts.answers_cpu_s += time.process_time() - begun
        self._log(caller, name, params, "")
        self.recorded(name, params, answer, user_agent)
        return answer

    def call(
        self,
        caller: str,
        name: str,
        params: Params,
        config: Config | None = None,
        tried: Callable[[str], object] = lambda error: None,
    ) -> dict[str, Any]:
        """Make a call as a client with `config` does: with latency, faults, and the retries of the standard mode.

        Args:
            tried: called after each try that was answered, with the code of its error ("": none).

        Raises:
            AwsError: if the last try was answered with an error.
            ConnectTimeoutError, ReadTimeoutError: if the last try got no answer.
        """
        service, used = name.partition(":")[0], dict[str, Any]()
        for attempt in itertools.count(1):
            self.clock.sleep(self._latency_s())
            this = Try(self.clock.now, self.tries, caller, name, params)
            self.tries += 1
            try:
                self.fault.before(this)
                user_agent = getattr(config, "user_agent_extra", None) or ""
                answer = self.fault.answered(this, self.answer(caller, name, params, user_agent))
            except AwsError as error:
                tried(error.code)
                delay_s = self.retries.delay_s(config, service, attempt, error, used)
                if delay_s is None:
                    raise
            except TimedOut as error:
                self.clock.sleep(_timeout_s(config, error))
                delay_s = self.retries.delay_s(config, service, attempt, error, used)
                if delay_s is None:
                    kind = ReadTimeoutError if error.connected else ConnectTimeoutError
                    raise kind(endpoint_url=f"https://{service}.{REGION}.amazonaws.com") from error
            else:
                tried("")
                self.retries.succeeded(config, used)
                return answer
            self.clock.sleep(delay_s)
        raise AssertionError("unreachable: the last try returns or raises")

    def session(self, caller: str) -> ClientSession:
        """Return a session whose calls this endpoint answers, and counts under the name `caller`."""

        def remember_params(**event: Any) -> None:
            event["context"]["simulated_params"] = event["params"]

        def answer_call(**event: Any) -> Any:
            model, context = event["model"], event["context"]
            service = model.service_model.service_name
            if isinstance(body := event["params"].get("body"), Mapping):
                # The query protocols (EC2, ELB, Auto Scaling) encode their form: a lone surrogate raises an error here.
                "".join(map(str, body.values())).encode()
            name = f"{service}:{model.name}"
            self._constraints.learn(name, model.input_shape)

            def tried(error: str) -> None:
                # botocore emits this event after each try. The functions listen to it.
                session.events.emit(
                    f"needs-retry.{service}.{model.name}", operation=model, response=(None, {"Error": {"Code": error}})
                )

            try:
                answer = self.call(caller, name, context["simulated_params"], context["client_config"], tried)
            except AwsError as error:
                return _Response(error.status), _error(error)
            return _Response(200), {**answer, "ResponseMetadata": {"HTTPStatusCode": 200, "RetryAttempts": 0}}

        session = ClientSession(
            frozenset(self.actions), {"before-parameter-build": remember_params, "before-call": answer_call}
        )
        return session

    def _log(self, caller: str, name: str, params: Params, error: str) -> None:
        if self.log is not None:
            self.log.append(Call(self.clock.now, caller, name, params, error))


class _Read(dict[str, Any]):
    """The parameters of a call. `names` are those that were read: what no action reads is not simulated.

    Nor is a call without a parameter that its action needs, although AWS does not.
    """

    def __init__(self, call: str, params: Params) -> None:
        super().__init__(params)
        self._call = call
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.names.add(name)
        if not super().__contains__(name):
            raise NotSimulated(f"{self._call} without {name}")
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a parameter, or `default` without it."""
        self.names.add(name)
        return super().get(name, default)

    def __contains__(self, name: object) -> bool:
        self.names.add(str(name))
        return super().__contains__(name)


@dataclass(frozen=True, slots=True)
class _Response:
    status_code: int


def _error(error: AwsError) -> dict[str, Any]:
    return {
        **error.more,
        "Error": {"Code": error.code, "Message": error.message},
        "ResponseMetadata": {"HTTPStatusCode": error.status, "RetryAttempts": 0},
    }


def _timeout_s(config: Config | None, error: TimedOut) -> float:
    timeout_s: float = getattr(config, "read_timeout" if error.connected else "connect_timeout", 60.0)
    return timeout_s
