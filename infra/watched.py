"""What is watched of each cluster: the metrics that are alarms, with what they mean and their runbook entry."""

from __future__ import annotations

from dataclasses import dataclass

from infra import wiring
from infra.dashboards import DEREGISTERED_WITHIN_S
from infra.wiring import Feed
from steady.metrics import MetricName
from steady.scaling import lateness, reasons, renewal_reasons, stuck_drains, try_reasons
from steady.scaling.delivery import PassedOver

MAXIMUM_MINUTES = 3
SHORT_MINUTES = 15
# A pending change of the group refuses terminations for less than this.
REFUSED_MINUTES = 10
DRIFT_MINUTES = 10
LATE_MINUTES = 2
TROUBLE_MINUTES = 3
# Between two tries a pool is passed over for 5 to 30 minutes; a try takes some minutes.
PASSED_OVER_MINUTES, PASSED_OVER_OF_MINUTES = 20, 40
# A cluster learns within a day what it has to keep free.
SHORTFALL_MINUTES, SHORTFALL_POINTS = 6 * 60, 5
# A reclaim or a burst of work postpones calls for less than this.
SHED_MINUTES = 15
# One failed step is repeated in time. When the repetition fails too, the notice's two minutes run out.
STEP_FAILURES = 1


@dataclass(frozen=True, slots=True)
class Watched:
    """A metric of each cluster that is an alarm when it is over `over` in `minutes` of `of_minutes` (0: in each).

    Attributes:
        name: what follows the cluster's name in the alarm's name.
        means: what has happened and what happens next, in sentences; `{cluster}` stands for the cluster's name, and
            `{pool}` for that of one of several pools.
        entry: the runbook's entry, as the anchor of its heading.
    """

    metric: str
    name: str
    means: str
    entry: str
    minutes: int = 1
    of_minutes: int = 0
    feed: Feed = wiring.AUTOSCALER
    statistic: str = "Sum"
    over: float = 0


# A new alarm is a row here, and an entry of docs/runbook.md that has its name.
WATCHED = (
    Watched(
        reasons.AtMaximum.__name__,
        "needs more than its maximum capacity",
        f"For {MAXIMUM_MINUTES} minutes, cluster {{cluster}} has needed more capacity than its maximum. Tasks wait "
        "until other tasks end, or until max_capacity is raised.",
        "at-the-maximum",
        minutes=MAXIMUM_MINUTES,
    ),
    Watched(
        reasons.DriftIsNotCapacity.__name__,
        "has services that lack tasks despite free capacity",
        f"For {DRIFT_MINUTES} minutes, services of cluster {{cluster}} have lacked tasks although these would fit. No "
        "instances are launched for them. The events of the services say why their tasks do not run.",
        "drift-that-is-not-capacity",
        minutes=DRIFT_MINUTES,
    ),
    Watched(
        MetricName.LATE_TASKS,
        "has tasks that wait for longer than two boots",
        f"For {LATE_MINUTES} minutes, tasks of cluster {{cluster}} have waited for a place for more than two boots. "
        "They keep waiting. The latest decision says what is asked for, and why the pool does not launch it.",
        "tasks-wait",
        minutes=LATE_MINUTES,
        statistic="Minimum",
    ),
    Watched(
        MetricName.START_AT_ONCE_SHORTFALL,
        "starts fewer tasks at once than asked",
        f"For {SHORTFALL_MINUTES // 60} hours, {SHORTFALL_POINTS} points fewer of the latest tasks of cluster "
        "{cluster} have started without waiting than start_at_once_share asks. The spare capacity keeps growing to "
        "meet it, up to its bound.",
        "tasks-start-late",
        minutes=SHORTFALL_MINUTES,
        statistic="Minimum",
        over=SHORTFALL_POINTS,
    ),
    Watched(
        lateness.PoolDoesNotLaunch.__name__,
        "has a pool that cannot launch",
        f"For {TROUBLE_MINUTES} minutes, the pool of cluster {{cluster}} has held less than its target, and its last "
        "launch failed. The decision in the autoscaler's log has AWS's own words.",
        "tasks-wait",
        minutes=TROUBLE_MINUTES,
    ),
    Watched(
        try_reasons.DemandGivenUp.__name__,
        "has given up tasks that it cannot place",
        "Instances were launched in cluster {cluster} for tasks that found no place on them either. No other instance "
        "is launched for these tasks for six hours. The autoscaler's log names them, and what to change.",
        "tasks-are-given-up",
    ),
    Watched(
        MetricName.BAD_THRESHOLDS,
        "has an invalid threshold",
        "Parameters of cluster {cluster} are invalid. The newest valid values are used until they are corrected. The "
        "message before this alarm names the parameters, as does: steady config check {cluster}.",
        "bad-threshold",
    ),
    Watched(
        MetricName.PARAMETERS_UNREADABLE,
        "cannot scale in: parameters unreadable",
        "SSM did not return the parameters of cluster {cluster}, or refused the function's role. The last known "
        "thresholds are used, and scale-in is suspended, until SSM answers. After an hour, scale-out is suspended too.",
        "dependencies-do-not-answer",
    ),
    Watched(
        MetricName.LEDGER_UNREACHABLE,
        "cannot scale in: ledger unavailable",
        "DynamoDB did not answer for the ledger of cluster {cluster}, or refused the function's role. Scale-in is "
        "suspended until it answers. Scale-out and service-out continue.",
        "dependencies-do-not-answer",
    ),
    Watched(
        MetricName.LEDGER_DROPPED,
        "has a full ledger entry",
        "What the decisions of cluster {cluster} must remember does not fit into its ledger entry. The least important "
        "part is dropped at each write, and counts as new at the next look. The autoscaler's log names it.",
        "the-ledger-is-full",
    ),
    Watched(
        MetricName.CALLS_SHED,
        "postpones ECS calls: api_share exhausted",
        f"For {SHED_MINUTES} minutes, the suite has used up its share of ECS calls, api_share. Cluster {{cluster}} is "
        "read less often, and its scale-in is postponed, until calls are left. Service-out continues.",
        "near-an-api-limit",
        minutes=SHED_MINUTES,
    ),
    Watched(
        MetricName.SPOT_SHORT,
        "is short of Spot capacity",
        f"For {SHORT_MINUTES} minutes, the Spot pool of cluster {{cluster}} has held less than its target capacity. "
        "The missing capacity is launched on-demand if the fleet uses launch templates. Otherwise tasks wait.",
        "spot-shortage",
        minutes=SHORT_MINUTES,
        statistic="Minimum",
    ),
    Watched(
        reasons.BootTimedOut.__name__,
        "has instances that fail to register",
        "Instances of cluster {cluster} have not registered with ECS within boot_timeout_seconds. They are terminated "
        "and replaced.",
        "instances-do-not-register",
    ),
    Watched(
        reasons.AgentsLost.__name__,
        "has instances with a disconnected ECS agent",
        "ECS agents of cluster {cluster} have been disconnected for longer than disconnected_after_seconds. Their "
        "instances are drained, and terminated when empty or after five minutes.",
        "agents-are-lost",
    ),
    Watched(
        reasons.HealingHeldBack.__name__,
        "holds healing back: no replacement registers",
        "Instances of cluster {cluster} were terminated as ill, and no instance has registered since. One instance at "
        "a time is tried, at most once in 10 minutes, until one registers. The others wait.",
        "healing-is-held-back",
    ),
    Watched(
        stuck_drains.DrainDoesNotEnd.__name__,
        "has drains that do not end",
        "Instances of cluster {cluster} that scale-in had drained still had tasks of services after half an hour. They "
        "take tasks again, and are not chosen for six hours. The events of these services say why ECS keeps the tasks.",
        "drains-do-not-end",
    ),
    Watched(
        reasons.TerminationsRefused.__name__,
        "has instances that AWS refuses to terminate",
        f"For {REFUSED_MINUTES} minutes, AWS has refused to terminate instances of cluster {{cluster}}. Each is tried "
        "again at intervals of up to an hour. The cluster grows and shrinks without them meanwhile.",
        "terminations-are-refused",
        minutes=REFUSED_MINUTES,
    ),
    Watched(
        MetricName.DEREGISTERED_AFTER,
        "deregisters targets late",
        f"In cluster {{cluster}}, more than {DEREGISTERED_WITHIN_S} s passed from an interruption notice until targets "
        "were deregistered. Requests have that much less time to end before EC2 ends the instance.",
        "service-out-is-late",
        feed=wiring.INTERRUPTION,
        statistic="Maximum",
        over=DEREGISTERED_WITHIN_S,
    ),
    Watched(
        MetricName.DRAIN_STEP_FAILURES,
        "has service-out steps that fail",
        f"In cluster {{cluster}}, more than {STEP_FAILURES} service-out step failed within a minute. Each is repeated "
        "until its instances go. If none succeeds, EC2 ends them with their tasks in service, and the messages are "
        "dead letters. Look first at the errors in the log of the interruption handler: they name the call that AWS "
        "refused.",
        "service-out-steps-fail",
        feed=wiring.INTERRUPTION,
        over=STEP_FAILURES,
    ),
    Watched(
        MetricName.TASKS_KILLED,
        "has tasks killed by interruptions",
        "EC2 ended an instance of cluster {cluster} while tasks on it were in service. Their requests in flight "
        "failed. ECS starts the tasks of services again elsewhere.",
        "tasks-are-killed-by-interruptions",
        feed=wiring.INTERRUPTION,
    ),
)
OF_RENEWAL = (
    Watched(
        renewal_reasons.RenewalStopped.__name__,
        "has stopped its renewal",
        "What the pool of cluster {cluster} launches is no good: no instance of it has registered, or tasks of a "
        "service fail on the first one that run elsewhere. The old instances run on. Renewal goes on once the pool "
        "launches something else, such as the former image.",
        "renewal-is-stopped",
    ),
)

# Of each pool where a cluster has several.
OF_POOLS = (
    Watched(
        PassedOver.__name__,
        "does not deliver",
        f"In {PASSED_OVER_MINUTES} of {PASSED_OVER_OF_MINUTES} minutes, the pool {{pool}} of cluster {{cluster}} has "
        "been passed over: it launches nothing, or its instances do not register. Other pools are asked in its place, "
        "and it is tried again at intervals of up to half an hour. The decision in the autoscaler's log has AWS's own "
        "words.",
        "a-pool-does-not-deliver",
        minutes=PASSED_OVER_MINUTES,
        of_minutes=PASSED_OVER_OF_MINUTES,
    ),
    Watched(
        MetricName.POOL_UNREADABLE,
        "cannot be read",
        f"For {TROUBLE_MINUTES} minutes, the pool {{pool}} of cluster {{cluster}} could not be read: it does not "
        "exist, or AWS refuses the call. It is left as it is, and the other pools are scaled.",
        "a-pool-cannot-be-read",
        minutes=TROUBLE_MINUTES,
    ),
)
