"""What is said of a decision: its log line, its metrics, and what people have to know of the parameters."""

from __future__ import annotations

from collections.abc import Sequence

from botocore.exceptions import BotoCoreError, ClientError

from steady.aws.runtime import Runtime
from steady.cluster import Snapshot
from steady.scaling.decision import Decision
from steady.scaling.reservation import reservation


def measure(runtime: Runtime, snapshot: Snapshot, decision: Decision) -> None:
    """What the cluster looks like, as metrics: what the dashboards show, and what alarms look at."""
    pool = snapshot.pool
    cpu, memory = reservation(snapshot.active)
    # Only a fleet that has been short for a look is short: what was asked for a moment ago is on its way.
    short = decision.memory.short_since is not None and decision.memory.short_since < snapshot.at
    runtime.telemetry.gauges(
        {
            "Target": decision.target,
            "Held": pool.held,
            "OnDemand": pool.units(pool.on_demand_members),
            "SpotShort": max(0, pool.target - pool.held) if short else 0,
            "Instances": len(snapshot.instances),
            "CpuReservation": round(cpu, 1),
            "MemoryReservation": round(memory, 1),
            "MissingTasks": sum(s.missing for s in snapshot.services),
            "Demands": len(decision.memory.demands),
        },
        decision.cluster,
    )


def tell(runtime: Runtime, topic_arn: str, cluster: str, problems: Sequence[str]) -> None:
    """Tells people what is wrong with a cluster's parameters: once, when it comes up."""
    if not problems:
        return
    try:
        runtime.sns.publish(
            TopicArn=topic_arn,
            # SNS: 100 characters at most.
            Subject=f"steady: cluster {cluster}: bad threshold"[:100],
            Message="\n".join([*problems, f"Correct it: steady config check {cluster}"]),
        )
    except (ClientError, BotoCoreError) as error:
        runtime.telemetry.error(f"people could not be told: {error}", cluster=cluster)


def say(runtime: Runtime, snapshot: Snapshot, decision: Decision, mode: str) -> None:
    """Logs the decision in one line, with what was seen, what wanted what and what is done; and counts its reasons."""
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
            "instances": len(snapshot.instances),
            "active": len(snapshot.active),
            "cpu_percent": round(cpu, 1),
            "memory_percent": round(memory, 1),
            "demands": len(decision.memory.demands),
            "missing_tasks": sum(s.missing for s in snapshot.services),
        },
        reasons=[{"rule": r.name, "text": str(r)} for r in decision.reasons],
        target=decision.target,
        on_demand=decision.on_demand,
        to_drain=list(decision.to_drain),
        to_undrain=list(decision.to_undrain),
        to_terminate=list(decision.to_terminate),
    )
    for reason in decision.reasons:
        runtime.telemetry.count(reason.name, cluster=decision.cluster)
