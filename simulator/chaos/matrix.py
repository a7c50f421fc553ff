"""Run every fault at every call of every scenario, and collect the broken promises."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from simulator import processes
from simulator.chaos.events import EVENTS
from simulator.chaos.scenarios import SCENARIOS, Trial
from simulator.clock import Crashed
from simulator.faults import (
    NO_FAULT,
    CrashAt,
    Fault,
    Gone,
    Params,
    Partial,
    Recorded,
    Refused,
    Silent,
    Stale,
    Unforeseen,
)

# Seconds for which an action is refused: longer than the SDK retries, and short enough for a notice of two minutes.
REFUSED_S = 25.0
# Seconds by which reads lag behind.
STALE_S = 5.0
# The kind of a case whose trial is itself what goes wrong.
NO_OTHER_FAULT = "no other fault"

Make = Callable[[Trial], Fault]


@dataclass(frozen=True, slots=True)
class Case:
    """One run: a trial with one fault.

    Attributes:
        kind: what goes wrong, in words.
        at: the call at which it goes wrong.
        make: makes the fault for the trial.
    """

    trial: Callable[[], Trial]
    kind: str
    at: str
    make: Make


@dataclass(frozen=True, slots=True)
class Result:
    """The promises that did not hold in one case; none if `broken` is empty."""

    scenario: str
    kind: str
    at: str
    broken: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """All cases of one scenario with one kind of fault: how many ran, and those that broke a promise."""

    scenario: str
    kind: str
    runs: int
    broken: tuple[Result, ...]


def cases(every: int = 1) -> Iterator[Case]:
    """Yield every `every`-th case; 1: all of them."""
    for number, case in enumerate(_all()):
        if number % every == 0:
            yield case


def run(case: Case) -> Result:
    """Run one case, and return the promises that it broke."""
    trial = case.trial()
    trial.world.account.endpoint.fault = case.make(trial)
    trial.run()
    return Result(trial.name, case.kind, case.at, tuple(trial.broken_promises()))


def run_all(
    wanted: Sequence[Any],
    at_once: int,
    done: Callable[[], None] = lambda: None,
    run_one: Callable[[Any], Result] = run,
) -> list[Row]:
    """Run the cases, `at_once` of them at the same time, and return a row for each scenario and kind of fault.

    Args:
        done: called after each case.
        run_one: runs one case.
    """
    return rows(processes.run_all(run_one, wanted, at_once, lambda _: done()))


def rows(results: Iterable[Result]) -> list[Row]:
    """Group `results` by scenario and kind of fault, in their order."""
    found: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for result in results:
        found[result.scenario, result.kind].append(result)
    return [Row(*key, len(all_), tuple(one for one in all_ if one.broken)) for key, all_ in found.items()]


def _all() -> Iterator[Case]:
    for scenario in SCENARIOS:
        calls = _calls(scenario)
        names = list(dict.fromkeys(calls))
        for at, name in enumerate(calls):
            for kind, what in CRASHES:
                yield Case(scenario, f"{kind} before a call", f"{at} {name}", partial(_crash, at, False, what))
                yield Case(scenario, f"{kind} after a call", f"{at} {name}", partial(_crash, at, True, what))
        for kind, make, of in KINDS:
            for name in names:
                if of(name):
                    yield Case(scenario, kind, name, partial(make, name))
        yield Case(scenario, f"reads that lag {STALE_S:g} s behind", "all", _stale)
    for trial in EVENTS:
        yield Case(trial, NO_OTHER_FAULT, "", _none)


def _calls(scenario: type[Trial]) -> list[str]:
    """Return the names of all calls, in their order, of a run without a fault."""
    trial, recorded = scenario(), Recorded()
    trial.world.account.endpoint.fault = recorded
    trial.run()
    return recorded.names


def _crash(at: int, after: bool, kind: type[Crashed | Unforeseen], trial: Trial) -> Fault:
    return CrashAt(trial.world.account.endpoint.tries + at, after=after, kind=kind)


def _none(trial: Trial) -> Fault:  # noqa: ARG001
    return NO_FAULT


def _stale(trial: Trial) -> Fault:  # noqa: ARG001
    return Stale(STALE_S)


def _throttled(name: str, trial: Trial) -> Fault:  # noqa: ARG001
    return Refused.throttled(name, REFUSED_S)


def _server_error(name: str, trial: Trial) -> Fault:  # noqa: ARG001
    return Refused.broken(name, REFUSED_S)


def _denied(name: str, trial: Trial) -> Fault:  # noqa: ARG001
    return Refused.denied(name, REFUSED_S)


def _silent_before(name: str, trial: Trial) -> Fault:  # noqa: ARG001
    return Silent(name, after=False)


def _silent_after(name: str, trial: Trial) -> Fault:  # noqa: ARG001
    return Silent(name, after=True)


def _partial(name: str, trial: Trial) -> Fault:  # noqa: ARG001
    return Partial(name)


def _gone(name: str, trial: Trial) -> Fault:
    return Gone(name, partial(TAKEN_AWAY[name], trial))


def _task_ends(trial: Trial, params: Params) -> None:
    task = trial.cluster.state.tasks.get(params["task"])
    if task:
        trial.world.account.scheduler.stop(task)


def _instance_ends(trial: Trial, params: Params) -> None:
    ec2 = trial.world.account.ec2
    for id_ in params.get("InstanceIds", [params.get("InstanceId")]):
        if id_ in ec2.instances:
            ec2.terminate(ec2.instances[id_])


def _target_leaves(trial: Trial, params: Params) -> None:
    balancing = trial.world.account.balancing
    group = balancing.groups[params["TargetGroupArn"]]
    for target in params["Targets"]:
        registered = group.targets.get((target["Id"], target["Port"]))
        if registered:
            balancing.deregister(registered)


# By the call: how somebody else removes its object just before: a task, an instance, a target.
TAKEN_AWAY: Mapping[str, Callable[[Trial, Params], None]] = {
    "ecs:StopTask": _task_ends,
    "ec2:TerminateInstances": _instance_ends,
    "autoscaling:TerminateInstanceInAutoScalingGroup": _instance_ends,
    "elbv2:DeregisterTargets": _target_leaves,
}

CRASHES: tuple[tuple[str, type[Crashed | Unforeseen]], ...] = (
    ("a crash", Crashed),
    ("an unforeseen error", Unforeseen),
)

KINDS: tuple[tuple[str, Callable[[str, Trial], Fault], Callable[[str], bool]], ...] = (
    (f"an action throttled for {REFUSED_S:g} s", _throttled, lambda name: True),
    (f"an action that fails (500) for {REFUSED_S:g} s", _server_error, lambda name: True),
    (f"an action denied for {REFUSED_S:g} s", _denied, lambda name: True),
    ("a call without an answer and without an effect", _silent_before, lambda name: True),
    ("a call without an answer that has its effect", _silent_after, lambda name: True),
    ("an answer that names half of its objects as failures", _partial, lambda name: name in Partial.LISTS),
    ("the object of a call disappears just before it", _gone, lambda name: name in TAKEN_AWAY),
)
