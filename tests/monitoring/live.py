"""Real Prometheus on loopback, an EC2 endpoint that it finds instances at, and cAdvisors that look like real ones."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
import yaml
from moto.server import ThreadedMotoServer
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from monitoring.configuration import prometheus_files

ROOT = Path(__file__).parents[2]
# `make prometheus` unpacks Debian's package there, without installing it.
PATH = f"{ROOT / 'build' / 'prometheus' / 'usr' / 'bin'}:{os.environ.get('PATH', '')}"
REGION = "us-east-1"
LABEL = "container_label_com_amazonaws_ecs_"


def binary(name: str) -> str:
    """Where `prometheus` or `promtool` is; the test that needs it is skipped without, but not where it must run."""
    found = shutil.which(name, path=PATH)
    if not found:
        say = pytest.fail if os.environ.get("REQUIRE_PROMETHEUS") else pytest.skip
        say(f"no {name} in the path, and Debian's cannot be had: rules and scraping are not tested")
    return found


@dataclass
class FakeContainer:
    """One container as cAdvisor shows it. `cores` are used all the time; bytes and shares are as they are reserved."""

    family: str
    name: str
    task: str
    cores: float = 0.5
    shares: int = 1024
    used_bytes: int = 400_000_000
    limit_bytes: int = 1_000_000_000
    reserved_bytes: int = 0
    started: float = field(default_factory=lambda: time.time() - 3600)

    def labels(self, cluster: str) -> dict[str, str]:
        docker_id = f"{abs(hash((self.task, self.name, self.started))):064x}"[:64]
        labels = {"id": f"/ecs/{self.task}/{docker_id}", "image": f"example/{self.name}:1", "name": docker_id}
        ours = {
            "cluster": cluster,
            "container_name": self.name,
            "task_arn": f"arn:aws:ecs:us-east-1:123456789012:task/{cluster}/{self.task}" if self.task else "",
            "task_definition_family": self.family,
            "task_definition_version": "7" if self.family else "",
        }
        return labels | {LABEL + key: value for key, value in ours.items()}


# What cAdvisor shows of a container, beside much that nobody uses: its name, type, help, and value.
SHOWN: dict[str, tuple[type[Metric], Callable[[FakeContainer, float], float]]] = {
    "container_cpu_usage_seconds": (CounterMetricFamily, lambda c, now: c.cores * (now - c.started)),
    "container_cpu_cfs_periods": (CounterMetricFamily, lambda c, now: 10 * (now - c.started)),
    "container_cpu_cfs_throttled_periods": (CounterMetricFamily, lambda c, now: now - c.started),
    "container_memory_working_set_bytes": (GaugeMetricFamily, lambda c, now: c.used_bytes),
    "container_memory_cache": (GaugeMetricFamily, lambda c, now: 1.0),
    "container_oom_events": (CounterMetricFamily, lambda c, now: 0.0),
    "container_network_receive_bytes": (CounterMetricFamily, lambda c, now: 1000 * (now - c.started)),
    "container_network_transmit_bytes": (CounterMetricFamily, lambda c, now: 100 * (now - c.started)),
    "container_spec_cpu_shares": (GaugeMetricFamily, lambda c, now: c.shares),
    "container_spec_memory_limit_bytes": (GaugeMetricFamily, lambda c, now: c.limit_bytes),
    "container_spec_memory_reservation_limit_bytes": (GaugeMetricFamily, lambda c, now: c.reserved_bytes),
    "container_start_time_seconds": (GaugeMetricFamily, lambda c, now: c.started),
}


@dataclass(eq=False)
class FakeCadvisor:
    """The cAdvisor of one instance; it is a collector of prometheus_client, which writes the text."""

    cluster: str
    instance_id: str
    address: str
    containers: list[FakeContainer]
    cores: int = 4
    stop: Callable[[], None] = lambda: None

    def collect(self) -> Iterator[Metric]:
        now = time.time()
        # cAdvisor says when it looked, some seconds ago.
        looked = now - 3
        for name, (kind, value) in SHOWN.items():
            first = {**FakeContainer("", "", "").labels(""), "interface": ""}
            family: Any = kind(name, "as cAdvisor shows it", labels=list(first))
            for container in self.containers:
                extra = {"interface": "eth0"} if "network" in name else {"interface": ""}
                shown = {**container.labels(self.cluster), **extra}
                family.add_metric([shown[key] for key in first], value(container, now), timestamp=looked)
            yield family
        for name, machine in (("machine_cpu_cores", self.cores), ("machine_memory_bytes", 8_000_000_000)):
            yield GaugeMetricFamily(name, "as cAdvisor shows it", value=machine)


@dataclass
class Live:
    """What runs: Prometheus' address, the EC2 that it asks, and the cAdvisors by instance id."""

    url: str
    ec2: Any
    port: int
    cadvisors: dict[str, FakeCadvisor] = field(default_factory=dict)

    def launch(
        self, cluster: str, address: str, *containers: FakeContainer, spot: bool = False, tag: str = "steady:cluster"
    ) -> FakeCadvisor:
        """An instance with its cAdvisor on `address`, which is one of loopback's."""
        market: dict[str, Any] = {"InstanceMarketOptions": {"MarketType": "spot"}} if spot else {}
        [instance] = self.ec2.run_instances(
            ImageId="ami-12c6146b",
            InstanceType="m5.large",
            MinCount=1,
            MaxCount=1,
            PrivateIpAddress=address,
            TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": tag, "Value": cluster}]}],
            **market,
        )["Instances"]
        made = FakeCadvisor(cluster, instance["InstanceId"], address, list(containers))
        registry = CollectorRegistry()
        registry.register(made)  # type: ignore[arg-type]
        server, thread = start_http_server(self.port, address, registry)

        def stop() -> None:
            server.shutdown()
            server.server_close()
            thread.join()

        made.stop = stop
        self.cadvisors[made.instance_id] = made
        return made

    def query(self, expr: str) -> list[dict[str, Any]]:
        """The samples of `expr` now: each its labels (`metric`) and its `value`."""
        answer = requests.get(f"{self.url}/api/v1/query", params={"query": expr}, timeout=10).json()
        assert answer["status"] == "success", f"{expr}: {answer.get('error')}"
        return [{"metric": one["metric"], "value": float(one["value"][1])} for one in answer["data"]["result"]]

    def targets(self) -> list[dict[str, Any]]:
        answer = requests.get(f"{self.url}/api/v1/targets", params={"state": "active"}, timeout=10).json()
        active: list[dict[str, Any]] = answer["data"]["activeTargets"]
        return active


def wait_for(what: str, is_so: Callable[[], Any], within_s: float = 30) -> Any:
    """Waits until `is_so` answers something, and returns it."""
    end = time.monotonic() + within_s
    while not (found := is_so()):
        assert time.monotonic() < end, f"not within {within_s:g} s: {what}"
        time.sleep(0.2)
    return found


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Prometheus on what lies in `folder`, its configuration and its data; yields its address."""
    program = binary("prometheus")
    address = f"127.0.0.1:{_free_port()}"
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                program,
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={address}",
            ],
            env={**os.environ, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"},
            stdout=log,
            stderr=log,
        )
    try:
        wait_for("Prometheus answers", lambda: _answers(f"http://{address}"))
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def started(folder: Path) -> Iterator[Live]:
    """Prometheus with its configuration as it is deployed, but for its endpoint, ports and intervals."""
    server = ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    endpoint = "http://{}:{}".format(*server.get_host_and_port())
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    ec2 = boto3.client("ec2", endpoint_url=endpoint, region_name=REGION, **keys)
    port = _free_port()
    _write(folder, endpoint, port)
    with serving(folder) as url:
        live = Live(url, ec2, port)
        try:
            yield live
        finally:
            for cadvisor in live.cadvisors.values():
                cadvisor.stop()
            server.stop()


def _write(folder: Path, endpoint: str, port: int) -> None:
    for place, text in prometheus_files().items():
        file = folder / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    configuration = yaml.safe_load((folder / "prometheus.yml").read_text())
    configuration["global"] |= {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    [job] = configuration["scrape_configs"]
    [discovery] = job["ec2_sd_configs"]
    discovery |= {"region": REGION, "endpoint": endpoint, "port": port, "refresh_interval": "1s"}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/-/ready", timeout=1).ok
    except requests.ConnectionError:
        return False


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("0.0.0.0", 0))
        port: int = found.getsockname()[1]
        return port
