"""What is stopping is not gone: tasks take their time to end, and their instance waits for them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from interruption_handler.notices import health_change
from simulator.chaos.as_they_are.drawn import CALM, DRAIN_SECONDS, Drawn, all_running
from simulator.ecs.state import Task, TaskStatus
from simulator.timing import Timing
from steady.pools import PoolKind

# No task takes longer to end; ECS allows two minutes.
STOP_TIMEOUTS_S = (2, 120)
SCALE_IN = "scale-in"
HOOK = "a hook"
HEALING = "healing"
RETIREMENT = "a retirement"
WAYS = (HOOK, SCALE_IN, HEALING, RETIREMENT)
# A task that was told to stop and that no SIGKILL ends.
NEVER_S = 86_400.0


class Stopping(Drawn):
    """Instances go by one of `WAYS`. Their tasks end some time after SIGTERM, or only by SIGKILL, or never."""

    name = "what is stopping is not gone"
    varied = (
        "Stop timeouts of 2 to 120 s; when tasks end; chains of containers; tasks that never end. "
        "A hook, scale-in, healing, a retirement"
    )
    # A batch task of 10 minutes, scale-in of some instances one after the other, the boot of replacements.
    lasts_s = 2700.0

    def timing(self) -> Timing:
        ignores = self.draw.choice((0.0, 0.1, 0.5))
        return Timing.as_aws(exits=(1.0, 120.0), ignores_sigterm=ignores, pollers=self.draw.choice((1, 2, 5, 10)))

    def build_drawn(self) -> None:
        draw = self.draw
        self.way = draw.choice(WAYS)
        kind = PoolKind.AUTO_SCALING_GROUP if self.way == HOOK else draw.choice(list(PoolKind))
        instances = draw.randint(3, 6)
        thresholds = {**CALM, "drain_seconds": DRAIN_SECONDS}
        if self.way == SCALE_IN:
            thresholds["scale_in_after_seconds"] = 60
        self.cluster = self.world.cluster(kind, "web", instances, "m5.large", **thresholds)
        for number in range(draw.randint(1, 3)):
            timeout_s = draw.randint(*STOP_TIMEOUTS_S)
            chain = tuple(draw.randint(2, 30) for _ in range(draw.choice((0, 0, 1, 2))))
            tasks = draw.randint(1, instances)
            self.cluster.service(
                f"api-{number}",
                tasks,
                requests_per_s=draw.choice((0.0, 0.5, 3.0)),
                delay_s=draw.choice((20, 60, 300)),
                stop_timeout_s=timeout_s,
                chain=chain,
            )
            self.drawn.append(f"{tasks} tasks with a stop timeout of {timeout_s} s {chain or ''}".strip())
        self.world.run(120)
        self.leaving = [i for i in self.cluster.ec2_instances() if i.container_instance][: draw.randint(1, 2)]
        self.stuck = self._stuck() if self.way == HOOK and draw.random() < 0.3 else None
        self.drawn = [f"{self.way}, {kind}, {instances} instances", *self.drawn]

    def begin(self) -> None:
        BEGIN[self.way](self)

    def beyond_help(self) -> Collection[Task]:
        """Return the task that never ends, and those that a lost agent cannot stop."""
        if self.way == HEALING:
            return [task for task in self.started if self.machine_of(task) in self.leaving]
        return [self.stuck] if self.stuck else []

    def broken_promises_of_scenario(self) -> list[str]:
        if self.way == SCALE_IN:
            return all_running(self.cluster)
        left = [instance.id for instance in self.leaving if instance.alive]
        return [*([f"{len(left)} instances have not gone"] if left else []), *all_running(self.cluster)]

    def _stuck(self) -> Task:
        """Start a batch task that never ends once it was told to stop, and tell it."""
        self.drawn.append("a task that never ends")
        scheduler, instance = self.world.account.scheduler, self.leaving[0].container_instance
        assert instance
        stuck = self.cluster.batch_task(instance, run_s=None)
        self.world.run(20)
        exit_s = scheduler.exit_s
        scheduler.exit_s = lambda task: NEVER_S if task is stuck else exit_s(task)  # type: ignore[method-assign]
        assert stuck.status is TaskStatus.RUNNING
        scheduler.stop(stuck)
        return stuck


def _fail(trial: Stopping) -> None:
    for instance in trial.leaving:
        trial.world.account.groups.fail(instance)


def _lose_agents(trial: Stopping) -> None:
    for instance in trial.leaving:
        assert instance.container_instance
        trial.world.account.scheduler.disconnect(instance.container_instance)


def _retire(trial: Stopping) -> None:
    sample = health_change.SAMPLE
    entities = [{"entityValue": instance.id, "status": "PENDING"} for instance in trial.leaving]
    detail = {**sample["detail"], "affectedEntities": entities}
    trial.world.account.messaging.put_event(
        {"detail-type": sample["detail-type"], "source": sample["source"], "detail": detail}
    )


BEGIN: Mapping[str, Callable[[Stopping], None]] = {
    HOOK: _fail,
    # The cluster is larger than its work needs: nothing has to happen.
    SCALE_IN: lambda trial: None,
    HEALING: _lose_agents,
    RETIREMENT: _retire,
}
