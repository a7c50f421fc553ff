"""The emulators, on free ports of the loopback interface: started, and stopped again."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import boto3

ROOT = Path(__file__).parents[2]
REGION = "us-east-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "000000000000", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
READY_WITHIN_S = 60


@dataclass(frozen=True)
class Emulators:
    """ministack runs what is deployed; moto holds the clusters, groups and fleets that the functions reach."""

    ministack: str
    moto: str
    env: Mapping[str, str]
    # By which clients find in moto what it holds.
    beside: Mapping[str, str]
    # Ids that a resource of a stack has in moto, by the stack's name and the resource's type.
    held_ids: Path

    def deployed(self, service: str) -> boto3.client:
        return self._client(service, self.ministack)

    def world(self, service: str) -> boto3.client:
        return self._client(service, self.moto)

    def hold(self, stack: str, kind: str, id_: str) -> None:
        """Let the resource of this kind that the stack makes have the id of what moto holds."""
        known = json.loads(self.held_ids.read_text()) if self.held_ids.exists() else {}
        self.held_ids.write_text(json.dumps({**known, f"{stack} {kind}": id_}))

    def _client(self, service: str, url: str) -> boto3.client:
        return boto3.client(
            service,
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id="000000000000",
            aws_secret_access_key="test",
        )


def from_environment() -> Emulators:
    """The emulators that the environment of `make emulators` names."""
    beside = {name: value for name, value in os.environ.items() if name.startswith("AWS_ENDPOINT_URL_")}
    if "AWS_ENDPOINT_URL" not in os.environ or not beside:
        raise SystemExit("no emulators: run make emulators, and here: . build/emulators/env")
    url = os.environ["AWS_ENDPOINT_URL"]
    return Emulators(url, beside["AWS_ENDPOINT_URL_ECS"], dict(os.environ), beside, Path(os.devnull))


@contextmanager
def started(logs: Path) -> Iterator[Emulators]:
    """Both emulators, with their output in `logs`; they are stopped at the end."""
    moto_port, ministack_port = _free_port(), _free_port()
    moto = f"http://127.0.0.1:{moto_port}"
    ministack = f"http://127.0.0.1:{ministack_port}"
    bin_, here, held_ids = Path(sys.executable).parent, Path(__file__).parent, logs / "held_ids.json"
    env = {
        **{k: v for k, v in os.environ.items() if not k.startswith("AWS_")},
        **CREDENTIALS,
        "PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}",
    }
    # ministack's own process environment reaches its Lambdas: these four services they find in moto.
    beside = {
        f"AWS_ENDPOINT_URL_{service}": moto for service in ("ECS", "EC2", "AUTO_SCALING", "ELASTIC_LOAD_BALANCING_V2")
    }
    commands = (
        (
            "moto",
            [sys.executable, str(here / "moto_as_documented.py"), "-H", "127.0.0.1", "-p", str(moto_port)],
            env,
            f"{moto}/moto-api/",
        ),
        (
            "ministack",
            [sys.executable, str(here / "ministack_as_documented.py")],
            {**env, **beside, **_local(ministack_port), "HELD_IDS": str(held_ids)},
            f"{ministack}/_ministack/health",
        ),
    )
    running = []
    try:
        for name, command, environment, health in commands:
            log = (logs / f"{name}.log").open("w")
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=logs)
            running.append(process)
            _wait_for(health, process, logs / f"{name}.log")
        _let_tasks_run(moto)
        yield Emulators(ministack, moto, {**env, "AWS_ENDPOINT_URL": ministack}, beside, held_ids)
    finally:
        for process in reversed(running):
            process.terminate()
        for process in running:
            process.wait(timeout=20)


def _local(port: int) -> dict[str, str]:
    return {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port)}


def _let_tasks_run(moto: str) -> None:
    """By default each look at a moto task brings it nearer to its end: ours run until they are stopped."""
    transition = {"model_name": "ecs::task", "transition": {"progression": "manual", "times": 1_000_000}}
    url = f"{moto}/moto-api/state-manager/set-transition"
    with urlopen(Request(url, data=json.dumps(transition).encode(), method="POST"), timeout=5):
        return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urlopen(url, timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.3)
    raise RuntimeError(f"{url} did not answer within {READY_WITHIN_S} s:\n{log.read_text()[-3000:]}")
