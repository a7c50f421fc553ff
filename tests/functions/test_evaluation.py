"""The messages of several clusters in one batch."""

from __future__ import annotations

from dataclasses import dataclass

from steady.aws.queue import Message
from steady.aws.runtime import Runtime
from steady.aws.scaling.by_cluster import each_cluster


@dataclass(frozen=True, slots=True)
class OfCluster:
    cluster: str


def test_a_cluster_that_fails_in_a_way_nobody_has_thought_of_stops_no_other(runtime: Runtime) -> None:
    handled = []

    def handle(name: str, messages: list[Message[OfCluster]]) -> None:
        if name == "odd":
            raise ZeroDivisionError("nobody has thought of this")
        handled.append((name, [m.id for m in messages]))

    asking = [Message(f"{name}-1", OfCluster(name), sent_at=0.0) for name in ("odd", "web", "apps")]

    assert each_cluster(runtime, asking, handle) == ["odd-1"]
    assert handled == [("apps", ["apps-1"]), ("web", ["web-1"])]
