"""`steady rightsize`: who reserves far more, or less, than it uses, which sizes would fit, and what they would save."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer
from rich.table import Table

from cli.account import ProfileOption, RegionOption, aws_errors, runtime
from cli.output import JsonOption, answers, one_line_errors, write_json
from cli.rightsize.advice import Advice, FamilyUse, Verdict, advice
from cli.rightsize.prometheus import NoAnswer, Prometheus
from cli.simulate import run_policies
from simulator.instance_types import NoSuchInstanceType, registered_size
from simulator.simulation import Scenario
from simulator.workload.plan import ClusterPlan, ServiceChange
from steady.aws import ecs
from steady.aws.runtime import Runtime
from steady.cluster import Size
from steady.pools import PoolKind

MIB = 2**20
# ECS: CPU units of a vCPU.
CPU_UNITS = 1024
# How often the number of tasks is looked at for the simulation.
STEP_S = 900


class NothingToSize(ValueError):
    """Prometheus knows no task of the cluster; the text says which clusters it knows."""


@dataclass(frozen=True, slots=True)
class Saving:
    """Instance-hours of the simulated hours, as families reserve now and as would fit."""

    instance_type: str
    hours: float
    now: float
    fitted: float

    @property
    def share(self) -> float:
        return 1 - self.fitted / self.now if self.now else 0.0


def rightsize(
    cluster: Annotated[str, typer.Argument(help="The cluster.")],
    prometheus: Annotated[str, typer.Option(help="Where Prometheus answers.")] = "http://localhost:9090",
    days: Annotated[int, typer.Option(min=1, help="How many days of use are looked at.")] = 7,
    room: Annotated[float, typer.Option(min=0, max=5, help="Room beside what is used: 0.25 is a quarter more.")] = 0.25,
    instance: Annotated[str, typer.Option(help="The instance type to simulate on (default: the cluster's own).")] = "",
    hours: Annotated[float, typer.Option(min=1, max=168, help="How many of the last hours to simulate.")] = 24,
    profile: ProfileOption = None,
    region: RegionOption = None,
    json_: JsonOption = None,
) -> None:
    """Sizes that fit what tasks use, and the instance-hours that they save, by simulating the cluster's own tasks.

    What is used comes from Prometheus, what is reserved from ECS. Exit code 1: AWS refused; 2: Prometheus does not
    answer, or knows nothing of the cluster.
    """
    with one_line_errors(NoAnswer, NothingToSize, NoSuchInstanceType):
        aws, asked = runtime(profile, region), Prometheus(prometheus)
        with aws_errors():
            uses = uses_of(aws, asked, cluster, days)
        found = [advice(use, room) for use in uses]
        instance = instance or _usual_instance(asked, cluster)
        registered_size(instance)
        counts = _counts(asked, cluster, aws.now(), hours)
    saving = simulated(found, counts, instance, hours)
    write_json(_answer(cluster, found, saving), json_)
    if json_ != "-":
        answers.print(_table(cluster, days, found))
        _say(found, saving)


def uses_of(aws: Runtime, asked: Prometheus, cluster: str, days: int) -> list[FamilyUse]:
    """What each family of `cluster` reserves and used, the one that reserves most first.

    Raises:
        NothingToSize: if there is no family.
        NoAnswer: if Prometheus gives none.
    """
    of, span = _of(cluster), f"[{days}d]"
    tasks = asked.now(f"avg_over_time(family:tasks:count{of}{span})", "family")
    if not tasks:
        known = sorted(asked.now(f"group by (cluster) (last_over_time(family:tasks:count{span}))", "cluster"))
        raise NothingToSize(
            f"Prometheus knows no task of {cluster}: it knows {', '.join(known) or 'no cluster at all'}"
        )
    cpu = asked.now(f"quantile_over_time(0.95, family:task_cpu_cores:avg{of}{span})", "family")
    memory = asked.now(f"max_over_time(family:task_memory_bytes:max{of}{span})", "family")
    revisions = _revisions(asked, of, span)
    families = [family for family in tasks if family in cpu and family in memory and family in revisions]
    reserved = aws.in_parallel(
        lambda family: ecs.read_task_definition(aws, f"{family}:{revisions[family]}").shape.size, families
    )
    uses = [
        FamilyUse(family, tasks[family], size, cpu[family] * CPU_UNITS, memory[family] / MIB)
        for family, size in zip(families, reserved, strict=True)
    ]
    return sorted(uses, key=lambda use: -use.tasks * use.reserved.cpu_units)


def _of(cluster: str) -> str:
    # A text is quoted in PromQL as in JSON.
    return f"{{cluster={json.dumps(cluster)}}}"


def _revisions(asked: Prometheus, of: str, span: str) -> dict[str, int]:
    """The newest revision of each family that had a task."""
    newest: dict[str, int] = {}
    for labels, _ in asked.series(f"group by (family, revision) (last_over_time(revision:tasks:count{of}{span}))"):
        family, revision = labels["family"], labels.get("revision", "")
        if revision.isdigit():
            newest[family] = max(newest.get(family, 0), int(revision))
    return newest


def _usual_instance(asked: Prometheus, cluster: str) -> str:
    """The instance type that most instances of `cluster` are of."""
    instances = f"last_over_time(machine_cpu_cores{_of(cluster)}[1d])"
    types = asked.now(f"count by (instance_type) ({instances})", "instance_type")
    if not types:
        raise NothingToSize(f"Prometheus knows no instance of {cluster}: give the type to simulate on, --instance")
    return max(types, key=lambda type_: types[type_])


def simulated(
    found: Sequence[Advice], counts: Mapping[str, Sequence[tuple[float, float]]], instance: str, hours: float
) -> Saving:
    """Both sizes, on the numbers of tasks that there were: each family's as a service that wants so many at a time."""

    def changes(size: Callable[[Advice], Size]) -> tuple[ServiceChange, ...]:
        made = [
            ServiceChange(at_s, one.use.family, desired, size(one))
            for one in found
            for at_s, desired in _changes(counts.get(one.use.family, ()))
        ]
        return tuple(sorted(made, key=lambda change: change.at_s))

    ran = [
        run_policies(
            ["steady"],
            Scenario((ClusterPlan("now", PoolKind.SPOT_FLEET, instance, services=services),), hours, seed=0),
        )
        for services in (changes(lambda one: one.use.reserved), changes(lambda one: one.size))
    ]
    now, fitted = (outcome.figures["instance_hours"] for [outcome] in ran)
    return Saving(instance, hours, now, fitted)


def _counts(asked: Prometheus, cluster: str, now: float, hours: float) -> dict[str, list[tuple[float, float]]]:
    """How many tasks each family had in each quarter of an hour, at most; times in seconds from the start."""
    start = now - hours * 3600
    expr = f"max_over_time(family:tasks:count{_of(cluster)}[{STEP_S}s])"
    found = asked.over(expr, "family", start + STEP_S, now, STEP_S)
    return {family: [(at - start - STEP_S, count) for at, count in samples] for family, samples in found.items()}


def _changes(samples: Sequence[tuple[float, float]]) -> Iterator[tuple[float, int]]:
    """When the number of tasks changes, and to what; where there is no sample, there was no task."""
    last = 0
    for number, (at_s, count) in enumerate(samples):
        if last and at_s - samples[number - 1][0] > STEP_S:
            yield samples[number - 1][0] + STEP_S, 0
            last = 0
        if int(count) != last:
            last = int(count)
            yield at_s, last
    if samples and last:
        # What ended before the end of the span has no sample after it.
        yield samples[-1][0] + STEP_S, 0


def _answer(cluster: str, found: Sequence[Advice], saving: Saving) -> dict[str, Any]:
    families = [
        {
            "family": one.use.family,
            "tasks": round(one.use.tasks, 1),
            "reserved": asdict(one.use.reserved),
            "used": {"cpu_units": round(one.use.cpu_units), "memory_mib": round(one.use.memory_mib)},
            "cpu": one.cpu,
            "memory": one.memory,
            "size": asdict(one.size),
        }
        for one in found
    ]
    return {
        "cluster": cluster,
        "families": families,
        "simulated": {**asdict(saving), "saved_share": round(saving.share, 4)},
    }


def _table(cluster: str, days: int, found: Sequence[Advice]) -> Table:
    table = Table(title=f"Families of {cluster} whose reservation does not fit what they used in {days} days")
    for column, justify in (
        ("family", "left"),
        ("tasks", "right"),
        ("CPU units: reserved", "right"),
        ("used", "right"),
        ("would fit", "right"),
        ("MiB: reserved", "right"),
        ("used", "right"),
        ("would fit", "right"),
    ):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    for one in found:
        if not one.fits:
            use = one.use
            table.add_row(
                use.family,
                f"{use.tasks:.1f}",
                *_cells(use.reserved.cpu_units, use.cpu_units, one.cpu, one.size.cpu_units),
                *_cells(use.reserved.memory_mib, use.memory_mib, one.memory, one.size.memory_mib),
            )
    return table


def _cells(reserved: int, used: float, verdict: Verdict, size: int) -> tuple[str, str, str]:
    return str(reserved), f"{used:.0f}", "" if verdict is Verdict.FITS else str(size)


def _say(found: Sequence[Advice], saving: Saving) -> None:
    fitting = sum(one.fits for one in found)
    answers.print(f"{fitting} of {len(found)} families fit as they are.", highlight=False)
    what = f"saves {saving.share:.0%}" if saving.share >= 0 else f"costs {-saving.share:.0%} more"
    answers.print(
        f"Simulated on {saving.instance_type}, {saving.hours:g} h of the tasks that there were: "
        f"{saving.now:.1f} instance-hours as it is, {saving.fitted:.1f} with sizes that fit: {what}.",
        highlight=False,
        soft_wrap=True,
    )
