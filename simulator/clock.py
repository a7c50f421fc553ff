"""A virtual clock: timers in order of time, and processes (greenlets) that sleep on it.

A process is ordinary blocking code, such as a Lambda handler with its boto3 clients. Whenever it waits, the clock runs
whatever is due in the meantime. Everything happens in one thread, in an order that depends on nothing but the seed.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from greenlet import getcurrent, greenlet

Item = TypeVar("Item")
Result = TypeVar("Result")

# 2026-01-01T00:00:00Z: simulated days begin at midnight.
START = 1_767_225_600.0


@dataclass(order=True, slots=True)
class Timer:
    """Something that will be done at `at` (seconds since the epoch) unless it is cancelled."""

    at: float
    order: int
    action: Callable[[], object] | None = field(compare=False)

    def cancel(self) -> None:
        self.action = None


class Killed(BaseException):
    """Thrown into a process that is ended from outside: a Lambda past its timeout. Handlers cannot catch it."""


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
        if self.alive:
            self._clock.switch_to(self)

    def cpu_s(self) -> float:
        """The CPU time, in real seconds, that the process and those it started have taken so far."""
        now = time.process_time() - self._entered_at if self._clock.current is self else 0.0
        return self._cpu_s + now + sum(child.cpu_s() for child in self.children)

    def kill(self) -> None:
        """Throws `Killed` into the process and into those it started, wherever they wait."""
        for child in self.children:
            child.kill()
        if self.alive:
            self._clock.throw_into(self)

    def enter(self) -> None:
        self._entered_at = time.process_time()
        try:
            self._greenlet.switch()
        finally:
            self._cpu_s += time.process_time() - self._entered_at

    def throw(self) -> Any:
        return self._greenlet.throw(Killed)


class Clock:
    """The virtual time in seconds since the epoch, and all that is still to happen."""

    def __init__(self, start: float = START) -> None:
        self.now = start
        self.hub = getcurrent()
        self.current: Process | None = None
        self._timers: list[Timer] = []
        self._order = itertools.count()

    def at(self, when: float, action: Callable[[], object]) -> Timer:
        timer = Timer(max(when, self.now), next(self._order), action)
        heapq.heappush(self._timers, timer)
        return timer

    def after(self, delay_s: float, action: Callable[[], object]) -> Timer:
        return self.at(self.now + delay_s, action)

    def every(self, interval_s: float, action: Callable[[], object], first_after_s: float | None = None) -> None:
        """Does `action` each `interval_s` seconds, for ever."""

        def again() -> None:
            self.after(interval_s, again)
            action()

        self.after(interval_s if first_after_s is None else first_after_s, again)

    def run_until(self, when: float) -> None:
        """Runs all that is due by `when`, and stands there. Called from outside of any process."""
        while self._timers and self._timers[0].at <= when:
            self._run_next()
        self.now = max(self.now, when)

    def run_for(self, seconds: float) -> None:
        self.run_until(self.now + seconds)

    def run_while(self, condition: Callable[[], bool]) -> None:
        """Runs what is due next for as long as `condition` holds and anything is left to happen."""
        while condition() and self._timers:
            self._run_next()

    def spawn(self, run: Callable[[], object]) -> Process:
        """Starts a process, as the next thing that happens."""
        process = Process(self, run)
        if self.current:
            self.current.children.append(process)
        # Only the hub may switch: a process that waits gives way to the hub, not to whoever started it.
        self.after(0, process.resume)
        return process

    def sleep(self, seconds: float) -> None:
        """Waits: the process that calls it, or, from outside of any, the whole simulation."""
        process = self.current
        if process is None:
            self.run_for(seconds)
            return
        self.after(seconds, process.resume)
        self.wait()

    def wait(self) -> None:
        """Gives way until somebody resumes this process."""
        self.hub.switch()

    def in_parallel(self, call: Callable[[Item], Result], items: Iterable[Item], /, at_once: int = 10) -> list[Result]:
        """`[call(i) for i in items]`, `at_once` at a time; raises what the first failing call raised."""
        todo = list(items)
        results: dict[int, Result] = {}
        errors: list[Exception] = []
        queue = iter(enumerate(todo))
        caller = self.current
        running = min(at_once, len(todo))

        def work() -> None:
            nonlocal running
            try:
                for index, item in queue:
                    results[index] = call(item)
            except Exception as error:
                errors.append(error)
            finally:
                running -= 1
                if not running and caller:
                    self.after(0, caller.resume)

        for _ in range(running):
            self.spawn(work)
        if todo and caller:
            self.wait()
        elif todo:
            self.run_while(lambda: running > 0)
        if errors:
            raise errors[0]
        return [results[index] for index in range(len(todo))]

    def switch_to(self, process: Process) -> None:
        outer, self.current = self.current, process
        try:
            process.enter()
        finally:
            self.current = outer

    def throw_into(self, process: Process) -> None:
        outer, self.current = self.current, process
        try:
            process.throw()
        except Killed:
            pass
        finally:
            self.current = outer

    def _run_next(self) -> None:
        timer = heapq.heappop(self._timers)
        if timer.action:
            self.now = max(self.now, timer.at)
            timer.action()
