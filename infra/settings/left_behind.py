"""Clusters that the suite knows in an account and that have no row in cdk.json any more.

`steady prepare` asks the account, and writes the names into cdk.context.json, where the CDK keeps what it has learned
of an account. So each later `cdk synth`, `cdk diff` and `cdk deploy` can say so without credentials.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from infra.settings.target import Target

# AWS CDK Developer Guide, "Save and retrieve context variable values": the file beside cdk.json.
CONTEXT_FILE = Path("cdk.context.json")
WAY_OUT = (
    "the functions lose their rights for it, and leave it alone. Its stack, its instances and its parameters stay. "
    "Put the row back, or remove the cluster: docs/cluster-removal.md"
)


def context_key(target: Target) -> str:
    """Return the key of cdk.context.json that holds the names of the clusters of `target`."""
    return ":".join(filter(None, ("steady", "clusters", target.name)))


def without_rows(target: Target, known: Collection[str]) -> list[str]:
    """List those of the clusters `known` that have no row, sorted."""
    return sorted(set(known) - {row.name for row in target.settings.clusters})


def remembered(target: Target, context: Mapping[str, Any]) -> list[str]:
    """List the clusters without a row of which `steady prepare` has written into the `context`."""
    known = context.get(context_key(target))
    return without_rows(target, [name for name in known if isinstance(name, str)]) if isinstance(known, list) else []


def warning(cluster: str) -> str:
    """Return what a person is told of a cluster without a row."""
    return f"cluster {cluster} has no row in cdk.json: {WAY_OUT}"
