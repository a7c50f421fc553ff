"""Instances that are taken away: with every kind of service, for every reason, and whole fleets of them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from simulator.bench import reclaim_matrix, taken_away
from simulator.bench.interruption import KINDS as TASK_KINDS
from simulator.bench.reasons import REASONS, SPOT
from simulator.bench.taken_services import SINGLE_TASK
from simulator.service_kinds import KINDS

TRAFFIC = "every way in which a task gets requests"
TRAFFIC_VARIED = "Each kind of service, deployment and network mode; stop timeouts of 2 to 120 s. Spot, a hook"
TIME = "only what must go goes, and only when it must"
TIME_VARIED = "Spot, a hook, AWS Health, a recommendation; one task or many; room or none"
FLEETS = "a whole fleet of 100 instances, 900 tasks"
FLEETS_VARIED = "Pollers, latencies, exits, deregistration delays, target groups, as in the benchmark's matrix"

# The network mode of a kind that does not say it itself.
NETWORKS: Sequence[Mapping[str, Any]] = ({}, {"awsvpc": True}, {"host_network": True})
OWN_NETWORK = ("host", "awsvpc")
# ECS allows a stop timeout of two minutes.
LONGEST_STOP_TIMEOUT_S = 120
# With this stop timeout or a shorter one, a replacement takes requests before the kept targets leave on Spot.
REPLACED_IN_TIME_S = 35
# Tasks whose stop timeout does not fit into a Spot notice end before it is over.
LATEST_EXIT_S = 60


def traffic(seed: int) -> tuple[str, Sequence[str]]:
    """Take instances away on which services of one kind run. Return what was drawn, and the broken promises."""
    draw = random.Random(f"{TRAFFIC} {seed}")
    kind, reason = draw.choice([*KINDS, SINGLE_TASK]), draw.choice((SPOT, "hook"))
    room = draw.random() < 0.5
    longest_s = REPLACED_IN_TIME_S if room and reason == SPOT else LONGEST_STOP_TIMEOUT_S
    more = draw.choice(NETWORKS if kind not in OWN_NETWORK else NETWORKS[:1])
    return _take(draw, seed, kind, reason, room, draw.randint(2, longest_s), more)


def time(seed: int) -> tuple[str, Sequence[str]]:
    """Take instances away for one reason. Return what was drawn, and the broken promises."""
    draw = random.Random(f"{TIME} {seed}")
    kind, reason = draw.choice((*KINDS, SINGLE_TASK, SINGLE_TASK)), draw.choice(list(REASONS))
    return _take(draw, seed, kind, reason, draw.random() < 0.5, draw.randint(2, REPLACED_IN_TIME_S), {})


def whole_fleet(seed: int) -> tuple[str, Sequence[str]]:
    """Reclaim 100 instances with one combination of the matrix. Return what was drawn, and the broken promises."""
    cells = list(reclaim_matrix.cells((100,)))
    random.Random(FLEETS).shuffle(cells)
    cell = cells[seed % len(cells)]
    return str(cell), reclaim_matrix.measure(cell, seed)["broken"]


def _take(
    draw: random.Random, seed: int, kind: str, reason: str, room: bool, stop_timeout_s: int, more: Mapping[str, Any]
) -> tuple[str, Sequence[str]]:
    on_host = {**KINDS.get(kind, {}), **more}.get("host_network", False)
    # On the host's network no two tasks of a service share an instance: the port is taken.
    fewest = TASK_KINDS.count("balanced") if on_host else 1
    latest_s = min(stop_timeout_s, LATEST_EXIT_S) - 1
    run = taken_away.Run(
        instances=draw.choice((2, 3)),
        services=kind,
        reason=reason,
        seed=seed,
        room=room,
        groups=draw.randint(fewest, 12),
        stop_timeout_s=stop_timeout_s,
        more=more,
        timing={"exits": (min(2, latest_s), latest_s), "pollers": draw.choice((1, 2, 5, 10))},
    )
    return str(run), taken_away.measure(run)["broken"]
