"""Checks of task definitions: stop timeouts."""

from __future__ import annotations

from collections.abc import Iterable

from cli.doctor.model import Finding, Inspection, Revision
from infra.fitness import SHORTEST_DELAY_S, longest_stop_timeout_s


def check_stop_timeouts(inspection: Inspection) -> Iterable[Finding]:
    """Find stop timeouts that last longer than a Spot notice allows: EC2 would terminate the instance before."""
    if not inspection.on_spot:
        return
    for revision in inspection.revisions:
        longest = longest_stop_timeout_s(SHORTEST_DELAY_S if revision.balanced else 0)
        if revision.stop_timeout_s > longest:
            yield Finding(
                "stop-timeout",
                revision.name,
                f"has a stop timeout of {revision.stop_timeout_s} s",
                f"{longest} s or less",
                _revision_command(inspection.cluster, revision, longest),
            )


def _revision_command(cluster: str, revision: Revision, stop_timeout_s: int) -> str:
    """Return the command that registers a revision with shorter stop timeouts.

    A service is updated to the new revision. Batch tasks use the newest revision without an update. All containers
    are shortened by the same factor: they may be stopped one after the other (`dependsOn`).
    """
    family = revision.family
    # Fields that DescribeTaskDefinition returns and RegisterTaskDefinition refuses.
    described = ".taskDefinitionArn,.revision,.status,.requiresAttributes,.compatibilities,.registeredAt,.registeredBy"
    register = (
        f"aws ecs describe-task-definition --task-definition {revision.task_definition} --query taskDefinition | "
        f"jq 'del({described}) | .containerDefinitions[] |= (.stopTimeout = ((.stopTimeout // 30) * {stop_timeout_s} / "
        f"{revision.stop_timeout_s} | floor))' > {family}.json && aws ecs register-task-definition --cli-input-json file://{family}.json"
    )
    if not revision.service:
        return register
    return (
        f"{register} && aws ecs update-service --cluster {cluster} --service {revision.service} "
        f"--task-definition {family}"
    )
