"""The reasons that are counted by pool, too, where a cluster has several: those that say what is wrong with one."""

from steady.scaling.delivery import PassedOver
from steady.scaling.lateness import PoolDoesNotLaunch
from steady.scaling.reasons import (
    AgentsLost,
    AtMaximum,
    BootTimedOut,
    HealingHeldBack,
    Reason,
    TerminationsRefused,
)
from steady.scaling.renewal_reasons import RenewalStopped

# CloudWatch asks for a metric by the hour in which it has a value: these cost where something is wrong.
BY_POOL: tuple[type[Reason], ...] = (
    AtMaximum,
    PassedOver,
    PoolDoesNotLaunch,
    BootTimedOut,
    AgentsLost,
    HealingHeldBack,
    TerminationsRefused,
    RenewalStopped,
)
