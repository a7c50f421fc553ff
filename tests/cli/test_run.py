"""`steady run`: a request from a terminal, followed to the end of its tasks."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import boto3
import pytest
from click.testing import Result
from typer.testing import CliRunner

from cli import run
from cli.main import app
from simulator.suite import LAUNCHES_TABLE
from simulator.world import SimulatedCluster, World
from steady.names import LAUNCH_QUEUE_PARAMETER, LAUNCHES_PARAMETER


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> SimulatedCluster:
    world = World(seed=1)
    web = world.group_cluster("web", 1, maximum=1)
    web.define("report", 256, 256)
    web.define("huge", 999_999, 256)
    world.account.scheduler.observer.started = lambda task: setattr(task, "run_s", 30.0)
    world.account.parameters.put(LAUNCHES_PARAMETER, LAUNCHES_TABLE)
    world.account.parameters.put(LAUNCH_QUEUE_PARAMETER, world.suite.launches.url)
    # Time passes while the command sleeps.
    operator = replace(world.suite.runtime("operator"), sleep=world.run)
    monkeypatch.setattr(run, "runtime", lambda profile, region: operator)
    return web


def asked(*options: Any) -> Result:
    return CliRunner().invoke(app, ["run", *map(str, options), "--cluster", "web"])


def test_it_waits_until_all_tasks_have_ended(web: SimulatedCluster) -> None:
    done = asked("report", "--count", 3, "--wait", "--json", "-")

    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert (len(answer["tasks"]), answer["failed"], answer["reason"]) == (3, [], "")
    assert [line.partition(": ")[2] for line in done.stderr.splitlines() if "started" in line] == ["3 tasks started"]
    assert web.tasks("family:report") == []


def test_without_wait_it_ends_at_once(web: SimulatedCluster) -> None:
    done = asked("report")

    assert done.exit_code == 0, done.output
    web.world.run(10)
    assert len(web.tasks("family:report")) == 1


def test_what_is_given_up_is_told_with_the_reason(web: SimulatedCluster) -> None:
    done = asked("huge", "--deadline", 5, "--wait")

    assert done.exit_code == 1
    assert "waits for RESOURCE:CPU" in done.stderr
    assert "given up: RESOURCE:CPU" in done.stderr.splitlines()[-1]


def test_a_task_that_fails_fails_the_command(web: SimulatedCluster) -> None:
    web.world.clock.after(20, lambda: [web.world.account.scheduler.stop(t) for t in web.tasks("family:report")])
    done = asked("report", "--wait")

    assert done.exit_code == 1
    assert "1 of 1 tasks ended, 1 failed" in done.stderr


def test_a_cluster_that_is_not_managed_is_refused(web: SimulatedCluster) -> None:
    done = CliRunner().invoke(app, ["run", "report", "--cluster", "theirs"])

    assert done.exit_code == 2
    assert "cluster theirs is not managed" in done.stderr


def test_of_one_cluster_its_name_is_not_needed(web: SimulatedCluster) -> None:
    assert CliRunner().invoke(app, ["run", "report"]).exit_code == 0

    web.world.run(10)
    assert len(web.tasks("family:report")) == 1


def test_of_two_clusters_the_name_is_needed(web: SimulatedCluster) -> None:
    web.world.group_cluster("batch", 1)
    done = CliRunner().invoke(app, ["run", "report"])
    assert done.exit_code == 2
    assert "--cluster is missing: one of batch, web is needed" in done.stderr


def test_without_a_launch_queue_the_way_to_one_is_told(aws: boto3.Session) -> None:
    done = CliRunner().invoke(app, ["run", "report", "--cluster", "web"])

    assert done.exit_code == 2
    assert "add task_launcher to cdk.json" in done.stderr
