"""What this process last knew of a cluster's ledger entry: used while the ledger does not answer, or once it is lost.

An entry is lost if somebody has deleted it, or has restored an older one from a backup. Without it, nobody would know
which draining instances scale-in has chosen, and which order of types is the operator's.
"""

from __future__ import annotations

from dataclasses import replace

from steady.aws.cache import Cache
from steady.aws.runtime import Runtime
from steady.aws.scaling import ledger
from steady.scaling.state import ScalingState

# The state that this process last knew, by the cluster's name.
LAST_STATE = Cache[str, ScalingState]()
# The newest entry that it has read or written. After so long without a look, others are likely to know a newer one.
LAST_ENTRY = Cache[str, ledger.Entry](max_age_s=900.0)


def keep_entry(runtime: Runtime, entry: ledger.Entry) -> None:
    """Remember `entry` as the newest one of its cluster."""
    LAST_STATE.keep(runtime, entry.cluster, entry.state)
    LAST_ENTRY.keep(runtime, entry.cluster, entry)


def keep_state(runtime: Runtime, cluster: str, state: ScalingState) -> None:
    """Remember a state that is in no entry, because the ledger does not answer."""
    LAST_STATE.keep(runtime, cluster, state)


def last_state(runtime: Runtime, cluster: str) -> ScalingState:
    """Return the state that this process last knew; an empty one if it knows none."""
    return LAST_STATE.get(runtime, cluster) or ScalingState()


def recovered(runtime: Runtime, entry: ledger.Entry) -> ledger.Entry:
    """Return the `entry` that was read; if what this process knows is newer, with that state, to be written over it.

    Every write raises the version, and reads are consistent. So a lower version says that the entry was lost. What was
    demanded since then stands in the new one.
    """
    known = LAST_ENTRY.get(runtime, entry.cluster)
    if known is None or known.version <= entry.version:
        keep_entry(runtime, entry)
        return entry
    runtime.telemetry.warning(
        f"cluster {entry.cluster}: its ledger entry was lost (version {entry.version} after {known.version}), and is "
        "written again as this process last knew it",
        cluster=entry.cluster,
    )
    state = replace(
        known.state,
        demands={**known.state.demands, **entry.state.demands},
        run_shapes={**known.state.run_shapes, **entry.state.run_shapes},
    )
    return replace(entry, state=state, stored=known.stored, at_least=known.version)
