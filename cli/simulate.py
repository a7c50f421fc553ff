"""`steady simulate` and `steady demo`: policies on traces, or on a synthetic day, on the simulated account."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from cli.output import JsonOption, answers, fail, notes, one_line_errors, write_json
from simulator import policies, report
from simulator.instance_types import NoSuchInstanceType, registered_size
from simulator.report.figures import SHOWN
from simulator.simulation import Outcome, Scenario, simulate
from simulator.workload import synthetic, traces
from simulator.workload.plan import ClusterPlan
from steady.pools import PoolKind
from steady.thresholds import THRESHOLDS, BadThreshold

PolicyOption = Annotated[list[str], typer.Option("--policy", help="Whose scaling to run; repeat it to compare.")]
HoursOption = Annotated[float, typer.Option(min=0.1, max=24 * 365, help="How many hours to simulate.")]
SeedOption = Annotated[int, typer.Option(help="Of all that is random; the same seed gives the same run.")]
SetOption = Annotated[list[str], typer.Option("--set", help="A threshold, as name=value; repeatable.")]


def simulate_traces(
    jobs: Annotated[Path | None, typer.Option(help="Jobs trace, CSV: submit_s,family,cpu,memory,run_s.")] = None,
    services: Annotated[
        Path | None, typer.Option(help="Services trace, CSV: at_s,service,desired_count,cpu,memory.")
    ] = None,
    spot: Annotated[Path | None, typer.Option(help="Spot market trace, JSON; none: no interruptions.")] = None,
    policy: PolicyOption = ["steady"],  # noqa: B006 - typer copies it
    instance: Annotated[str, typer.Option(help="The EC2 instance type of the traces' cluster.")] = "m5.2xlarge",
    hours: HoursOption = 24,
    set_: SetOption = [],  # noqa: B006
    seed: SeedOption = 0,
    json_: JsonOption = None,
    report_: Annotated[Path | None, typer.Option("--report", help="Write the page to this file.")] = None,
) -> None:
    """Runs policies on traces (or, without any trace, on a synthetic day) and compares what came of them.

    Jobs and services run on one Spot cluster. A task that fits no instance is left out, said and counted.
    """
    with one_line_errors(traces.BadTrace, NoSuchInstanceType, policies.NoSuchPolicy, BadThreshold):
        for name in policy:
            policies.named(name)
        scenario = scenario_of(jobs, services, spot, instance, hours, seed, set_)
    outcomes = run_policies(policy, scenario)
    _say_left_out(outcomes)
    if report_:
        report.write(outcomes, report_)
    write_json([o.figures for o in outcomes], json_)
    if json_ != "-":
        answers.print(_table(outcomes))


def scenario_of(
    jobs: Path | None,
    services: Path | None,
    spot: Path | None,
    instance: str,
    hours: float,
    seed: int,
    settings: Sequence[str],
) -> Scenario:
    """What is simulated: the traces on one cluster of `instance`s, or a synthetic day if there are none.

    Raises:
        BadTrace, NoSuchInstanceType, BadThreshold: naming what is wrong.
    """
    registered_size(instance)
    clusters = _traced(jobs, services, spot, instance) if jobs or services or spot else synthetic.day(hours, seed)
    return Scenario(clusters, hours, seed, _thresholds(settings))


def demo(
    out: Annotated[Path, typer.Option(help="Where report.html and result.json go.")] = Path("build/demo"),
    hours: HoursOption = 24,
    seed: SeedOption = 0,
    json_: JsonOption = None,
) -> None:
    """A synthetic day on the simulated account: services, batch jobs and Spot interruptions."""
    outcomes = run_policies(["steady"], Scenario(synthetic.day(hours, seed), hours, seed))
    report.write(outcomes, out / "report.html")
    figures = [o.figures for o in outcomes]
    write_json(figures, str(out / "result.json"))
    write_json(figures, json_)
    if json_ == "-":
        return
    answers.print(_table(outcomes))
    for line in _story(outcomes[0]):
        answers.print(line, highlight=False)
    answers.print(f"\nThe day as a page: {out / 'report.html'}   its figures: {out / 'result.json'}", highlight=False)


def _traced(jobs: Path | None, services: Path | None, spot: Path | None, instance: str) -> tuple[ClusterPlan, ...]:
    return (
        ClusterPlan(
            "spot",
            PoolKind.SPOT_FLEET,
            instance,
            jobs=traces.jobs(jobs) if jobs else (),
            services=traces.services(services) if services else (),
            market=traces.spot_market(spot) if spot else None,
        ),
    )


def _thresholds(settings: Sequence[str]) -> dict[str, int | str]:
    found = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or name not in THRESHOLDS:
            raise BadThreshold(f'--set is "{setting}": name=value is needed, the name one of {", ".join(THRESHOLDS)}')
        found[name] = THRESHOLDS[name].parse(value, f"--set {name}")
    return found


def run_policies(names: Sequence[str], scenario: Scenario) -> list[Outcome]:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[clock]}"), TimeRemainingColumn())
    outcomes = []
    with Progress(*columns, console=notes) as progress:
        for name in names:
            bar = progress.add_task(name, total=scenario.hours, clock="")

            def passed(simulated_s: float, bar: int = bar) -> None:
                clock = f"{simulated_s / 3600:.1f} of {scenario.hours:g} h"
                progress.update(bar, completed=simulated_s / 3600, clock=clock)  # type: ignore[arg-type]

            outcomes.append(simulate(name, scenario, passed))
    return outcomes


def _say_left_out(outcomes: Sequence[Outcome]) -> None:
    for record in outcomes[0].clusters:
        if record.left_out:
            notes.print(f"note: {report.left_out_text(record)}", highlight=False, soft_wrap=True)
    if not any(o.figures["tasks"] for o in outcomes):
        fail("nothing ran: the traces hold no task of these hours that fits; give other --hours or --instance")


def _table(outcomes: Sequence[Outcome]) -> Table:
    table = Table(title=f"{outcomes[0].figures['simulated_hours']:g} simulated hours")
    table.add_column("")
    for outcome in outcomes:
        table.add_column(outcome.policy, justify="right")
    for name, cell in SHOWN:
        table.add_row(name, *(cell(o.figures) for o in outcomes))
    table.add_row("Simulated in", *(f"{o.figures['wall_seconds']:.1f} s" for o in outcomes))
    return table


def _story(outcome: Outcome) -> list[str]:
    """The day's interruptions and what became of them, in a few lines."""
    lines = []
    for record in outcome.clusters:
        most = max(record.samples, key=lambda s: s.instances)
        least = min(record.samples, key=lambda s: s.instances)
        waiting = max(s.waiting_tasks for s in record.samples)
        lines.append(
            f"cluster {record.name} ({record.kind.value}): {least.instances} to {most.instances} instances, "
            f"{len(record.notices)} interruption notices, at most {waiting} tasks waiting"
        )
    stopped = sum("tasks stopped" in line.message for line in outcome.said)
    lines.append(
        f"{stopped} drain steps; {outcome.figures['tasks_killed_in_service']} tasks killed in service, "
        f"{outcome.figures['failed_requests']} requests failed"
    )
    return lines
