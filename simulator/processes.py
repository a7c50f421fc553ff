"""Run simulations side by side, each in a process, and end all of them when the command is interrupted."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TypeVar

from simulator.clock import and_end_all

Item = TypeVar("Item")
Result = TypeVar("Result")


def run_all(
    run: Callable[[Item], Result], items: Sequence[Item], at_once: int, done: Callable[[Item], None] = lambda item: None
) -> list[Result]:
    """Return `run(item)` for each of `items`, in their order.

    On Ctrl-C, or any other error, no further item is begun, and those that run are ended. The processes also end by
    themselves when this one is killed.

    Args:
        run: can be pickled, as can what it takes and returns.
        at_once: how many run at the same time, each in its own process.
        done: called after each item, in the order in which they end.
    """
    others = set(multiprocessing.active_children())
    with ProcessPoolExecutor(at_once, initializer=_end_with_parent) as pool:
        try:
            futures = {pool.submit(and_end_all, run, item): item for item in items}
            for future in as_completed(futures):
                # Raises the error of the item, if it has one.
                future.result()
                done(futures[future])
            return [future.result() for future in futures]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in set(multiprocessing.active_children()) - others:
                process.terminate()
            raise


def _end_with_parent() -> None:
    """Leave Ctrl-C to the parent process, which ends this one; and end with the parent if it is killed."""
    # A terminal sends SIGINT to every process of the command; each would print a traceback.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def wait() -> None:
        if parent:
            parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
