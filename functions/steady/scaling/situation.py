"""The situation that the parts of one decision look at."""

from dataclasses import dataclass

from steady.cluster import Snapshot
from steady.scaling import back_in_service, healing, stuck_drains
from steady.scaling.change import Change
from steady.scaling.pool import Bounds, without_instances, without_temporary_target
from steady.scaling.state import ScalingState
from steady.thresholds import Thresholds


@dataclass(frozen=True, slots=True)
class Situation:
    """The situation that the parts of a decision look at.

    Attributes:
        snapshot: the cluster, less the instances that go or will never register, with the target that lasts.
        healed: what healing does about those instances.
        reviewed: what is done about the instances that service-out has drained.
        bounds: the range of the target of what is left.
        asked: what the pool is asked for now, with what is asked for only for now.
    """

    snapshot: Snapshot
    thresholds: Thresholds
    bounds: Bounds
    healed: healing.HealingRound
    reviewed: Change
    asked: int

    @staticmethod
    def of(snapshot: Snapshot, state: ScalingState, thresholds: Thresholds) -> "Situation":
        healed, reviewed = healing.heal(snapshot, state, thresholds), back_in_service.review(snapshot, state)
        bounds = Bounds.of(snapshot, thresholds).less(healed.change.units)
        lasting = without_temporary_target(snapshot, state)
        leaving = (*healed.change.to_terminate, *healed.given_up, *reviewed.to_terminate)
        present = stuck_drains.with_spared(without_instances(lasting, leaving, bounds.minimum), state)
        return Situation(present, thresholds, bounds, healed, reviewed, snapshot.pool.target)
