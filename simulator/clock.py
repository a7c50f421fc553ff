"""A virtual clock: timers in order of time, and processes (greenlets) that sleep on it.

A process is ordinary blocking code, such as a Lambda handler with its boto3 clients. While it waits, the clock runs
everything that is due before the wait ends. All of it runs in one thread, in an order that only the seed decides.
"""

from __future__ import annotations

import heapq
import itertools
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from greenlet import getcurrent, greenlet

Item = TypeVar("Item")
Result = TypeVar("Result")

# 2026-01-01T00:00:00Z: simulated days begin at midnight.
START = 1_767_225_600.0


@dataclass(slots=True)
class Timer:
    """An action that the clock runs at `at` (seconds since the epoch) unless it is cancelled."""

    at: float
    action: Callable[[], object] | None

    def cancel(self) -> None:
        """Do not run the action."""
        self.action = None


class Killed(BaseException):
    """Thrown into a process to end it, for example a Lambda function at its timeout. `except Exception` misses it."""


class Crashed(BaseException):
    """The function's process ends here, with all its threads. `except Exception` misses it."""


class Process:
    """A greenlet that the clock runs, and the processes that it started."""

    def __init__(self, clock: Clock, run: Callable[[], object]) -> None:
        self.children: list[Process] = []
        self._cpu_s = 0.0
        self._entered_at = 0.0
        self._clock = clock
        self._greenlet = greenlet(run, parent=clock.hub)

    @property
    def alive(self) -> bool:
        return not self._greenlet.dead

    def resume(self) -> None:
        """Let the process go on from where it waits."""
        if self.alive:
            self._clock.switch_to(self)

    def cpu_s(self) -> float:
        """Return the CPU time of the process and its children so far, in real seconds; 0 if the clock is not timed."""
        if not self._clock.timed:
            return 0.0
        now = time.process_time() - self._entered_at if self._clock.current is self else 0.0
        return self._cpu_s + now + sum(child.cpu_s() for child in self.children)

    def kill(self) -> None:
        """Throw `Killed` into the process and into its children, at the place where each waits."""
        for child in self.children:
            child.kill()
        if self.alive:
            self._clock.throw_into(self)

    def enter(self) -> None:
        """Switch to the process's greenlet, and count its CPU time if the clock is timed. Only the clock calls this."""
        if not self._clock.timed:
            self._greenlet.switch()
            return
        self._entered_at = time.process_time()
        try:
            self._greenlet.switch()
        finally:
            self._cpu_s += time.process_time() - self._entered_at

    def throw(self) -> Any:
        """Throw `Killed` into the process's greenlet. Only the clock calls this."""
        return self._greenlet.throw(Killed)


class Clock:
    """The virtual time in seconds since the epoch, and the timers that have not run yet.

    Attributes:
        timed: whether the CPU time of processes and of the account's answers is measured, which takes time itself.
    """

    def __init__(self, start: float = START) -> None:
        self.now = start
        self.timed = False
        self.hub = getcurrent()
        self.current: Process | None = None
        # Each with when it is due and with its number: of two at once, the older one is run first.
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._processes: weakref.WeakSet[Process] = weakref.WeakSet()
        _CLOCKS.add(self)

    def at(self, when: float, action: Callable[[], object]) -> Timer:
        """Run `action` at the time `when` (seconds since the epoch), or now if that is past."""
        timer = Timer(max(when, self.now), action)
        heapq.heappush(self._timers, (timer.at, next(self._order), timer))
        return timer

    def after(self, delay_s: float, action: Callable[[], object]) -> Timer:
        """Run `action` in `delay_s` seconds."""
        return self.at(self.now + delay_s, action)

    def every(self, interval_s: float, action: Callable[[], object], first_after_s: float | None = None) -> None:
        """Run `action` every `interval_s` seconds, for ever."""

        def again() -> None:
            self.after(interval_s, again)
            action()

        self.after(interval_s if first_after_s is None else first_after_s, again)

    def run_until(self, when: float) -> None:
        """Run all timers up to the time `when`. Called only from outside of all processes."""
        while self._timers and self._timers[0][0] <= when:
            self._run_next()
        self.now = max(self.now, when)

    def run_for(self, seconds: float) -> None:
        """Run all timers of the next `seconds`. Called only from outside of all processes."""
        self.run_until(self.now + seconds)

    def run_while(self, condition: Callable[[], bool]) -> None:
        """Run timers, one by one, while `condition` holds and a timer is left."""
        while condition() and self._timers:
            self._run_next()

    def spawn(self, run: Callable[[], object]) -> Process:
        """Start a process. It begins to run at the present time, after the timers that are due already."""
        process = Process(self, run)
        self._processes.add(process)
        if self.current:
            self.current.children.append(process)
        # Only the hub switches between processes: a process that waits gives way to the hub, not to its parent.
        self.after(0, process.resume)
        return process

    def sleep(self, seconds: float) -> None:
        """Let the calling process wait. Outside of all processes, run the simulation for `seconds`."""
        process = self.current
        if process is None:
            self.run_for(seconds)
            return
        self.after(seconds, process.resume)
        self.wait()

    def wait(self) -> None:
        """Let the calling process wait until somebody resumes it."""
        self.hub.switch()

    def in_parallel(self, call: Callable[[Item], Result], items: Iterable[Item], /, at_once: int = 10) -> list[Result]:
        """Return `[call(i) for i in items]`, with `at_once` calls at a time.

        As concurrent.futures' Executor.map does, it begins the first calls while `items` still yields others.

        Raises:
            Exception: the first error that a call raised.
        """
        results: dict[int, Result] = {}
        errors: list[BaseException] = []
        waiting: deque[tuple[int, Item]] = deque()
        caller = self.current
        running = 0
        is_waited_for = False

        def work() -> None:
            nonlocal running
            try:
                while waiting:
                    index, item = waiting.popleft()
                    results[index] = call(item)
            except (Exception, Crashed) as error:
                errors.append(error)
            finally:
                running -= 1
                if not running and caller and is_waited_for:
                    self.after(0, caller.resume)

        for numbered in enumerate(items):
            waiting.append(numbered)
            if running < at_once:
                running += 1
                self.spawn(work)
        is_waited_for = True
        if running and caller:
            self.wait()
        elif running:
            self.run_while(lambda: running > 0)
        if errors:
            raise errors[0]
        return [results[index] for index in range(len(results))]

    def end(self) -> None:
        """Drop all timers and end all processes. Called only from outside of all processes."""
        self._timers.clear()
        for process in list(self._processes):
            process.kill()
        self._timers.clear()

    def switch_to(self, process: Process) -> None:
        """Run `process` until it waits or ends."""
        outer, self.current = self.current, process
        try:
            process.enter()
        finally:
            self.current = outer

    def throw_into(self, process: Process) -> None:
        """End `process` with `Killed`."""
        outer, self.current = self.current, process
        try:
            process.throw()
        except Killed:
            pass
        finally:
            self.current = outer

    def _run_next(self) -> None:
        due, _, timer = heapq.heappop(self._timers)
        if timer.action:
            self.now = max(self.now, due)
            timer.action()


_CLOCKS: weakref.WeakSet[Clock] = weakref.WeakSet()


def end_all() -> None:
    """End every clock.

    What a process that waits has in its frames, such as its whole world, is never freed otherwise: the garbage
    collector does not look into a suspended greenlet (greenlet's documentation, "Garbage Collection and greenlets").
    """
    for clock in list(_CLOCKS):
        clock.end()


def and_end_all(run: Callable[..., Result], *of: object) -> Result:
    """Return `run(*of)`, and end every clock: for a process that runs one world after another."""
    try:
        return run(*of)
    finally:
        end_all()
