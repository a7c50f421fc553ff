"""Clusters that the suite scales, and a batch launcher's messages."""

from __future__ import annotations

import json

from simulator.world import SimulatedCluster, World


def cluster(world: World, kind: str, instances: int, **thresholds: int | str) -> SimulatedCluster:
    build = world.spot_cluster if kind == "spot" else world.group_cluster
    return build("web", instances, **thresholds)  # type: ignore[operator,no-any-return]


def message(key: str, cpu: int = 1024, memory: int = 2048, cluster: str = "web") -> str:
    return json.dumps({"group_name": "web", "cluster": cluster, "cpu": cpu, "memory": memory, "hako_task_id": key})
