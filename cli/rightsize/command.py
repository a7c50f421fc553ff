"""`steady rightsize`: list families that reserve far more, or less, than they use, and simulate sizes that fit."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer
from rich.table import Table

from cli.account import ProfileOption, RegionOption, aws_errors, runtime
from cli.output import JsonOption, one_line_errors, say, show_table, write_json
from cli.rightsize.advice import Advice, FamilyUse, Verdict, advice
from cli.rightsize.prometheus import NoAnswer, Prometheus
from cli.simulate import run_policies
from simulator.instance_types import NoSuchInstanceType, registered_size
from simulator.simulation import Scenario
from simulator.wording import counted
from simulator.workload.plan import ClusterPlan, ServiceChange
from steady.aws.ecs.task_definitions import read_task_definition
from steady.aws.runtime import Runtime
from steady.cluster import Size
from steady.pools import PoolKind

MIB = 2**20
# ECS: CPU units of a vCPU.
CPU_UNITS = 1024
# The simulation changes the number of a family's tasks in steps of this many seconds.
STEP_S = 900


class NothingToSize(ValueError):
    """Prometheus has no metrics of the cluster. The text says for which clusters it has some."""


@dataclass(frozen=True, slots=True)
class Saving:
    """The instance-hours of one simulated period, with the present sizes and with the sizes that fit.

    Attributes:
        hours: how many hours were simulated.
        now: instance-hours with the present sizes.
        fitted: instance-hours with the sizes that fit.
    """

    instance_type: str
    hours: float
    now: float
    fitted: float

    @property
    def share(self) -> float:
        """The fraction of the instance-hours that the sizes that fit save; negative if they cost more."""
        return 1 - self.fitted / self.now if self.now else 0.0


def rightsize(
    cluster: Annotated[str, typer.Argument(help="The cluster.")],
    prometheus: Annotated[str, typer.Option(help="The URL of Prometheus.")] = "http://localhost:9090",
    days: Annotated[int, typer.Option(min=1, help="Take the use from the metrics of this many last days.")] = 7,
    room: Annotated[
        float, typer.Option(min=0, max=5, help="Reserve this fraction more than was used: 0.25 is a quarter more.")
    ] = 0.25,
    instance: Annotated[
        str, typer.Option(help="The EC2 instance type to simulate (default: the cluster's most frequent one).")
    ] = "",
    hours: Annotated[float, typer.Option(min=1, max=168, help="Simulate this many of the last hours.")] = 24,
    profile: ProfileOption = None,
    region: RegionOption = None,
    json_: JsonOption = None,
) -> None:
    """List task sizes that fit what the tasks of a cluster used, and simulate how many instance-hours they save.

    The use comes from Prometheus, the reservations come from ECS.

    Exit code 1: AWS refused a call. 2: Prometheus does not answer, or has no metrics of the cluster.
    """
    with one_line_errors(NoAnswer, NothingToSize, NoSuchInstanceType):
        aws, asked = runtime(profile, region), Prometheus(prometheus)
        with aws_errors():
            uses = uses_of(aws, asked, cluster, days)
        found = [advice(use, room) for use in uses]
        instance = instance or _most_frequent_type(asked, cluster)
        registered_size(instance)
        counts = _counts(asked, cluster, aws.now(), hours)
    saving = simulate_saving(found, counts, instance, hours)
    write_json(_answer(cluster, found, saving), json_)
    if json_ != "-":
        show_table(_table(cluster, days, found))
        _print_saving(found, saving)


def uses_of(aws: Runtime, asked: Prometheus, cluster: str, days: int) -> list[FamilyUse]:
    """Return what each family of `cluster` reserves and used. Families that reserve the most CPU come first.

    Raises:
        NothingToSize: if Prometheus has no metrics of the cluster's tasks.
        NoAnswer: if Prometheus does not answer.
    """
    of, span = _of(cluster), f"[{days}d]"
    tasks = asked.now(f"avg_over_time(family:tasks:count{of}{span})", "family")
    if not tasks:
        known = sorted(asked.now(f"group by (cluster) (last_over_time(family:tasks:count{span}))", "cluster"))
        raise NothingToSize(
            f"Prometheus has no metrics of cluster {cluster}: it has metrics of {', '.join(known) or 'no cluster'}"
        )
    cpu = asked.now(f"quantile_over_time(0.95, family:task_cpu_cores:avg{of}{span})", "family")
    memory = asked.now(f"max_over_time(family:task_memory_bytes:max{of}{span})", "family")
    revisions = _revisions(asked, of, span)
    families = [family for family in tasks if family in cpu and family in memory and family in revisions]
    reserved = aws.in_parallel(
        lambda family: read_task_definition(aws, f"{family}:{revisions[family]}").shape.size, families
    )
    uses = [
        FamilyUse(family, tasks[family], size, cpu[family] * CPU_UNITS, memory[family] / MIB)
        for family, size in zip(families, reserved, strict=True)
    ]
    return sorted(uses, key=lambda use: -use.tasks * use.reserved.cpu_units)


def _of(cluster: str) -> str:
    # PromQL quotes strings as JSON does.
    return f"{{cluster={json.dumps(cluster)}}}"


def _revisions(asked: Prometheus, of: str, span: str) -> dict[str, int]:
    """Return the newest revision of each family that ran."""
    newest: dict[str, int] = {}
    for labels, _ in asked.series(f"group by (family, revision) (last_over_time(revision:tasks:count{of}{span}))"):
        family, revision = labels["family"], labels.get("revision", "")
        if revision.isdigit():
            newest[family] = max(newest.get(family, 0), int(revision))
    return newest


def _most_frequent_type(asked: Prometheus, cluster: str) -> str:
    """Return the instance type of most instances of `cluster`."""
    instances = f"last_over_time(machine_cpu_cores{_of(cluster)}[1d])"
    types = asked.now(f"count by (instance_type) ({instances})", "instance_type")
    if not types:
        raise NothingToSize(
            f"Prometheus has no metrics of the instances of cluster {cluster}: "
            "give the instance type to simulate with --instance"
        )
    return max(types, key=lambda type_: types[type_])


def simulate_saving(
    found: Sequence[Advice], counts: Mapping[str, Sequence[tuple[float, float]]], instance: str, hours: float
) -> Saving:
    """Simulate the families with their present sizes and with the sizes that fit, and return the instance-hours.

    Each family is simulated as a service, with the number of tasks that it had.

    Args:
        counts: by family, pairs of a time in seconds from the start and the number of tasks.
    """

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
    """Return the largest number of tasks of each family in each step; times are in seconds from the start."""
    start = now - hours * 3600
    expr = f"max_over_time(family:tasks:count{_of(cluster)}[{STEP_S}s])"
    found = asked.over(expr, "family", start + STEP_S, now, STEP_S)
    return {family: [(at - start - STEP_S, count) for at, count in samples] for family, samples in found.items()}


def _changes(samples: Sequence[tuple[float, float]]) -> Iterator[tuple[float, int]]:
    """Yield each change of the number of tasks: its time in seconds, and the number. No sample means no task."""
    last = 0
    for number, (at_s, count) in enumerate(samples):
        if last and at_s - samples[number - 1][0] > STEP_S:
            yield samples[number - 1][0] + STEP_S, 0
            last = 0
        if int(count) != last:
            last = int(count)
            yield at_s, last
    if samples and last:
        # The family has no tasks after its last sample.
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
    table = Table(title=f"Families of cluster {cluster} whose reservation does not fit their use of {days} days")
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


def _print_saving(found: Sequence[Advice], saving: Saving) -> None:
    fitting = sum(one.fits for one in found)
    say(f"{fitting} of {counted(len(found), 'family', 'families')} have a reservation that fits.")
    what = f"saves {saving.share:.0%}" if saving.share >= 0 else f"costs {-saving.share:.0%} more"
    say(
        f"Simulation of the last {saving.hours:g} h on {saving.instance_type}: "
        f"{saving.now:.1f} instance-hours with the present sizes, {saving.fitted:.1f} with sizes that fit: {what}.",
    )
