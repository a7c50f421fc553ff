"""The messages of a batch, a cluster at a time: one that fails stops no other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from steady.aws.queue import Message
from steady.aws.runtime import Runtime


class NamesCluster(Protocol):
    """A message's value that names a cluster."""

    @property
    def cluster(self) -> str: ...


Named = TypeVar("Named", bound=NamesCluster)


def each_cluster(
    runtime: Runtime, messages: Iterable[Message[Named]], handle: Callable[[str, list[Message[Named]]], None]
) -> list[str]:
    """Let `handle` have the messages of each cluster; return the ids of those whose cluster failed."""
    by_cluster: dict[str, list[Message[Named]]] = {}
    for message in messages:
        by_cluster.setdefault(message.value.cluster, []).append(message)
    failed: list[str] = []
    for name, of_cluster in sorted(by_cluster.items()):
        try:
            handle(name, of_cluster)
        except Exception as error:
            runtime.telemetry.error(
                f"cluster {name} could not be evaluated: its {len(of_cluster)} messages come again: {error}",
                cluster=name,
            )
            failed += [m.id for m in of_cluster]
    return failed
