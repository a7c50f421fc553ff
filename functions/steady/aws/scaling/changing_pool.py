"""A pool whose last change is not done refuses changes: what a decision asks of it waits for a later look."""

from __future__ import annotations

from dataclasses import replace

from steady.aws.runtime import Runtime
from steady.aws.scaling.deciding import PoolDecision
from steady.scaling.decision import Decision
from steady.scaling.delivery import refused
from steady.scaling.parts import part_of, with_part
from steady.scaling.state import ScalingState, with_target_not_set

# A fleet is `modifying` for seconds, or for a minute (kubernetes-retired/kube-aws, issue 843).
ASK_AGAIN_S = 5.0


def put_off(runtime: Runtime, decided: PoolDecision) -> Decision:
    """Return the decision about a pool without what the pool would refuse now, with one look booked for it.

    Without this, each message of a launcher would hold the cluster for a change that the pool refuses.
    """
    snapshot, decision = decided.snapshot, decided.decision
    pool = snapshot.pool
    wanted = (decision.target, decision.on_demand) != (pool.target, pool.on_demand)
    if not pool.is_changing or not (wanted or decision.to_terminate or decision.order):
        return decision
    runtime.telemetry.info(
        f"cluster {snapshot.cluster}: the last change of {pool.name} is not done: its target of {decision.target} is "
        f"asked for again in {ASK_AGAIN_S:.0f} s; the rest of the decision is carried out",
        cluster=snapshot.cluster,
    )
    state = with_target_not_set(decision.state, decision.state, decided.state)
    again_at = snapshot.at + ASK_AGAIN_S
    if snapshot.at < state.next_look_at <= again_at + 1:
        again_at, booked = state.next_look_at, decision.look_again_at
    else:
        booked = again_at
    return replace(
        decision,
        target=pool.target,
        on_demand=pool.on_demand,
        to_terminate=(),
        order=(),
        look_again_at=booked,
        state=replace(state, next_look_at=again_at),
    )


def without_target(decided: PoolDecision, state: ScalingState) -> ScalingState:
    """Return the cluster's `state` without the temporary target of a decision that the pool did not take."""
    part = with_target_not_set(part_of(state, decided.name), decided.decision.state, decided.state)
    return with_part(state, decided.name, part)


def with_refusal(decided: PoolDecision, why: str, state: ScalingState) -> ScalingState:
    """Return the cluster's `state` after AWS has refused the larger target of a decision, in AWS's words.

    The next look passes the pool over, if it is one of several: tasks would wait for it while others could grow.
    """
    part = part_of(state, decided.name)
    delivery = refused(part.delivery, decided.decision.target, why)
    return with_part(state, decided.name, replace(part, delivery=delivery))
