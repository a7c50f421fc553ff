"""What `steady simulate` and `steady tune` simulate: traces, or a synthetic day, on one cluster or on two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from cli.output import note
from simulator import report
from simulator.instance_types import registered_size
from simulator.simulation import Scenario
from simulator.workload import synthetic, traces
from simulator.workload.plan import ClusterPlan, fitting
from simulator.workload.pool_plan import PoolPlan
from steady.pools import PoolKind
from steady.thresholds import DEFAULTS, THRESHOLDS, BadThreshold, contradiction, contradictions


def scenario_of(
    jobs: Path | None,
    services: Path | None,
    spot: Path | None,
    instance: str,
    hours: float,
    seed: int,
    settings: Sequence[str],
    pools: Mapping[str, PoolPlan] = {},
) -> Scenario:
    """Return the scenario of the traces, on one cluster of the type `instance`; without traces, a synthetic day.

    Args:
        pools: several pools in place of `instance`; the synthetic day is on one cluster then, too.

    Raises:
        BadTrace: if a trace cannot be read.
        NoSuchInstanceType: if EC2 has no type `instance`.
        BadThreshold: if one of `settings` is no threshold, or its value is out of range.
    """
    registered_size(instance)
    if jobs or services or spot:
        clusters = _traced(jobs, services, spot, instance, pools)
    else:
        clusters = (
            (replace(synthetic.work_of_a_day(hours, seed), pools=pools),) if pools else synthetic.day(hours, seed)
        )
    scenario = Scenario(clusters, hours, seed, _thresholds(settings))
    if not any(_has_work(fitting(plan)[0], hours) for plan in clusters):
        raise traces.BadTrace(
            f"no task would run: the traces have no task in the first {hours:g} h that fits an "
            f"{'instance of the pools' if pools else instance}. Give --jobs or --services, or change --hours or "
            f"{'--pool' if pools else '--instance'}"
        )
    return scenario


def _traced(
    jobs: Path | None, services: Path | None, spot: Path | None, instance: str, pools: Mapping[str, PoolPlan]
) -> tuple[ClusterPlan, ...]:
    return (
        ClusterPlan(
            "work" if pools else "spot",
            PoolKind.SPOT_FLEET,
            instance,
            jobs=traces.jobs(jobs) if jobs else (),
            services=traces.services(services) if services else (),
            market=traces.spot_market(spot) if spot else None,
            pools=pools,
        ),
    )


def _thresholds(settings: Sequence[str]) -> dict[str, int | str]:
    found = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or name not in THRESHOLDS:
            raise BadThreshold(
                f'--set is "{setting}": name=value is needed, where name is one of {", ".join(THRESHOLDS)}'
            )
        found[name] = THRESHOLDS[name].parse(value, f"--set {name}")
    values = {**DEFAULTS, **found}
    for low, high in contradictions(values, given=found):
        raise BadThreshold(contradiction(values, low, high, "--set").replace("--set/", "--set "))
    return found


def report_left_out(scenario: Scenario) -> None:
    """Name the tasks that fit no instance of their cluster, before anything is simulated."""
    for plan in scenario.clusters:
        kept, left = fitting(plan)
        if left:
            note(f"note: {report.left_out_text(kept.name, kept.instance_type, left, several=bool(kept.pools))}")


def _has_work(plan: ClusterPlan, hours: float) -> bool:
    """Return whether `plan` has a task within the simulated hours."""
    until_s = hours * 3600
    return any(j.submit_s < until_s for j in plan.jobs) or any(s.at_s < until_s and s.desired for s in plan.services)
