"""Lambda functions: their invocations, execution environments and timeouts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from simulator.clock import Clock, Crashed, Process

# Called with the answer of an invocation; None: it failed, or reached its timeout.
Then = Callable[[dict[str, Any] | None], None]


@dataclass(frozen=True, slots=True)
class LambdaContext:
    """The context that the simulated Lambda gives its handler.

    Attributes:
        remaining_s: returns the seconds for which the invocation may still run.
        is_cold: whether the invocation has a new execution environment.
        aws_request_id: Lambda's id of the invocation.
    """

    remaining_s: Callable[[], float]
    is_cold: bool = False
    aws_request_id: str = "request"

    def get_remaining_time_in_millis(self) -> int:
        return int(self.remaining_s() * 1000)


Handler = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]


@dataclass
class Function:
    """A Lambda function, and what is measured of its invocations.

    Attributes:
        failures: the errors that invocations ended with.
        longest_cpu_s: CPU time of the longest invocation, in real seconds, with the simulated account's answers; it is
            measured if the clock is timed.
        cpu_s: the same of all invocations together.
        took_s: simulated seconds of all invocations together, cold starts left out.
        idle: how many execution environments wait for an invocation. One whose invocation failed is dropped.
    """

    name: str
    handler: Handler
    timeout_s: float
    invocations: int = 0
    timeouts: int = 0
    failures: list[BaseException] = field(default_factory=list)
    longest_cpu_s: float = 0.0
    cpu_s: float = 0.0
    took_s: float = 0.0
    idle: int = 0


class Lambda:
    """The invocations of all functions of the account.

    Args:
        cold_start_s: seconds that an invocation waits for a new execution environment (`simulator.timing.Timing`).
    """

    def __init__(self, clock: Clock, cold_start_s: float = 0.0) -> None:
        self.clock = clock
        self.cold_start_s = cold_start_s

    def invoke(self, function: Function, event: dict[str, Any], then: Then, id_: str = "") -> None:
        """Invoke `function` in its own process.

        Args:
            then: gets its answer, or None if it failed or reached its timeout.
            id_: the id of the invocation.
        """
        function.invocations += 1
        id_ = id_ or f"{function.name}-{function.invocations}"
        if function.idle:
            function.idle -= 1
            self._begin(id_, function, event, then, is_cold=False)
        elif self.cold_start_s:
            self.clock.after(self.cold_start_s, lambda: self._begin(id_, function, event, then, is_cold=True))
        else:
            self._begin(id_, function, event, then, is_cold=True)

    def _begin(self, id_: str, function: Function, event: dict[str, Any], then: Then, *, is_cold: bool) -> None:
        # Lambda: the start of an environment is not counted towards the function's timeout.
        begun = self.clock.now
        deadline = begun + function.timeout_s
        context = LambdaContext(lambda: deadline - self.clock.now, is_cold, id_)

        def run() -> None:
            try:
                answer: dict[str, Any] | None = function.handler(event, context)
                function.idle += 1
            except (Exception, Crashed) as error:
                function.failures.append(error)
                answer = None
            function.longest_cpu_s = max(function.longest_cpu_s, process.cpu_s())
            function.cpu_s += process.cpu_s()
            function.took_s += self.clock.now - begun
            timer.cancel()
            then(answer)

        process = self.clock.spawn(run)
        timer = self.clock.at(deadline, lambda: self._timed_out(function, process, then))

    def _timed_out(self, function: Function, process: Process, then: Then) -> None:
        function.timeouts += 1
        process.kill()
        then(None)
