"""The published figures that the simulated account is held against, and the order of peers that they give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from simulator.bench.published import clusters, messages, services
from simulator.bench.published.clusters import CLUSTER_AUTOSCALER, KARPENTER, MANAGED_INSTANCES, MANAGED_SCALING
from simulator.bench.published.measurement import Basis, Compared, Known, Measurement
from simulator.processes import run_all

VLAD = "Vlad Ionescu, Scaling containers on AWS in 2022"
FASTER_SCALE_IN = "AWS Containers Blog, Faster Scaling-in for ECS Cluster Auto Scaling, 2022"
LATENCY = "Luc van Donkersgoed, Serverless messaging: latency compared, 2023"
POLLERS = "AWS Lambda guide, Configuring scaling behavior for SQS event source mappings"
FAST_LAUNCHES = Known(
    "some 230 instances are launched in one step here; what slowed EC2 or ECS down there is not published",
    (0.5, 0.8),
    "flatters all alike",
)
SLOW_EVENTS = Known(
    "AWS's own words are half a second, and a notice has a way before the bus that nobody has measured", (2, 8), "harms"
)

MEASUREMENTS: Sequence[Measurement] = (
    Measurement(
        "managed scaling: first of 3,500 tasks on a new instance",
        150,
        "s",
        Basis.MEASURED,
        VLAD,
        partial(clusters.first_task_s, MANAGED_SCALING),
        Known("the metric of the same minute is seen at once here; boots of 90 s", (0.6, 0.85), "flatters this peer"),
    ),
    Measurement(
        "managed scaling: all 3,500 tasks run",
        600,
        "s",
        Basis.MEASURED,
        VLAD,
        partial(clusters.all_tasks_s, MANAGED_SCALING),
        FAST_LAUNCHES,
    ),
    Measurement(
        "Karpenter (there: EKS on EC2): first of 3,500 tasks",
        150,
        "s",
        Basis.MEASURED,
        VLAD,
        partial(clusters.first_task_s, KARPENTER),
        Known(
            "nodes join here as container instances do, without Kubernetes' steps", (0.6, 0.85), "flatters this peer"
        ),
    ),
    Measurement(
        "Karpenter (there: EKS on EC2): all 3,500 tasks run",
        390,
        "s",
        Basis.MEASURED,
        VLAD,
        partial(clusters.all_tasks_s, KARPENTER),
        FAST_LAUNCHES,
    ),
    Measurement(
        "managed scaling: scale-in begins",
        900,
        "s",
        Basis.DOCUMENTED,
        "containers-roadmap, issues 1220 and 1928: 15 minutes",
        clusters.scale_in_begins_s,
    ),
    Measurement(
        "managed scaling: from 334 instances to 34",
        600,
        "s",
        Basis.MEASURED,
        FASTER_SCALE_IN,
        clusters.scale_in_takes_s,
        Known(
            "a step each minute here (containers-roadmap, issue 1150); there, one in two",
            (0.4, 0.85),
            "flatters this peer",
        ),
    ),
    Measurement(
        "ECS Managed Instances: first task from nothing",
        40,
        "s",
        Basis.MEASURED,
        "neilkuan, 2026",
        partial(clusters.first_task_from_nothing_s, MANAGED_INSTANCES),
        Known("a first pull of 15 s, and a start; that of the measurement is not known", (1.15, 2), "harms this peer"),
    ),
    Measurement(
        "cluster-autoscaler: decision for tasks that wait",
        30,
        "s",
        Basis.LIMIT,
        "kubernetes/autoscaler, FAQ: clusters of up to 100 nodes",
        partial(clusters.decision_s, CLUSTER_AUTOSCALER),
    ),
    Measurement(
        "launch of an instance to its registration",
        80,
        "s",
        Basis.MEASURED,
        "karpenter-provider-aws, issue 6128 (30 to 40 s in issue 6165)",
        services.boot_s,
    ),
    Measurement(
        "Spot Fleet: change of the target to the launch",
        57,
        "s",
        Basis.MEASURED,
        "kubernetes-retired/kube-aws, issue 843: one case",
        services.fleet_acts_s,
        Known("a single case, within the 5 to 60 s that are drawn here", (0.5, 0.7), "unknown"),
    ),
    Measurement(
        "Spot: instances interrupted in a month, mild market",
        5,
        "%",
        Basis.LIMIT,
        "AWS, Spot Instance Advisor: under 5 % on average",
        services.interrupted_percent,
        Known("the mild market of the benchmarks takes half the fleet once a week", (20, 80), "harms all alike"),
    ),
    Measurement(
        "tasks of one service that ECS launches in a minute",
        500,
        "tasks",
        Basis.DOCUMENTED,
        "Amazon ECS endpoints and quotas",
        services.launched_in_a_minute,
    ),
    Measurement(
        "1,000 calls of StopTask",
        22.5,
        "s",
        Basis.DOCUMENTED,
        "Request throttling for the Amazon ECS API: 100, and 40 a second",
        services.stop_tasks_s,
    ),
    Measurement(
        "longest pause of a service whose tasks do not start",
        27 * 60,
        "s",
        Basis.DOCUMENTED,
        "Amazon ECS service throttle logic",
        services.longest_between_failed_starts_s,
    ),
    Measurement(
        "StopTask to the end of a task that ignores SIGTERM",
        30,
        "s",
        Basis.DOCUMENTED,
        "ECS API, StopTask; ContainerDefinition, stopTimeout",
        services.killed_after_s,
    ),
    Measurement(
        "deregistered target is displayed as draining",
        300,
        "s",
        Basis.DOCUMENTED,
        "ELB user guides, Deregistration delay",
        services.draining_s,
    ),
    Measurement(
        "event to a queue, median",
        148,
        "ms",
        Basis.MEASURED,
        LATENCY,
        partial(messages.delivery_ms, 50),
        SLOW_EVENTS,
    ),
    Measurement(
        "event to a queue, 99th percentile",
        387,
        "ms",
        Basis.MEASURED,
        LATENCY,
        partial(messages.delivery_ms, 99),
        SLOW_EVENTS,
    ),
    Measurement(
        "invocations at once, a minute into a backlog",
        305,
        "",
        Basis.DOCUMENTED,
        POLLERS,
        partial(messages.concurrency_after, 60.0),
    ),
    Measurement(
        "backlog to 1,250 invocations at once",
        240,
        "s",
        Basis.MEASURED,
        "AWS Compute Blog, Introducing faster polling scale-up, 2023: a fifth of 20 minutes",
        partial(messages.full_concurrency_s, 1250),
    ),
)
# Pairs of peers: the first is faster as published, and has to be so on the simulated account.
ORDER: Sequence[tuple[str, str]] = (
    ("Karpenter (there: EKS on EC2): all 3,500 tasks run", "managed scaling: all 3,500 tasks run"),
    ("ECS Managed Instances: first task from nothing", "managed scaling: first of 3,500 tasks on a new instance"),
    ("ECS Managed Instances: first task from nothing", "Karpenter (there: EKS on EC2): first of 3,500 tasks"),
)


def measure(seed: int, at_once: int, done: Callable[[str], None] = lambda what: None) -> list[Compared]:
    """Measure every published figure on the simulated account. `done` is called with the name of each."""
    # Those of one module in a row: two figures of a run are measured once.
    simulated = run_all(partial(_simulated, seed), MEASUREMENTS, at_once, lambda one: done(one.what))
    return [Compared(one, figure) for one, figure in zip(MEASUREMENTS, simulated, strict=True)]


def _simulated(seed: int, one: Measurement) -> float:
    return one.measure(seed)


def broken(found: Sequence[Compared]) -> list[str]:
    """Return a line for each figure that differs and has no reason for it, and for each pair in another order."""
    by_name = {one.of.what: one for one in found}
    differs = [
        f"{one.of.what}: {one.simulated:,.0f} {one.of.unit}, published {one.of.published:,.0f}"
        for one in found
        if not one.is_explained
    ]
    turned = [
        f"{less} ({by_name[less].simulated:,.0f}) is not under {more} ({by_name[more].simulated:,.0f}), as published"
        for less, more in ORDER
        if by_name[less].simulated >= by_name[more].simulated
    ]
    return differs + turned
