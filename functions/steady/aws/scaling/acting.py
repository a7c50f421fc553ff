"""Carry out a decision: each call apart, so that one that is refused stops no other, and the growth first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from steady.aws.capacity import pools
from steady.aws.capacity.kind import PoolIsChanging
from steady.aws.capacity.pools import LONGEST_TROUBLE
from steady.aws.capacity.type_order import set_order
from steady.aws.ecs.container_instances import set_active, set_draining
from steady.aws.ecs.drain_marks import delete_marks
from steady.aws.errors import may_pass
from steady.aws.runtime import Runtime, batches
from steady.aws.scaling.changing_pool import ASK_AGAIN_S
from steady.aws.scaling.ledger import LostRace
from steady.cluster import Snapshot
from steady.names import BASE_TAG
from steady.scaling.decision import Decision

# Ten calls of UpdateContainerInstancesState: they end long before a hold does.
INSTANCES_A_STEP = 100


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a decision's calls.

    Attributes:
        refused: why AWS did not terminate an instance, by instance id.
        error: the first error of another call; None: there was none.
        ask_again: whether the pool's capacity was left as it is, because the pool's last change is not done.
        refusal: why AWS refused to change the pool's capacity, and would refuse it again; "": it did not.
    """

    refused: Mapping[str, str] = field(default_factory=dict)
    error: Exception | None = None
    ask_again: bool = False
    refusal: str = ""

    def raise_error(self) -> None:
        """Raise the error, if there is one: the message comes again, and all calls are made again."""
        if self.error:
            raise self.error


def carry_out(
    runtime: Runtime, snapshot: Snapshot, decision: Decision, keep_hold: Callable[[], None] = lambda: None
) -> Outcome:
    """Make the decision's calls. Each call sets something to what it should be, so a repeat changes nothing.

    Args:
        keep_hold: called before each call; it renews the hold of the cluster, or raises if the hold was lost.

    Raises:
        LostRace: if the hold was lost. No further call was made.
    """
    cluster, pool = snapshot.cluster, snapshot.pool
    refused: dict[str, str] = {}

    def change_capacity() -> None:
        if decision.to_terminate:
            found = pools.terminate_instances(
                runtime, pool, decision.to_terminate, decision.target, decision.on_demand, keep_hold
            )
            refused.update(found)
        elif (decision.target, decision.on_demand) != (pool.target, pool.on_demand):
            pools.set_target(runtime, pool, decision.target, decision.on_demand)

    steps: list[Callable[[], object]] = [
        lambda: turn_types(runtime, snapshot, decision),
        change_capacity,
        lambda: forget_stale_mark(runtime, snapshot, decision),
        *(
            lambda some=some: set_active(runtime, cluster, some)
            for some in batches(decision.to_undrain, INSTANCES_A_STEP)
        ),
        *(
            lambda some=some: set_draining(runtime, cluster, some)
            for some in batches(decision.to_drain, INSTANCES_A_STEP)
        ),
        lambda: delete_marks(runtime, cluster, decision.to_forget),
    ]
    errors = []
    ask_again, refusal = False, ""
    for step in steps:
        keep_hold()
        try:
            step()
        except LostRace:
            # Another invocation holds the cluster: it decides.
            raise
        except PoolIsChanging as changing:
            ask_again = True
            runtime.telemetry.info(
                f"cluster {cluster}: {pool.name} is still being changed ({changing}): its target of {decision.target} "
                f"is asked for again in {ASK_AGAIN_S:.0f} s; the rest of the decision is carried out",
                cluster=cluster,
            )
        except Exception as error:
            errors.append(error)
            if step is change_capacity and not may_pass(error):
                refusal = str(error)[:LONGEST_TROUBLE]
    for id_, why in refused.items():
        runtime.telemetry.warning(
            f"cluster {cluster}: AWS refuses to terminate instance {id_} ({why}); the rest of the decision is carried "
            "out, and the termination is tried again later",
            cluster=cluster,
        )
    return Outcome(refused, errors[0] if errors else None, ask_again, refusal)


def turn_types(runtime: Runtime, snapshot: Snapshot, decision: Decision) -> None:
    """Set the order of the pool's types, if it is to change. A refusal stops nothing: the next look decides anew."""
    pool = snapshot.pool
    if not decision.order:
        return
    try:
        # What is launched for a larger target is launched in the new order.
        target = decision.target if decision.target > pool.target else None
        set_order(runtime, pool.name, pool.order, decision.order, target)
    except Exception as error:
        runtime.telemetry.warning(
            f"cluster {snapshot.cluster}: {pool.name} keeps its types in the order {', '.join(pool.order)}, and not "
            f"{', '.join(decision.order)}; the rest of the decision is carried out: {error}",
            cluster=snapshot.cluster,
        )


def forget_stale_mark(runtime: Runtime, snapshot: Snapshot, decision: Decision) -> None:
    """Delete the mark of a changed on-demand part where the part is its owner's. If AWS refuses, the next look tries.

    It is left after a crash, or if the owner has set another part. Left there, it would take a part that the owner sets
    later for the suite's.
    """
    pool = snapshot.pool
    if not pool.has_stale_mark or decision.on_demand != pool.on_demand:
        return
    try:
        pools.delete_mark(runtime, pool.name)
    except Exception as error:
        runtime.telemetry.warning(
            f"cluster {snapshot.cluster}: the tag {BASE_TAG} of {pool.name} is out of date, and could not be deleted; "
            f"the next look tries again: {error}",
            cluster=snapshot.cluster,
        )
