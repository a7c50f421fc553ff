"""`steady rightsize` on a week that lies in a real Prometheus, and on reservations that ECS knows."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from cli.main import app
from tests.monitoring.live import binary, serving

DAY, STEP_S = 86400, 300
GIB = 2**30
# How much each task of a family uses (cores, bytes), and how many tasks there are at night and by day.
USED: dict[str, tuple[float, float, int, int]] = {
    # It reserves four cores and 8 GiB, and uses a tenth.
    "lavish": (0.4, 0.8 * GIB, 4, 8),
    # It reserves half a core and 1 GiB, and uses more memory.
    "tight": (0.4, 1.5 * GIB, 2, 2),
    "fitting": (0.9, 1.8 * GIB, 3, 3),
}
RESERVED = {"lavish": (4096, 8192), "tight": (512, 1024), "fitting": (1024, 2048)}


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A week's samples of what the recording rules record, as they would be there."""
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "prometheus.yml").write_text("global: {}\n")
    samples = folder / "week.om"
    samples.write_text(_week(int(time.time())))
    subprocess.run(
        [binary("promtool"), "tsdb", "create-blocks-from", "openmetrics", str(samples), str(folder / "data")],
        check=True,
        capture_output=True,
    )
    with serving(folder) as url:
        yield url


def _week(now: int) -> str:
    """OpenMetrics: the samples of each series together, in order of time."""
    lines = []
    times = range(now - 7 * DAY, now, STEP_S)
    for record, value in (
        ("family:task_cpu_cores:avg", lambda used, at: used[0]),
        ("family:task_memory_bytes:max", lambda used, at: used[1]),
        ("family:tasks:count", _tasks),
        ("revision:tasks:count", _tasks),
    ):
        lines.append(f"# TYPE {record} gauge")
        for family, used in USED.items():
            revision = ',revision="2"' if record.startswith("revision") else ""
            labels = f'cluster="web",family="{family}"{revision}'
            lines += [f"{record}{{{labels}}} {value(used, at)} {at}" for at in times]
    lines.append("# TYPE machine_cpu_cores gauge")
    for instance in ("i-1", "i-2"):
        labels = f'cluster="web",instance="{instance}",instance_type="m5.2xlarge"'
        lines += [f"machine_cpu_cores{{{labels}}} 8 {at}" for at in times]
    return "\n".join([*lines, "# EOF", ""])


def _tasks(used: tuple[float, float, int, int], at: int) -> int:
    return used[3] if 8 <= at % DAY // 3600 < 20 else used[2]


@pytest.fixture
def account(aws: boto3.Session) -> boto3.Session:
    for family, (cpu, memory) in RESERVED.items():
        # Once more than needed: what counts is the newest revision that ran.
        for size in ((1, 4), (cpu, memory)):
            aws.client("ecs").register_task_definition(
                family=family,
                containerDefinitions=[{"name": "app", "image": "example/app", "cpu": size[0], "memory": size[1]}],
            )
    return aws


def rightsize(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["rightsize", *arguments])


def test_sizes_that_would_fit_and_what_they_would_save(account: boto3.Session, prometheus: str) -> None:
    done = rightsize("web", "--prometheus", prometheus, "--hours", "6", "--json", "-")

    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    found = {one["family"]: one for one in answer["families"]}
    assert found["lavish"]["reserved"] == {"cpu_units": 4096, "memory_mib": 8192}
    # 410 CPU units and 819 MiB, and a quarter more.
    assert found["lavish"]["size"] == {"cpu_units": 512, "memory_mib": 1024}
    assert found["tight"]["cpu"] == "fits"
    assert found["tight"]["memory"] == "less than used"
    assert found["tight"]["size"] == {"cpu_units": 512, "memory_mib": 1920}
    assert found["fitting"]["size"] == {"cpu_units": 1024, "memory_mib": 2048}
    simulated = answer["simulated"]
    assert simulated["instance_type"] == "m5.2xlarge"
    # Eight tasks of four cores want five instances of eight; of half a core, one will do.
    assert simulated["fitted"] < simulated["now"] / 2
    assert simulated["saved_share"] == pytest.approx(1 - simulated["fitted"] / simulated["now"], abs=1e-3)


def test_people_see_who_does_not_fit_and_what_it_costs(account: boto3.Session, prometheus: str) -> None:
    done = rightsize("web", "--prometheus", prometheus, "--hours", "1")

    assert done.exit_code == 0, done.output
    assert "lavish" in done.stdout
    assert "tight" in done.stdout
    assert "1 of 3 families have a reservation that fits." in done.stdout
    assert "instance-hours with the present sizes" in " ".join(done.stdout.split())


def test_an_unknown_cluster_is_one_line_with_those_that_are_known(account: boto3.Session, prometheus: str) -> None:
    done = rightsize("wbe", "--prometheus", prometheus)

    assert done.exit_code == 2
    assert "Prometheus has no metrics of cluster wbe: it has metrics of web" in " ".join(done.stderr.split())


def test_a_prometheus_that_is_not_there_is_one_line_with_the_way_out(account: boto3.Session) -> None:
    done = rightsize("web", "--prometheus", "http://127.0.0.1:9")

    assert done.exit_code == 2
    assert "--prometheus is http://127.0.0.1:9, and no Prometheus answers there" in " ".join(done.stderr.split())


def test_an_instance_type_that_there_is_not_is_one_line(account: boto3.Session, prometheus: str) -> None:
    done = rightsize("web", "--prometheus", prometheus, "--instance", "m5.huge")

    assert done.exit_code == 2
    assert '"m5.huge" is no EC2 instance type' in " ".join(done.stderr.split())
