"""The suite on a simulated account: the real handlers with real clients, wired as the stacks wire them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from autoscaler.handler import handle_event
from infra import wiring
from infra.wiring import Feed
from interruption_handler.environment import Environment
from interruption_handler.handler import SPARE_S
from interruption_handler.step import handle_batch
from runtask_failure import handler as runtask_failure
from simulator.account import Account
from simulator.lambdas import Function, Handler, LambdaContext
from simulator.messaging import Rule
from simulator.queues import Queue
from simulator.trail import Trail
from steady.aws import queued_runs
from steady.aws.runtime import Runtime
from steady.aws.scaling.evaluation import Environment as ScalingEnvironment
from steady.names import CLUSTERS_PATH, DEPLOYED_CLUSTERS_PATH
from task_launcher import handler as task_launcher
from task_launcher.environment import Environment as LauncherEnvironment

LEDGER_TABLE = "steady-ledger"
LAUNCHES_TABLE = "steady-launches"
FAILURE_TOPIC = "runtask-failures"
PEOPLE_TOPIC = "arn:aws:sns:us-east-1:123456789012:people"


@dataclass(frozen=True, slots=True)
class LogLine:
    """One log line of a function. `at` is in seconds since the epoch."""

    at: float
    level: str
    message: str
    fields: dict[str, Any]


@dataclass
class RecordedTelemetry:
    """Record the functions' log lines and metrics, for the report and for tests.

    Attributes:
        counts: the sum of each counted metric; of one that is counted for a pool, by `Metric/pool`.
        measured: the values of each metric and cluster, in their order; of a pool, too.
    """

    account: Account
    log_lines: list[LogLine] = field(default_factory=list)
    counts: dict[str, float] = field(default_factory=dict)
    measured: dict[tuple[str, str], list[float]] = field(default_factory=dict)

    def info(self, message: str, **fields: Any) -> None:
        self._keep("info", message, fields)

    def warning(self, message: str, **fields: Any) -> None:
        self._keep("warning", message, fields)

    def error(self, message: str, **fields: Any) -> None:
        self._keep("error", message, fields)

    def count(self, metric: str, value: float = 1, cluster: str = "", pool: str = "") -> None:  # noqa: ARG002
        name = _of_pool(metric, pool)
        self.counts[name] = self.counts.get(name, 0) + value

    def seconds(self, metric: str, value: float, cluster: str) -> None:
        self.measured.setdefault((metric, cluster), []).append(value)

    def gauges(self, values: Mapping[str, float], cluster: str, pool: str = "") -> None:
        for metric, value in values.items():
            self.measured.setdefault((_of_pool(metric, pool), cluster), []).append(value)

    def api_calls(self, calls: Mapping[str, int]) -> None:
        """Do nothing: the simulated account counts the calls itself."""

    def errors(self) -> list[str]:
        """Return the texts of the errors that were logged."""
        return [line.message for line in self.log_lines if line.level == "error"]

    def decisions(self) -> list[LogLine]:
        """Return the log lines of decisions."""
        return [line for line in self.log_lines if "target" in line.fields]

    def _keep(self, level: str, message: str, fields: dict[str, Any]) -> None:
        self.log_lines.append(LogLine(self.account.clock.now, level, message, fields))


def _of_pool(metric: str, pool: str) -> str:
    return f"{metric}/{pool}" if pool else metric


@dataclass
class Environments:
    """The execution environments of a function. Each runs one invocation at a time, and an idle one is used again.

    An environment whose invocation failed or reached its timeout is dropped, together with its caches.
    """

    begin: Callable[[], Runtime]
    idle: list[Runtime] = field(default_factory=list)

    def run(self, context: LambdaContext, handle: Callable[[Runtime], dict[str, Any]]) -> dict[str, Any]:
        """Run one invocation in an idle environment, or in a new one if there is none or its start is a cold one."""
        runtime = self.begin() if context.is_cold or not self.idle else self.idle.pop()
        answer = handle(runtime)
        self.idle.append(runtime)
        return answer


class Suite:
    """The suite's functions on an account: service-out, and scaling if `scaling` is set.

    Without `scaling`, another policy sets the capacity (`simulator.policies`).
    """

    def __init__(self, account: Account, *, scaling: bool = True) -> None:
        self.account = account
        self.telemetry = RecordedTelemetry(account)
        # The clusters that the deployment has, as its functions are told; None: all that are managed.
        self.clusters: frozenset[str] | None = None
        self._with_rounds: set[object] = set()
        account.tables.create(LEDGER_TABLE, key="cluster")
        account.tables.create(LAUNCHES_TABLE, queued_runs.KEY, {queued_runs.WAITING_INDEX: queued_runs.WAITS_IN})
        # The interruption handler writes to the queue of triggers, so the queue exists without scaling, too.
        self.triggers = self._queue(wiring.AUTOSCALER)
        self.notices = self._queue(wiring.INTERRUPTION)
        self.failures = self._queue(wiring.RUNTASK_FAILURE)
        self.launches = self._queue(wiring.TASK_LAUNCHER)
        self.unserved = account.messaging.add_queue(
            Queue(
                "unserved",
                visibility_s=wiring.INTERRUPTION.visibility_s,
                max_receives=wiring.INTERRUPTION.max_receives,
                dead_letters=self.triggers.dead_letters,
            )
        )
        account.messaging.subscriptions |= {FAILURE_TOPIC: [self.failures], PEOPLE_TOPIC.rsplit(":", 1)[-1]: []}
        self.interruption_handler = self._feed(self.notices, wiring.INTERRUPTION, self._interruption())
        self.unserved.function = self.interruption_handler
        self.autoscaler: Function | None = None
        self.runtask_failure: Function | None = None
        self.task_launcher: Function | None = None
        if scaling:
            self.autoscaler = self._feed(self.triggers, wiring.AUTOSCALER, self._autoscaler())
            self.runtask_failure = self._feed(self.failures, wiring.RUNTASK_FAILURE, self._runtask_failure())
            self.task_launcher = self._feed(self.launches, wiring.TASK_LAUNCHER, self._task_launcher())

    def runtime(self, caller: str) -> Runtime:
        """Return a runtime with the simulated account's clients. Its calls are counted under the name `caller`."""
        clock = self.account.clock
        return Runtime(
            session=self.account.endpoint.session(caller),
            now=lambda: clock.now,
            sleep=clock.sleep,
            in_parallel=clock.in_parallel,
            telemetry=self.telemetry,
            clusters=self.clusters,
        )

    def manage(self, cluster: str, capacity: str, **thresholds: int | str) -> None:
        """Let the suite manage `cluster`: write its parameters, and tick every minute."""
        self.account.parameters.put(f"{CLUSTERS_PATH}/{cluster}/capacity", capacity)
        for name, value in thresholds.items():
            self.account.parameters.put(f"{DEPLOYED_CLUSTERS_PATH}/{cluster}/{name}", value)
        self._tick_from_now(cluster)

    def manage_pools(
        self, cluster: str, capacities: Mapping[str, str], own: Mapping[str, int | str], **thresholds: int | str
    ) -> None:
        """Let the suite manage a cluster with several pools.

        Args:
            capacities: the `capacity` of each pool, by the pool's name.
            own: other parameters of pools, such as `spot/max_capacity`.
        """
        for pool, capacity in capacities.items():
            self.account.parameters.put(f"{CLUSTERS_PATH}/{cluster}/pools/{pool}/capacity", capacity)
        for name, value in own.items():
            self.account.parameters.put(f"{DEPLOYED_CLUSTERS_PATH}/{cluster}/pools/{name}", value)
        for name, threshold in thresholds.items():
            self.account.parameters.put(f"{DEPLOYED_CLUSTERS_PATH}/{cluster}/{name}", threshold)
        self._tick_from_now(cluster)

    def _tick_from_now(self, cluster: str) -> None:
        if self.autoscaler:
            self.account.clock.every(wiring.TICK_S, lambda: self.tick(cluster))

    def tick(self, cluster: str) -> None:
        """Invoke the autoscaler with a tick of `cluster`."""
        assert self.autoscaler, "this suite has no scaling"
        self.account.messaging.invoke_async(self.autoscaler, {"cluster": cluster}, self.triggers)

    def launch(self, **request: Any) -> None:
        """Send a request to the launch queue. Its cluster has a round each minute from then on."""
        params = {"QueueUrl": self.launches.url, "MessageBody": json.dumps(request)}
        self.account.messaging.send_message(params)
        cluster = request.get("cluster")
        if cluster not in self._with_rounds:
            self._with_rounds.add(cluster)
            tick = json.dumps({"round": cluster})
            self.account.clock.every(wiring.TICK_S, lambda: self.account.messaging.deliver(self.launches, tick))

    def report_failed_calls(self) -> Trail:
        """Let a trail report the calls of RunTask that fail, as `cloudtrail_failures` does; return the trail."""
        messaging = self.account.messaging
        trail = Trail(self.account.clock, messaging.put_event, random.Random("trail"))
        self.account.endpoint.recorded = trail.record
        messaging.rules += [Rule(pattern, self.failures) for pattern in wiring.FAILED_CALLS]
        return trail

    def functions(self) -> list[Function]:
        """Return the functions that are deployed."""
        of = (self.interruption_handler, self.autoscaler, self.runtask_failure, self.task_launcher)
        return [function for function in of if function]

    def _queue(self, feed: Feed) -> Queue:
        dead_letters = self.account.messaging.add_queue(Queue(f"{feed.function}-dead-letters"))
        return self.account.messaging.add_queue(
            Queue(
                feed.function,
                visibility_s=feed.visibility_s,
                max_receives=feed.max_receives,
                dead_letters=dead_letters,
                batch_size=feed.batch_size,
                window_s=feed.window_s,
                max_concurrency=feed.max_concurrency,
            )
        )

    def _feed(self, queue: Queue, feed: Feed, handler: Handler) -> Function:
        queue.function = Function(feed.function, handler, feed.timeout_s)
        self.account.messaging.rules += [Rule(pattern, queue) for pattern in feed.patterns]
        return queue.function

    def _interruption(self) -> Handler:
        environments = self._environments(wiring.INTERRUPTION)
        environment = Environment(self.notices.url, _dead_letters_url(self.notices), self.triggers.url, LEDGER_TABLE)

        def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
            until = self.account.clock.now + context.remaining_s() - SPARE_S
            return environments.run(context, lambda runtime: handle_batch(event, runtime, environment, until))

        return handle

    def _autoscaler(self) -> Handler:
        environments = self._environments(wiring.AUTOSCALER)
        return lambda event, context: environments.run(
            context,
            lambda runtime: handle_event(
                event,
                runtime,
                replace(self._scaling_environment(self.unserved.url), invocation=context.aws_request_id),
                _dead_letters_url(self.triggers),
            ),
        )

    def _runtask_failure(self) -> Handler:
        environments = self._environments(wiring.RUNTASK_FAILURE)
        return lambda event, context: environments.run(
            context,
            lambda runtime: runtask_failure.handle_batch(
                event, runtime, self._scaling_environment(), _dead_letters_url(self.failures)
            ),
        )

    def _task_launcher(self) -> Handler:
        environments = self._environments(wiring.TASK_LAUNCHER)
        dead_letters = _dead_letters_url(self.launches)
        environment = LauncherEnvironment(
            LAUNCHES_TABLE, LEDGER_TABLE, self.launches.url, dead_letters, self.triggers.url
        )
        return lambda event, context: environments.run(
            context, lambda runtime: task_launcher.handle_batch(event, runtime, environment)
        )

    def _environments(self, feed: Feed) -> Environments:
        return Environments(lambda: self.runtime(feed.function))

    def _scaling_environment(self, unserved_queue_url: str = "") -> ScalingEnvironment:
        return ScalingEnvironment(LEDGER_TABLE, self.triggers.url, PEOPLE_TOPIC, unserved_queue_url)


def _dead_letters_url(queue: Queue) -> str:
    assert queue.dead_letters
    return queue.dead_letters.url
