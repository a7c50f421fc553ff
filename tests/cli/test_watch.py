"""`steady watch`: the view of one look, the log's lines in it, and how it goes on and ends."""

from __future__ import annotations

import json
import time
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from rich.console import Console
from typer.testing import CliRunner

from cli import launches, watch
from cli.main import app
from cli.recent_log import STACKS, LogLine, NoLogs, log_groups, read_log
from simulator.suite import LAUNCHES_TABLE, LEDGER_TABLE
from simulator.world import World
from steady.aws.runtime import Runtime

LOGS = {"AWS::Logs::LogGroup": "Logs"}
LINES = [LogLine(1767225600.0, "target 3 (was 2); [x] lacks 2 tasks"), LogLine(1767225660.0, "drain step: 4")]


def stack_with_group(aws: boto3.Session, stack: str) -> str:
    template = {"Resources": {"Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": f"{stack}-Logs"}}}}
    aws.client("cloudformation").create_stack(StackName=stack, TemplateBody=json.dumps(template))
    return f"{stack}-Logs"


def put(aws: boto3.Session, group: str, *messages: str) -> None:
    logs = aws.client("logs")
    logs.create_log_stream(logGroupName=group, logStreamName="one")
    now = int(time.time() * 1000)
    events = [{"timestamp": now + n, "message": text} for n, text in enumerate(messages)]
    logs.put_log_events(logGroupName=group, logStreamName="one", logEvents=events)


def test_the_log_has_what_was_decided_and_drained_for_this_cluster_alone(aws: boto3.Session) -> None:
    scaling, service_out = (stack_with_group(aws, stack) for stack in STACKS)
    decided: dict[str, Any] = {
        "message": "decided for cluster web: target 5",
        "cluster": "web",
        "seen": {"target": 3},
        "reasons": [{"rule": "ServiceDrift", "text": "service api lacks 2 tasks"}],
        "target": 5,
        "to_drain": [],
        "to_terminate": ["i-1"],
    }
    other = {**decided, "message": "decided for cluster web-2: target 5"}
    put(aws, scaling, "START RequestId: 1 cluster web: ", json.dumps(decided), json.dumps(other))
    step = {"message": "cluster web: drain step: 4 targets deregistered", "drained": ["i-2", "i-3"]}
    put(aws, service_out, json.dumps(step))
    runtime = Runtime(session=aws)

    groups = log_groups(runtime)
    found = read_log(runtime, groups, "web", time.time() - 60)

    assert groups == [scaling, service_out]
    assert sorted(line.text for line in found) == [
        "drain step: 4 targets deregistered (i-2, i-3)",
        "target 5 (was 3); service api lacks 2 tasks; to terminate: i-1",
    ]
    assert read_log(runtime, groups, "web", time.time() + 60) == []


def test_an_account_without_the_suite_is_told_so(aws: boto3.Session) -> None:
    with pytest.raises(NoLogs, match="deploy the suite"):
        log_groups(Runtime(session=aws))


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(seed=1)
    web = world.spot_cluster("web", 2, learning="off")
    web.service("api", 6, cpu=1000, memory=1000)
    world.run(40)
    world.account.parameters.put("/steady/ledger", LEDGER_TABLE)
    monkeypatch.setattr(watch, "runtime", lambda profile, region: world.suite.runtime("operator"))
    monkeypatch.setattr(watch, "log_groups", lambda aws: ["group"])
    monkeypatch.setattr(watch, "read_log", lambda aws, groups, cluster, since: LINES)
    return world


def test_in_a_pipe_one_look_is_shown_and_the_newest_line_of_the_log_comes_first(world: World) -> None:
    done = CliRunner().invoke(app, ["watch", "web", "--lines", "2"])

    assert done.exit_code == 0, done.output
    for text in ("cluster web at", "decision: target", "places for 2 tasks", "i-00000000000000001"):
        assert text in done.stdout
    log = [line for line in done.stdout.splitlines() if line.startswith("2026-01-01")]
    assert [line.split("  ", 1)[1].strip() for line in log] == [LINES[1].text, LINES[0].text]


def test_what_waits_in_the_launch_queue_is_shown_as_explain_shows_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = {"id": "nightly-1", "task_definition": "report:3", "count": 2, "started": 0, "all_or_nothing": False}
    waits |= {"priority": 0, "waits_s": 40, "reason": "RESOURCE:CPU", "given_up_at": ""}
    world.account.parameters.put("/steady/launches", LAUNCHES_TABLE)
    monkeypatch.setattr(launches, "waiting_launches", lambda aws, table, cluster: [waits] if table else [])

    for command in ("explain", "watch"):
        monkeypatch.setattr(f"cli.{command}.runtime", lambda profile, region: world.suite.runtime("operator"))
        assert "nightly-1" in CliRunner().invoke(app, [command, "web"]).stdout


def test_nothing_is_written(world: World) -> None:
    world.account.endpoint.log = []
    CliRunner().invoke(app, ["watch", "web"])

    calls = {call.name.split(":")[1] for call in world.account.endpoint.log if call.caller == "operator"}
    assert calls
    assert {name for name in calls if not name.startswith(("Describe", "Get", "List", "Batch"))} <= {"Query", "Scan"}


def test_a_look_that_aws_refuses_is_said_and_tried_again_until_ctrl_c(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    refused = [ClientError({"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}, "ListTasks")]
    looks = watch.Watched.look

    def look(self: watch.Watched) -> dict[str, Any]:
        if len(shown) == 1:
            raise refused[0]
        if len(shown) == 3:
            raise KeyboardInterrupt
        return looks(self)

    class Screen:
        def __init__(self, **options: Any) -> None: ...
        def __enter__(self) -> Screen:
            return self

        def __exit__(self, *error: object) -> None: ...

        def update(self, view: Any, **_: Any) -> None:
            console = Console(width=80)
            with console.capture() as captured:
                console.print(view)
            shown.append(captured.get())

    monkeypatch.setattr(watch.Watched, "look", look)
    monkeypatch.setattr(watch, "Live", Screen)
    monkeypatch.setattr(type(watch.answers), "is_terminal", property(lambda self: True))

    done = CliRunner().invoke(app, ["watch", "web", "--every", "5"])

    assert done.exit_code == 0, done.output
    assert ["not read again: " in view for view in shown] == [False, True, False]
    assert "Rate exceeded" in shown[1]
    assert "[x] lacks 2 tasks" in shown[2]
    assert "i-00000000000000001" in shown[2], "an id can be copied at 80 columns"
