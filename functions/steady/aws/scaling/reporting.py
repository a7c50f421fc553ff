"""Report a decision: its log line, its metrics, and the problems of the parameters that people must know of."""

from __future__ import annotations

from collections.abc import Sequence

from steady.aws.runtime import Runtime
from steady.cluster import Snapshot
from steady.metrics import MetricName
from steady.scaling.decision import Decision
from steady.scaling.lateness import late_tasks
from steady.scaling.reservation import reservation


def put_metrics(runtime: Runtime, snapshot: Snapshot, decision: Decision, share_percent: int) -> None:
    """Put out what the cluster looks like, as metrics for the dashboards and alarms.

    Args:
        share_percent: how many of 100 tasks should start at once.
    """
    pool = snapshot.pool
    cpu, memory = reservation(snapshot.active)
    # A fleet is short once it was short at the look before: what was asked for a moment ago is on its way.
    short = decision.state.short_since is not None and decision.state.short_since < snapshot.at
    runtime.telemetry.gauges(
        {
            MetricName.TARGET: decision.target,
            MetricName.HELD: pool.held,
            MetricName.ON_DEMAND: pool.units(pool.on_demand_members),
            MetricName.SPOT_SHORT: max(0, pool.target - pool.held) if short else 0,
            MetricName.INSTANCES: len(snapshot.instances),
            MetricName.CPU_RESERVATION: round(cpu, 1),
            MetricName.MEMORY_RESERVATION: round(memory, 1),
            MetricName.MISSING_TASKS: sum(s.missing for s in snapshot.services),
            MetricName.DEMANDS: len(decision.state.demands),
            MetricName.DRIFTED: len(pool.drifted),
            MetricName.LATE_TASKS: late_tasks(snapshot, decision.state),
            MetricName.START_AT_ONCE_SHORTFALL: round(decision.state.lately.shortfall(share_percent), 1),
        },
        decision.cluster,
    )


def report_problems(runtime: Runtime, topic_arn: str, cluster: str, problems: Sequence[str]) -> None:
    """Send people the new problems of a cluster's parameters."""
    if not problems:
        return
    try:
        runtime.sns.publish(
            TopicArn=topic_arn,
            # SNS: 100 characters at most.
            Subject=f"steady: cluster {cluster} has invalid thresholds"[:100],
            Message="\n".join([*problems, f"Correct it: steady config check {cluster}"]),
        )
    except Exception as error:
        runtime.telemetry.error(
            f"the problems of cluster {cluster}'s parameters were not sent to people, only logged: {error}",
            cluster=cluster,
        )


def log_decision(runtime: Runtime, snapshot: Snapshot, decision: Decision, mode: str) -> None:
    """Log the decision in one line, with what was seen and why; count each of its reasons as a metric."""
    if not decision.reasons and not decision.acts_on(snapshot):
        return
    pool = snapshot.pool
    cpu, memory = reservation(snapshot.active)
    runtime.telemetry.info(
        f"decided for cluster {decision.cluster}: target {decision.target}",
        cluster=decision.cluster,
        mode=mode,
        seen={
            "target": pool.target,
            "on_demand": pool.on_demand,
            # What the decision asks of such a pool waits (`changing_pool.put_off`).
            "pool_is_changing": pool.is_changing,
            "instances": len(snapshot.instances),
            "active": len(snapshot.active),
            "cpu_percent": round(cpu, 1),
            "memory_percent": round(memory, 1),
            "demands": len(decision.state.demands),
            "missing_tasks": sum(s.missing for s in snapshot.services),
        },
        reasons=[{"rule": r.name, "text": str(r)} for r in decision.reasons],
        target=decision.target,
        on_demand=decision.on_demand,
        to_drain=list(decision.to_drain),
        to_undrain=list(decision.to_undrain),
        to_terminate=list(decision.to_terminate),
        to_forget=list(decision.to_forget),
        order=list(decision.order),
    )
    for reason in decision.reasons:
        runtime.telemetry.count(reason.name, cluster=decision.cluster)
