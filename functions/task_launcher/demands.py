"""Tell scaling of the requests that wait: as demands in the ledger, with the whole shape of each task."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from steady.aws.capacity.providers import Providers
from steady.aws.runtime import Runtime
from steady.aws.scaling import evaluation
from steady.aws.scaling.looks import book_look
from steady.cluster import TaskShape
from steady.queued_run import QueuedRun
from steady.scaling.demand import MAX_DEMANDS, Demand, RunShape, key_of_run, merge_demands, still_repeated
from steady.scaling.state import ScalingState
from steady.settings import ClusterSettings
from task_launcher.environment import Environment
from task_launcher.gangs import launch_of, shape_of

# The keys of the queue's demands in the ledger begin with this: a launcher's own messages are not the queue's.
PREFIX = "queue/"
# The shapes of tasks are read for so many seconds; those that are left are read by the next rounds. The round has to
# begin meanwhile, and the ledger knows the shapes of what it was told before.
READING_TAKES_S = 1.0


def tell_scaling(
    runtime: Runtime, environment: Environment, cluster: ClusterSettings, waiting: Sequence[QueuedRun]
) -> None:
    """Write the demands of what waits into the cluster's ledger entry; wake the autoscaler if some are new.

    What fails is done by the next round: nothing that waits is lost with it.
    """
    demands = QueueDemands(runtime, cluster, waiting)
    try:
        evaluation.remember(runtime, environment.ledger_table, cluster.name, demands)
    except Exception as error:
        runtime.telemetry.error(
            f"cluster {cluster.name}: the ledger could not be told of {len(waiting)} waiting launches; the next round "
            f"does: {error}",
            cluster=cluster.name,
        )
        return
    if demands.new:
        why = f"{len(demands.new)} launches found no room"
        book_look(runtime, environment.autoscaler_queue_url, cluster.name, runtime.now(), why)


class QueueDemands:
    """The demands of waiting requests, as an update of the cluster's state; `new` are those that it did not hold."""

    def __init__(self, runtime: Runtime, cluster: ClusterSettings, waiting: Iterable[QueuedRun]) -> None:
        self.new: set[str] = set()
        self._now = runtime.now()
        self._silent_after_s = cluster.thresholds.demand_silent_after_seconds
        self._demands: dict[str, Demand] = {}
        self._shapes: dict[str, RunShape] = {}
        self._unread: set[str] = set()
        providers = Providers(runtime, cluster.name, dict.fromkeys(cluster.pool_names, ()))
        read: dict[str, TaskShape | None] = {}
        until = runtime.now() + READING_TAKES_S
        for run in waiting:
            if len(self._demands) + len(self._unread) >= MAX_DEMANDS:
                break
            if run.shape not in read and runtime.now() > until:
                self._unread |= {key_of(run, number) for number in range(1, run.missing + 1)}
                continue
            if run.shape not in read:
                read[run.shape] = _shape(runtime, run, providers)
            if shape := read[run.shape]:
                launch = launch_of(runtime, run)
                self._add(run, shape, launch.share(run.missing, shape.providers))

    def __call__(self, state: ScalingState) -> ScalingState:
        others = {key: d for key, d in state.demands.items() if not key.startswith(PREFIX)}
        known = still_repeated(state.demands, self._now, self._silent_after_s)
        self.new = set(self._demands) - set(known)
        again = {key: replace(d, seen=key in known and known[key].seen) for key, d in self._demands.items()}
        again |= {key: replace(known[key], last_said_at=self._now) for key in self._unread & known.keys()}
        demands = merge_demands(still_repeated(others, self._now, self._silent_after_s), again.values())
        shapes = {**state.run_shapes, **self._shapes}
        return replace(state, demands=demands, run_shapes={key: one for key, one in shapes.items() if key in demands})

    def _add(self, run: QueuedRun, shape: TaskShape, count: int) -> None:
        for number in range(1, count + 1):
            key = key_of(run, number)
            self._demands[key] = Demand(key, shape.size, run.sent_at, self._now)
            self._shapes[key] = RunShape.of(shape)


def key_of(run: QueuedRun, number: int) -> str:
    """Return the key of the demand for the task `number` of a request."""
    return f"{PREFIX}{key_of_run(run.id, number)}"


def _shape(runtime: Runtime, run: QueuedRun, providers: Providers) -> TaskShape | None:
    """Return the shape of a task of the request; None: it cannot be read, or the pool does not serve such tasks."""
    request, launch = run.request, launch_of(runtime, run)
    ours = providers.ours(launch.providers)
    if not launch.is_served_by(ours):
        return None
    try:
        shape = shape_of(runtime, run)
    except Exception as error:
        runtime.telemetry.warning(
            f"cluster {run.cluster}: the shape of {request['taskDefinition']} cannot be read: no capacity is added for "
            f"it before the next round: {error}",
            cluster=run.cluster,
        )
        return None
    return replace(shape, providers=ours)
