"""The names of the metrics that the functions put out (CloudWatch namespace `Steady`): each is written here once.

A decision's reasons are counted, too, each under the name of its class (`steady.scaling.reasons`).
"""

from enum import StrEnum


class MetricName(StrEnum):
    """A metric's name; its value is what CloudWatch, alarms and dashboards show."""

    # A cluster as the autoscaler has seen it.
    TARGET = "Target"
    HELD = "Held"
    ON_DEMAND = "OnDemand"
    SPOT_SHORT = "SpotShort"
    INSTANCES = "Instances"
    CPU_RESERVATION = "CpuReservation"
    MEMORY_RESERVATION = "MemoryReservation"
    MISSING_TASKS = "MissingTasks"
    DEMANDS = "Demands"
    LATE_TASKS = "LateTasks"
    DRIFTED = "Drifted"
    START_AT_ONCE_SHORTFALL = "StartAtOnceShortfall"
    # One of several pools of a cluster (dimension `pool`). `Held` is put out for each of them, too, and the reasons
    # that say what is wrong with a pool (`steady.scaling.by_pool`).
    OF_MAXIMUM = "OfMaximum"
    POOL_UNREADABLE = "PoolUnreadable"
    # Scaling.
    TICKS = "Ticks"
    CALLS_SHED = "CallsShed"
    BAD_THRESHOLDS = "BadThresholds"
    PARAMETERS_UNREADABLE = "ParametersUnreadable"
    LEDGER_UNREACHABLE = "LedgerUnreachable"
    LEDGER_DROPPED = "LedgerDropped"
    RUN_TASK_FAILURES_SAID = "RunTaskFailuresSaid"
    # Service-out.
    TARGETS_DEREGISTERED = "TargetsDeregistered"
    TASKS_STOPPED = "TasksStopped"
    TASKS_KILLED = "TasksKilled"
    DEREGISTERED_AFTER = "DeregisteredAfter"
    DRAIN_STEP_FAILURES = "DrainStepFailures"
    FOREIGN_NOTICES = "ForeignNotices"
    RECOMMENDATIONS_IGNORED = "RecommendationsIgnored"
    # Messages, launches, task statuses, logs.
    MESSAGES_SET_ASIDE = "MessagesSetAside"
    IGNORED_MESSAGES = "IgnoredMessages"
    LAUNCHES_STARTED = "LaunchesStarted"
    LAUNCHES_GIVEN_UP = "LaunchesGivenUp"
    TASK_STATUSES_WRITTEN = "TaskStatusesWritten"
    LOG_TABLES_MADE = "LogTablesMade"
    # All functions together.
    API_CALLS = "ApiCalls"
