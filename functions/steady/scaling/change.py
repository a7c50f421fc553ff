"""The change that one part of a decision makes; `decide` folds the changes of all parts into one decision."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypedDict

from steady.scaling.pool_state import Healing
from steady.scaling.reasons import Reason
from steady.scaling.renewal_progress import RenewalProgress
from steady.scaling.tries import Tries


class StateChange(TypedDict, total=False):
    """The fields of `ScalingState` that parts of a decision set, each to its new value. A later part wins."""

    low_since: float | None
    tries: Mapping[str, Tries]
    draining: Mapping[str, str]
    spared_until: Mapping[str, float]
    short_since: float | None
    spot_grew_at: float
    spot_held: int
    launches_s: tuple[float, ...]
    healing: Healing
    next_look_at: float
    launched: tuple[str, ...]
    order_before: tuple[str, ...]
    order_set: tuple[str, ...]
    renewal: RenewalProgress


@dataclass(frozen=True, slots=True)
class Change:
    """The change of one part of a decision, and why. Drains are container instance ARNs, terminations instance ids.

    Attributes:
        units: by how much the target changes, in the pool's units.
        units_for_now: how many of `units` are asked for only until other instances have gone.
        to_forget: the ARNs of the container instances whose drain mark is deleted.
        on_demand: by how much the target's on-demand part changes, in units.
        look_again_at: when the cluster must be looked at before the next tick, in seconds since the epoch.
        order: the order in which the pool is to launch its types from now on; nothing: it stays as it is.
        state: what is remembered.
    """

    units: int = 0
    units_for_now: int = 0
    on_demand: int = 0
    to_drain: tuple[str, ...] = ()
    to_undrain: tuple[str, ...] = ()
    to_terminate: tuple[str, ...] = ()
    to_forget: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()
    look_again_at: float | None = None
    order: tuple[str, ...] = ()
    state: StateChange = field(default_factory=StateChange)
