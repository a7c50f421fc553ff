"""Where the account's API is answered: for real boto3 clients, and for the clients that the simulation plays itself.

botocore's `before-call` event answers a call in-process. It lies past the parameters' validation and before the
network, and before the SDK's retries, which are therefore played here.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import boto3
import botocore.loaders
import botocore.session
from botocore.config import Config
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

from simulator.clock import Clock
from simulator.errors import AwsError, throttled
from simulator.faults import NO_FAULT, Fault, TimedOut, Try
from simulator.throttling import Throttle

REGION = "us-east-1"
ACCOUNT_ID = "123456789012"
LATENCY_S = 0.03

Params = Mapping[str, Any]
Action = Callable[[Params], dict[str, Any]]


@dataclass
class Counts:
    """Calls by `service:Action`, each try of each call; how many of them were throttled, and what CPU time, in real
    seconds, the account's own answers took.
    """

    calls: Counter[str] = field(default_factory=Counter)
    throttled: int = 0
    answers_cpu_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Call:
    """One try of a call that took effect or was refused; for tests that look at the order of things."""

    at: float
    caller: str
    name: str
    params: Params
    error: str = ""


class Endpoint:
    """The account's API: `service:Action` names to functions, behind the throttle, with latency, counted."""

    def __init__(self, clock: Clock, rng: random.Random, latency_s: float = LATENCY_S) -> None:
        self.clock = clock
        self.actions: dict[str, Action] = {}
        self.counts: dict[str, Counts] = {}
        self.log: list[Call] | None = None
        # What happens to the functions' calls.
        self.fault: Fault = NO_FAULT
        # Whether the CPU time of answers is taken: the clock is not for nothing.
        self.timed = False
        # How many tries there were, of all functions.
        self.tries = 0
        self._throttle = Throttle(clock.now)
        self._rng = rng
        self._latency_s = latency_s

    def counted(self, caller: str) -> Counts:
        return self.counts.setdefault(caller, Counts())

    def total(self, less: str = "") -> Counts:
        """What all callers called together, less one of them."""
        found = [counts for caller, counts in self.counts.items() if caller != less]
        return Counts(sum((c.calls for c in found), Counter()), sum(c.throttled for c in found))

    def answer(self, caller: str, name: str, params: Params) -> dict[str, Any]:
        """One try of the call `name` (`ecs:StopTask`), without waiting.

        Raises:
            AwsError: as AWS would refuse it.
        """
        counts = self.counted(caller)
        counts.calls[name] += 1
        begun = time.process_time() if self.timed else 0.0
        service, _, action = name.partition(":")
        try:
            if service == "ecs" and not self._throttle.allows(action, self.clock.now):
                counts.throttled += 1
                raise throttled(action)
            if name not in self.actions:
                raise AwsError("NotSimulated", f"{name} is not part of the simulated account: add it to simulator/")
            answer = self.actions[name](params)
        except AwsError as error:
            self._log(caller, name, params, error.code)
            raise
        finally:
            if self.timed:
                counts.answers_cpu_s += time.process_time() - begun
        self._log(caller, name, params, "")
        return answer

    def call(
        self,
        caller: str,
        name: str,
        params: Params,
        config: Config | None = None,
        tried: Callable[[str], object] = lambda error: None,
    ) -> dict[str, Any]:
        """A call as a client of `config` makes it: with latency, and repeated as the SDK's standard mode does.

        Args:
            tried: is told of each try that was answered, with the code of its error ("": none).

        Raises:
            AwsError: as AWS refuses it at the last try.
            ConnectTimeoutError, ReadTimeoutError: if the last try got no answer.
        """
        most = (getattr(config, "retries", None) or {}).get("total_max_attempts", 3)
        for attempt in range(1, most + 1):
            self.clock.sleep(self._latency_s * self._rng.uniform(0.7, 1.3))
            this = Try(self.clock.now, self.tries, caller, name, params)
            self.tries += 1
            try:
                self.fault.before(this)
                answer = self.fault.answered(this, self.answer(caller, name, params))
            except AwsError as error:
                tried(error.code)
                if attempt == most or not _is_retried(error):
                    raise
            except TimedOut as error:
                self.clock.sleep(_timeout_s(config, error))
                if attempt == most:
                    kind = ReadTimeoutError if error.connected else ConnectTimeoutError
                    raise kind(endpoint_url=f"https://{name.partition(':')[0]}.{REGION}.amazonaws.com") from error
            else:
                tried("")
                return answer
            # botocore, retries/standard.py: exponential with full jitter, 20 s at most.
            self.clock.sleep(self._rng.random() * min(20.0, 2.0 ** (attempt - 1)))
        raise AssertionError("unreachable: the last try returns or raises")

    def session(self, caller: str) -> boto3.Session:
        """A boto3 session whose clients' calls are answered here, counted under `caller`."""
        core = botocore.session.Session()
        core.register_component("data_loader", _loader())
        core.set_credentials("simulated", "simulated")
        core.set_config_variable("region", REGION)
        # Nobody reads it here, and putting one together takes a fifth of the time of a call.
        core.set_default_client_config(Config(user_agent="simulated"))

        def remember_params(**event: Any) -> None:
            event["context"]["simulated_params"] = event["params"]

        def answer_call(**event: Any) -> Any:  # the stubs know of no answers
            model, context = event["model"], event["context"]
            service = model.service_model.service_name
            name = f"{service}:{model.name}"

            def tried(error: str) -> None:
                # botocore says it of each try; what listens is the functions' own.
                core.get_component("event_emitter").emit(
                    f"needs-retry.{service}.{model.name}", operation=model, response=(None, {"Error": {"Code": error}})
                )

            try:
                answer = self.call(caller, name, context["simulated_params"], context["client_config"], tried)
            except AwsError as error:
                return _Response(error.status), _error(error)
            return _Response(200), {**answer, "ResponseMetadata": {"HTTPStatusCode": 200, "RetryAttempts": 0}}

        core.register("before-parameter-build", remember_params)
        core.register("before-call", answer_call)
        return boto3.Session(botocore_session=core)

    def _log(self, caller: str, name: str, params: Params, error: str) -> None:
        if self.log is not None:
            self.log.append(Call(self.clock.now, caller, name, params, error))


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


def _is_retried(error: AwsError) -> bool:
    return error.code in ("ThrottlingException", "RequestLimitExceeded") or error.status >= 500


@cache
def _loader() -> botocore.loaders.Loader:
    # Service models take 0.1 s each to load: all sessions of the process share them.
    return botocore.loaders.Loader()
