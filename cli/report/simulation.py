"""Read the instance-hours of a simulation, and how its tasks used them, from a file of `steady simulate --json`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, NonNegativeFloat, NonNegativeInt, TypeAdapter, ValidationError

from cli.report.split import Capacity, Reserved, Usage
from simulator.bill import Hours


class BadResult(ValueError):
    """A file holds no such run. The text names the file, the value and what is needed."""


class _Type(BaseModel):
    vcpu: NonNegativeFloat
    gib: NonNegativeFloat


class _Reserved(BaseModel):
    service: str
    family: str
    tasks: NonNegativeInt
    vcpu_hours: NonNegativeFloat
    gib_hours: NonNegativeFloat


class _Cluster(BaseModel):
    instance_hours_by: dict[str, dict[str, NonNegativeFloat]]
    instance_types: dict[str, _Type]
    occupied_hours: NonNegativeFloat
    reserved: list[_Reserved]


class _Run(BaseModel):
    policy: str
    clusters: dict[str, _Cluster]


@dataclass(frozen=True, slots=True)
class ClusterRun:
    """The instance-hours of a cluster in a simulation, and how its tasks used them."""

    hours: Hours
    usage: Usage


def read_clusters(file: Path, policy: str, wanted: Sequence[str] = ()) -> dict[str, ClusterRun]:
    """Return the `wanted` clusters (default: all) of the run of `policy`.

    Raises:
        BadResult: if the file cannot be read, or has no such run or cluster.
    """
    try:
        runs = TypeAdapter(list[_Run]).validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        raise BadResult(f"{file}: {_why(error)}: a file that `steady simulate --json FILE` wrote is needed") from error
    found = {run.policy: run.clusters for run in runs}
    if policy not in found:
        has = f"one of {', '.join(found)} is needed (--policy)" if found else "it has no run at all"
        raise BadResult(f"{file} has no run of policy {policy}: {has}")
    clusters = found[policy]
    for name in wanted:
        if name not in clusters:
            raise BadResult(f'{file} has no cluster "{name}": one of {", ".join(clusters)} is needed')
    return {name: ClusterRun(clusters[name].instance_hours_by, _usage(clusters[name])) for name in wanted or clusters}


def _why(error: OSError | ValidationError) -> str:
    if isinstance(error, OSError):
        return str(error.strerror)
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else first["msg"]


def _usage(cluster: _Cluster) -> Usage:
    return Usage(
        {name: Capacity(type_.vcpu, type_.gib) for name, type_ in cluster.instance_types.items()},
        [Reserved(r.service, r.family, r.tasks, Capacity(r.vcpu_hours, r.gib_hours)) for r in cluster.reserved],
        cluster.occupied_hours,
    )
