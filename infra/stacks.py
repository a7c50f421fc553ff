"""All stacks of the suite, in the order of their dependencies, for each target of the deployment."""

from typing import Any, NamedTuple

import aws_cdk as cdk
from constructs import Construct

from infra.alerts_stack import AlertsStack
from infra.clusters.stack import ClusterStack
from infra.events_stack import EventsStack
from infra.logs_stack import LogsStack
from infra.many_clusters import in_a_stacks_name
from infra.monitoring_stack import MonitoringStack
from infra.network import Network, NetworkStack
from infra.queue_function import QueueFunction
from infra.scaling_stack import ScalingStack
from infra.service_out_stack import ServiceOutStack
from infra.settings import left_behind
from infra.settings.clusters import ClusterOfPools
from infra.settings.networks import ExistingNetwork
from infra.settings.target import Settings, Target, targets_of
from infra.state_stack import StateStack
from infra.task_launcher_stack import TaskLauncherStack
from infra.task_status_stack import TaskStatusStack
from infra.watch_stack import ClusterWatchStack, WatchStack


class Stacks(NamedTuple):
    """The suite's stacks in one account and Region, and those of the clusters that are made there."""

    state: StateStack
    scaling: ScalingStack
    service_out: ServiceOutStack
    alerts: AlertsStack
    watch: WatchStack
    cluster_watches: tuple[ClusterWatchStack, ...]
    clusters: tuple[ClusterStack, ...] = ()
    network: NetworkStack | None = None
    logs: LogsStack | None = None
    monitoring: MonitoringStack | None = None


def add_to(app: cdk.App) -> tuple[Stacks, ...]:
    """Add the suite to `app`, once for each target that its context names.

    Raises:
        BadSettings: if the context holds something that cannot be deployed.
    """
    return tuple(_add(app, target) for target in targets_of(app.node))


def _add(app: cdk.App, target: Target) -> Stacks:
    # Not a cdk.Stage: `cdk deploy --all` skips the stacks of stages.
    scope = Construct(app, target.name) if target.name else app
    settings = target.settings
    where = cdk.Environment(account=settings.account or None, region=settings.region or None)

    def named(name: str) -> dict[str, Any]:
        return {"id_": f"steady-{name}", "stack_name": f"steady-{name}", "env": where}

    state = StateStack(scope, **named("state"), settings=settings)
    for cluster in left_behind.remembered(target, app.node.get_all_context()):
        again = f"{left_behind.warning(cluster)}. Once it is removed, steady prepare forgets it"
        cdk.Annotations.of(state).add_warning_v2(f"steady:no-row:{cluster}", again)
    EventsStack(scope, **named("events"))
    # Its deployed name is from before its Python name: another one would replace the topic, and lose its subscriptions.
    alerts = AlertsStack(scope, **named("people"), settings=settings)
    scaling = ScalingStack(scope, **named("scaling"), settings=settings, ledger=state.ledger, alerts=alerts.topic)
    service_out = ServiceOutStack(
        scope,
        **named("service-out"),
        settings=settings,
        autoscaler_queue=scaling.autoscaler_queue,
        unserved_queue=scaling.unserved_queue,
        ledger=state.ledger,
    )
    functions: tuple[QueueFunction, ...] = (*service_out.functions, *scaling.functions)
    if settings.task_launcher:
        launcher = TaskLauncherStack(
            scope,
            **named("task-launcher"),
            settings=settings,
            launcher=settings.task_launcher,
            ledger=state.ledger,
            autoscaler_queue=scaling.autoscaler_queue,
        )
        functions = (*functions, launcher.function)
    watch = WatchStack(scope, **named("watch"), settings=settings, functions=functions, ledger=state.ledger)
    cluster_watches = tuple(
        ClusterWatchStack(scope, **named(f"watch-{in_a_stacks_name(row.name)}"), settings=settings, cluster=row.name)
        for row in settings.clusters
    )
    for one in cluster_watches:
        # Up to release 0.1.0 that stack had their dashboards, under the same names: it has to let go of them first.
        one.add_stack_dependency(watch)
    network: Network | ExistingNetwork | None = None
    network_stack = None
    if isinstance(settings.network, ExistingNetwork):
        network = settings.network
    elif settings.made_zones:
        network_stack = NetworkStack(scope, **named("network"), zones=settings.made_zones, made=settings.network)
        network = network_stack.network
    clusters = _clusters(scope, settings, network, state) if network else ()
    logs = None
    if settings.logs:
        logs = LogsStack(
            scope, **named("logs"), settings=settings, log=settings.logs, network=network, clusters=clusters
        )
    metrics = None
    if settings.monitoring and network:
        metrics = MonitoringStack(
            scope,
            **named("monitoring"),
            settings=settings,
            metrics=settings.monitoring,
            network=network,
            clusters=clusters,
        )
    status = settings.task_status
    if status:
        TaskStatusStack(scope, **named("task-status"), settings=settings, status=status)
    return Stacks(state, scaling, service_out, alerts, watch, cluster_watches, clusters, network_stack, logs, metrics)


def _clusters(
    scope: Construct, settings: Settings, network: Network | ExistingNetwork, state: StateStack
) -> tuple[ClusterStack, ...]:
    """Add the stack of each cluster of which something is made."""
    made = tuple(
        ClusterStack(
            scope,
            f"steady-cluster-{row.name}",
            stack_name=f"steady-cluster-{row.name}",
            env=cdk.Environment(account=settings.account or None, region=settings.region or None),
            row=row,
            network=network,
            docker_hub_mirror=settings.docker_hub_mirror,
        )
        for row in settings.made
    )
    for stack in made:
        if isinstance(stack.row, ClusterOfPools):
            # A made pool that is to be adopted under the same name has its parameter in both stacks: the state's is
            # refused then, before the cluster's lets go of the pool.
            stack.add_stack_dependency(state)
    return made
