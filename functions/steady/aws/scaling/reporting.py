"""Report a decision: its log line, its metrics, and the problems of the parameters that people must know of."""

from __future__ import annotations

from collections.abc import Sequence

from steady.aws.runtime import Runtime
from steady.aws.scaling.deciding import PoolDecision
from steady.metrics import MetricName
from steady.pools import Pool
from steady.scaling.by_pool import BY_POOL
from steady.scaling.lateness import late_tasks
from steady.scaling.pool import Bounds
from steady.scaling.reservation import reservation


def put_metrics(runtime: Runtime, parts: Sequence[PoolDecision], share_percent: int) -> None:
    """Put out what the cluster looks like, as metrics for the dashboards and alarms: all of its pools together.

    Of several pools, two metrics show each: each metric costs.

    Args:
        share_percent: how many of 100 tasks should start at once.
    """
    cpu, memory = reservation(i for one in parts for i in one.snapshot.active)
    demands = {key for one in parts for key in one.decision.state.demands}
    drifted = [one.snapshot.pool.drifted for one in parts if one.snapshot.pool.launches]
    runtime.telemetry.gauges(
        {
            MetricName.TARGET: sum(one.decision.target for one in parts),
            MetricName.HELD: sum(one.snapshot.pool.held for one in parts),
            MetricName.ON_DEMAND: sum(_on_demand(one.snapshot.pool) for one in parts),
            MetricName.SPOT_SHORT: sum(_spot_short(one) for one in parts),
            MetricName.INSTANCES: sum(len(one.snapshot.instances) for one in parts),
            MetricName.CPU_RESERVATION: round(cpu, 1),
            MetricName.MEMORY_RESERVATION: round(memory, 1),
            MetricName.MISSING_TASKS: sum(s.missing for one in parts for s in one.snapshot.services),
            MetricName.DEMANDS: len(demands),
            # Each metric costs: it is put out where renewal is on.
            **({MetricName.DRIFTED: sum(map(len, drifted))} if drifted else {}),
            MetricName.LATE_TASKS: sum(late_tasks(one.snapshot, one.decision.state) for one in parts),
            MetricName.START_AT_ONCE_SHORTFALL: round(
                max(one.decision.state.lately.shortfall(share_percent) for one in parts), 1
            ),
        },
        parts[0].snapshot.cluster,
    )
    for one in parts:
        if one.name:
            of_pool: dict[str, float] = {
                MetricName.HELD: one.snapshot.pool.held,
                MetricName.OF_MAXIMUM: _of_maximum(one),
            }
            runtime.telemetry.gauges(of_pool, one.snapshot.cluster, one.name)


def _of_maximum(one: PoolDecision) -> float:
    """Return the target as a percentage of the most that the pool may be asked for."""
    most = Bounds.of(one.snapshot, one.thresholds).maximum
    return round(100 * one.decision.target / most, 1) if most else 100.0


def _on_demand(pool: Pool) -> int:
    return pool.units(pool.on_demand_members)


def _spot_short(one: PoolDecision) -> int:
    # A fleet is short once it was short at the look before: what was asked for a moment ago is on its way.
    since, pool = one.decision.state.short_since, one.snapshot.pool
    return max(0, pool.target - pool.held) if since is not None and since < one.snapshot.at else 0


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


def log_decision(runtime: Runtime, one: PoolDecision, mode: str) -> None:
    """Log the decision in one line, with what was seen and why; count each of its reasons as a metric."""
    snapshot, decision = one.snapshot, one.decision
    if not decision.reasons and not one.acts:
        return
    pool = snapshot.pool
    cpu, memory = reservation(snapshot.active)
    runtime.telemetry.info(
        f"decided for cluster {decision.cluster}{f', pool {one.name}' if one.name else ''}: target {decision.target}",
        cluster=decision.cluster,
        **({"pool": one.name} if one.name else {}),
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
        if one.name and isinstance(reason, BY_POOL):
            runtime.telemetry.count(reason.name, cluster=decision.cluster, pool=one.name)
