"""One fault stays one fault: a call of a reclaim is refused for one thing, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache

from simulator.chaos.as_they_are.drawn import DRAIN_SECONDS, Drawn
from simulator.ecs.state import Task
from simulator.errors import AwsError
from simulator.faults import Fault, Params, TimedOut, Try, Unforeseen
from simulator.world import SimulatedCluster
from steady.pools import PoolKind

# Which things a call is about, by the call: one, or each of a list. Any other call of ECS is about its cluster.
# Service Authorization Reference, "Amazon ECS": a call with a list is refused as a whole if one of them is denied.
THINGS_OF: Mapping[str, Callable[[Params], str | Sequence[str]]] = {
    "ecs:StopTask": lambda params: params["task"],
    "ecs:DescribeTasks": lambda params: params["tasks"],
    "ecs:GetTaskProtection": lambda params: params["tasks"],
    "ecs:ListTasks": lambda params: params.get("containerInstance") or params.get("family") or params["cluster"],
    "ecs:DescribeServices": lambda params: params["services"],
    "ecs:DescribeContainerInstances": lambda params: params["containerInstances"],
    "ecs:UpdateContainerInstancesState": lambda params: params["containerInstances"],
    "ecs:DescribeClusters": lambda params: params["clusters"],
    "ecs:DescribeTaskDefinition": lambda params: params["taskDefinition"],
    "elbv2:DeregisterTargets": lambda params: params["TargetGroupArn"],
    "elbv2:DescribeTargetHealth": lambda params: params["TargetGroupArn"],
    "elbv2:DescribeTargetGroups": lambda params: params["TargetGroupArns"],
    "ec2:DescribeSpotFleetRequests": lambda params: params["SpotFleetRequestIds"],
    "autoscaling:DescribeAutoScalingGroups": lambda params: params["AutoScalingGroupNames"],
    "autoscaling:DescribeLifecycleHooks": lambda params: params["AutoScalingGroupName"],
    "sqs:SendMessage": lambda params: params["QueueUrl"],
    "dynamodb:GetItem": lambda params: params["Key"]["cluster"]["S"],
    "dynamodb:PutItem": lambda params: params["Item"]["cluster"]["S"],
    "dynamodb:UpdateItem": lambda params: params["Key"]["cluster"]["S"],
}
UNFORESEEN = "unforeseen error"
ERRORS: Mapping[str, Callable[[], BaseException]] = {
    "denied": lambda: AwsError("AccessDeniedException", "not authorized", 403),
    "fails (500)": lambda: AwsError("InternalError", "We encountered an internal error.", 500),
    "not found": lambda: AwsError("ClientException", "not found", 400),
    "no answer": lambda: TimedOut(connected=True),
    UNFORESEEN: lambda: Unforeseen("nobody has thought of this"),
}


def things_of(name: str, params: Params) -> Sequence[str]:
    """Return what a call is about: tasks, target groups, a cluster or other things, as texts."""
    if name in THINGS_OF:
        found = THINGS_OF[name](params)
        return [found] if isinstance(found, str) else found
    return [str(params.get("cluster", "")) if name.startswith("ecs:") else ""]


class RefusedFor(Fault):
    """From some moment on, one call is refused whenever it is about one thing: the `number`-th of its things.

    Attributes:
        thing: the thing; None: none has come yet.
    """

    def __init__(self, name: str, number: int, error: Callable[[], BaseException]) -> None:
        self.name, self.number, self.error = name, number, error
        self.things: dict[str, None] = {}
        self.thing: str | None = None

    def before(self, tried: Try) -> None:
        if tried.name != self.name:
            return
        things = things_of(tried.name, tried.params)
        self.things |= dict.fromkeys(things)
        if self.thing is None and len(self.things) > self.number:
            self.thing = list(self.things)[self.number]
        if self.thing in things:
            raise self.error()


class Things(Fault):
    """Record the things of each call, in their order."""

    def __init__(self) -> None:
        self.things: dict[str, dict[str, None]] = {}

    def before(self, tried: Try) -> None:
        self.things.setdefault(tried.name, {}).update(dict.fromkeys(things_of(tried.name, tried.params)))


class Refusal(Drawn):
    """Half of two clusters is taken away at the same time, and one call is refused for one thing.

    The seeds go through all calls, with each error in turn: which thing it is, and the clusters, are drawn.
    """

    name = "one refusal"
    varied = "Which call of a reclaim, or of hooks, is refused for one task, target group, cluster or other thing; how"

    @property
    def lasts_s(self) -> float:  # type: ignore[override]
        """Two minutes of a Spot notice; or the heartbeats of a hook that nobody answers."""
        return 200.0 if self.kind is PoolKind.SPOT_FLEET else 900.0

    def build_drawn(self) -> None:
        draw = self.draw
        self.kind = list(PoolKind)[self.seed % len(PoolKind)]
        self.clusters = [self._cluster("web", draw.randint(4, 6)), self._cluster("shop", draw.randint(2, 4))]
        self.cluster = self.clusters[0]
        self.world.run(60)
        self.drawn = [str(self.kind), *(f"{len(c.instances())} instances" for c in self.clusters)]
        self.fault: RefusedFor | None = None

    def begin(self) -> None:
        if self.kind is PoolKind.SPOT_FLEET:
            for cluster in self.clusters:
                cluster.reclaim(len(cluster.instances()) // 2)
        else:
            for cluster in self.clusters:
                for machine in cluster.ec2_instances()[: len(cluster.instances()) // 2]:
                    self.world.account.groups.fail(machine)
        self.doomed = list(self.started)

    def refuse(self) -> None:
        """Refuse what the seed says, for a thing that is drawn."""
        things = _things_of(self.kind)
        names, turn = sorted(things), self.seed // len(PoolKind)
        name, error = names[turn % len(names)], list(ERRORS)[turn // len(names) % len(ERRORS)]
        self.refuse_for(name, error, self.draw.randrange(things[name]))

    def refuse_for(self, name: str, error: str, number: int) -> None:
        """Refuse the call `name` with `error` for the `number`-th of its things from now on."""
        self.fault = RefusedFor(name, number, ERRORS[error])
        self.drawn.append(f"{name}: {error}")
        self.world.account.endpoint.fault = self.fault

    def run(self) -> None:
        self.refuse()
        super().run()

    def beyond_help(self) -> Collection[Task]:
        """Return the tasks that the refused thing is, or that are in it.

        While nothing can be sent to the handler's own queue, steps come as seldom as SQS delivers a notice again.
        """
        thing, name = (self.fault.thing, self.fault.name) if self.fault else (None, "")
        if not thing or name == "elbv2:DescribeTargetHealth":
            return ()
        if name == "sqs:SendMessage" and thing == self.world.suite.notices.url:
            return self.started
        clusters = {c.name for c in self.clusters} | {c.state.arn for c in self.clusters}
        return [
            task
            for task in self.started
            if thing in (task.arn, task.definition.arn, task.instance.arn, task.service_name)
            or (thing in clusters and thing in (task.cluster.name, task.cluster.arn))
            or any(thing == target.group.arn for target in task.targets)
        ]

    def set_aside(self) -> Sequence[str]:
        """Return nothing: what is refused for good is set aside in the end, with an alarm."""
        return ()

    def _cluster(self, name: str, instances: int) -> SimulatedCluster:
        cluster = self.world.cluster(self.kind, name, instances, "m5.large", mode="paused", drain_seconds=DRAIN_SECONDS)
        cluster.daemon(f"{name}-logs")
        for number in range(3):
            cluster.service(f"{name}-api-{number}", instances, cpu=64, requests_per_s=1, delay_s=45)
        cluster.service(f"{name}-worker", instances, cpu=64)
        for instance in cluster.instances():
            cluster.batch_task(instance, run_s=60, cpu=64)
        return cluster


@cache
def _things_of(kind: PoolKind) -> Mapping[str, int]:
    """Return how many things each call is about, by its name, in a run without a fault."""
    seed = 0
    while (trial := _Unrefused(seed)).kind is not kind:
        seed += 1
    trial.run()
    return {name: len(found) for name, found in trial.recorded.things.items()}


class _Unrefused(Refusal):
    def refuse(self) -> None:
        self.recorded = Things()
        self.world.account.endpoint.fault = self.recorded
