"""The pipeline with real fluentd, where there is one (in the path, with the S3 plugin): no line is lost on a restart.

The host's and two aggregators' configurations run as they stand, with other ports and folders, against an emulated S3;
lines arrive as Docker's log driver sends them.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from fluent.sender import FluentSender
from moto.server import ThreadedMotoServer

from steady.catalog import COLUMNS
from tests.fluentd.configurations import FOLDER

FLUENTD = shutil.which("fluentd")
pytestmark = pytest.mark.skipif(not FLUENTD, reason="no fluentd in the path: its configurations are read, and not run")

BUCKET, INSTANCE = "lines", "i-0123456789abcdef0"
LABELLED = {
    "source": "stdout",
    "container_id": "c" * 64,
    "container_name": "/ecs-my-awesome-app-7-app-0123",
    "com.amazonaws.ecs.cluster": "web",
    "com.amazonaws.ecs.container-name": "app",
    "com.amazonaws.ecs.task-arn": "arn:aws:ecs:us-east-1:123456789012:task/web/0123",
    "com.amazonaws.ecs.task-definition-family": "my-awesome-app",
}
AGENT_LINE = 'level=error msg="cannot pull"'


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@dataclass
class Node:
    """One fluentd with a folder of its own, which outlives it."""

    folder: Path
    text: str
    environment: dict[str, str]
    port: int
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / "fluentd.yaml"
        file.write_text(self.text)
        with (self.folder / "fluentd.log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(FLUENTD), "--config", str(file)],
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_for(self._listens, f"fluentd in {self.folder}")

    def _listens(self) -> bool:
        with socket.socket() as tried:
            return tried.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> None:
        """Ends it and its workers: by TERM, as ECS stops a task, or KILL, as an instance dies."""
        if not self.process:
            return
        if with_signal is signal.SIGTERM:
            self.process.terminate()
        else:
            os.killpg(self.process.pid, with_signal)
        self.process.wait(60)
        self.process = None


@dataclass
class Pipeline:
    """A host's fluentd, two aggregators, and the S3 that they write to."""

    host: Node
    aggregators: tuple[Node, Node]
    s3: Any
    sent: list[str] = field(default_factory=list)

    def send(self, count: int) -> None:
        """Lines as from Docker's driver, which sends each until it is acknowledged."""
        sender = FluentSender("container", host="127.0.0.1", port=self.host.port, nanosecond_precision=True)
        for number in range(len(self.sent), len(self.sent) + count):
            line = f"line {number}"
            while not sender.emit_with_time(None, time.time(), {**LABELLED, "log": line}):
                time.sleep(0.1)
            self.sent.append(line)
        sender.close()

    def rows(self, prefix: str = "my-awesome-app/app/") -> list[dict[str, Any]]:
        found = []
        for stored in self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", []):
            body = self.s3.get_object(Bucket=BUCKET, Key=stored["Key"])["Body"].read()
            found += [json.loads(line) for line in gzip.decompress(body).splitlines()]
        return found

    def objects(self) -> list[str]:
        return [stored["Key"] for stored in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]

    def has_all(self) -> bool:
        return set(self.sent) <= {row["log"] for row in self.rows()}


def wait_for(is_so: Callable[[], bool], what: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"{what}: not within {seconds:g} s"
        time.sleep(0.2)


@pytest.fixture
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    server = ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    port = server.get_host_and_port()[1]
    s3 = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1")
    s3.create_bucket(Bucket=BUCKET)
    aggregators = (_aggregator(tmp_path / "one", port), _aggregator(tmp_path / "other", port))
    made = Pipeline(_host(tmp_path / "host", [node.port for node in aggregators]), aggregators, s3)
    nodes = (*aggregators, made.host)
    try:
        for node in nodes:
            node.start()
        yield made
    finally:
        for node in nodes:
            node.stop(signal.SIGKILL)
        server.stop()


def _aggregator(folder: Path, s3_port: int) -> Node:
    port = free_port()
    text = (FOLDER / "aggregator.yaml").read_text()
    text = text.replace("0.0.0.0", "127.0.0.1").replace("port: 24224", f"port: {port}")
    # One worker: each takes a second to start here.
    text = text.replace("workers: 4", "workers: 1").replace("/buffer", f"{folder}/buffer")
    text = text.replace("store_as: gzip", f"store_as: gzip\n      s3_endpoint: http://127.0.0.1:{s3_port}")
    text = text.replace("store_as: gzip", "store_as: gzip\n      force_path_style: true")
    return Node(folder, text, {"AWS_REGION": "us-east-1", "LOG_BUCKET": BUCKET, "LOG_FLUSH_SECONDS": "2"}, port)


def _host(folder: Path, aggregators: list[int]) -> Node:
    port = free_port()
    for part in ("log/ecs", "cloud"):
        (folder / "host" / part).mkdir(parents=True)
    (folder / "host/cloud/instance-id").write_text(f"{INSTANCE}\n")
    (folder / "host/log/ecs/ecs-agent.log").write_text(f"{AGENT_LINE}\n")
    text = (FOLDER / "host.yaml").read_text()
    # The load balancer's name has an address for each aggregator; here there is a port for each.
    servers = "".join(
        f"\n              - {{name: a{number}, host: 127.0.0.1, port: {number}}}" for number in aggregators
    )
    text = re.sub(r"server:\n\s+- name: aggregators\n.*\n\s+port: 24224", lambda _: f"server:{servers}", text)
    text = text.replace("port: 24224", f"port: {port}").replace("ack_response_timeout: 30s", "ack_response_timeout: 3s")
    text = text.replace("retry_max_interval: 30s", "retry_max_interval: 2s")
    # No journal here, and no plugin for it.
    text = re.sub(r"  - source:\n      \$type: systemd\n(?:      .*\n)+", "", text)
    text = text.replace("/host/", f"{folder}/host/").replace("/buffer", f"{folder}/buffer")
    return Node(folder, text, {"AGGREGATORS": "127.0.0.1", "CLUSTER": "web"}, port)


def test_lines_lie_under_their_family_and_container_with_the_catalogue_s_columns(pipeline: Pipeline) -> None:
    pipeline.send(50)

    wait_for(pipeline.has_all, "all lines in S3")
    day = time.strftime("year=%Y/month=%m/day=%d", time.gmtime())
    pattern = rf"my-awesome-app/app/{day}/\d\d-0-[0-9a-f]+\.json\.gz"
    assert all(re.fullmatch(pattern, key) for key in pipeline.objects() if key.startswith("my-"))
    row = pipeline.rows()[0]
    assert {name for name, _ in COLUMNS} <= set(row)
    assert row["cluster"] == "web"
    assert row["instance_id"] == INSTANCE
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", row["time"])
    assert not [name for name in row if name.startswith("com.amazonaws")]
    wait_for(lambda: bool(pipeline.rows("container-instance/ecs-agent/")), "the agent's line in S3")
    [agent] = pipeline.rows("container-instance/ecs-agent/")
    assert (agent["log"], agent["cluster"], agent["instance_id"]) == (AGENT_LINE, "web", INSTANCE)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_no_line_is_lost_when_any_part_goes_and_comes_back(pipeline: Pipeline, how: signal.Signals) -> None:
    for part in (*pipeline.aggregators, pipeline.host):
        pipeline.send(200)
        part.stop(how)
        if part is not pipeline.host:
            # The other one takes them meanwhile.
            pipeline.send(200)
        part.start()
    pipeline.send(100)

    wait_for(pipeline.has_all, "all lines in S3", seconds=90)


def test_with_no_aggregator_at_all_lines_wait_on_the_host(pipeline: Pipeline) -> None:
    for node in pipeline.aggregators:
        node.stop()
    pipeline.send(300)
    pipeline.host.stop()
    for node in (pipeline.host, *pipeline.aggregators):
        node.start()

    wait_for(pipeline.has_all, "all lines in S3", seconds=90)


def test_an_aggregator_that_is_stopped_writes_what_it_has_first(pipeline: Pipeline) -> None:
    pipeline.send(100)
    wait_for(lambda: bool(pipeline.objects()), "a first object")
    for node in (pipeline.host, *pipeline.aggregators):
        node.stop()

    assert pipeline.has_all()
