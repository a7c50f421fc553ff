"""The virtual clock's processes: what one that waits holds is free once the clock has ended."""

from __future__ import annotations

import gc
import weakref

from simulator.chaos.scenarios import ScaleOut
from simulator.clock import and_end_all
from simulator.world import World


def test_a_world_in_which_functions_wait_is_freed_with_its_clock() -> None:
    worlds: list[weakref.ref[World]] = []

    def run(_: int) -> None:
        trial = ScaleOut()
        trial.run()
        worlds.append(weakref.ref(trial.world))

    run(0)
    gc.collect()
    assert worlds[0]() is not None, "this is why clocks are ended"

    and_end_all(run, 1)
    gc.collect()
    assert [world() for world in worlds] == [None, None]
