"""`steady record`: traces of a live cluster, from the events that are kept and from what still runs."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from cli.main import app
from cli.record.command import record_cluster, recorded_hours
from cli.record.events import NoRecords
from simulator.workload import traces
from steady.aws.runtime import Runtime
from steady.cluster import Size
from steady.names import EVENTS_LOG_GROUP
from tests.cli import accounts

# CloudWatch Logs takes no event that is older than two weeks.
NOW = float(int(time.time()))
START = NOW - 3600


class Account:
    """moto's account with the suite's log of events, and a cluster `web` on a Spot Fleet."""

    def __init__(self, aws: boto3.Session) -> None:
        self.aws = aws
        self.runtime = Runtime(session=aws, now=lambda: NOW)
        self.number = 0
        aws.client("logs").create_log_group(logGroupName=EVENTS_LOG_GROUP)
        aws.client("logs").create_log_stream(logGroupName=EVENTS_LOG_GROUP, logStreamName="events")
        aws.client("ecs").create_cluster(clusterName="web")
        self.instance_id = accounts.fleet(aws, accounts.template(aws, ""))
        # EC2 tags a fleet's instances; moto does not.
        pool = aws.client("ssm").get_parameter(Name="/steady/clusters/web/capacity")["Parameter"]["Value"]
        tag = {"Key": "aws:ec2spot:fleet-request-id", "Value": pool.removeprefix("spot-fleet:")}
        aws.client("ec2").create_tags(Resources=[self.instance_id], Tags=[tag])
        self.definitions = {family: accounts.definition(aws, family) for family in ("crunch", "api")}

    def keep(self, detail_type: str, at: float, detail: dict[str, Any], *, twice: bool = False) -> None:
        self.number += 1
        event = {"id": f"e-{self.number}", "detail-type": detail_type, "time": iso(at), "detail": detail}
        line = {"timestamp": int(at * 1000), "message": json.dumps(event)}
        self.aws.client("logs").put_log_events(
            logGroupName=EVENTS_LOG_GROUP, logStreamName="events", logEvents=[line] * (2 if twice else 1)
        )

    def stopped(
        self,
        family: str,
        created: float,
        stopped: float,
        *,
        group: str = "",
        on: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        cluster = options.pop("cluster", "web")
        number = options.pop("task", self.number)
        detail = {
            "taskArn": f"arn:aws:ecs:us-east-1:123456789012:task/{cluster}/{number}",
            "containerInstanceArn": options.pop("instance", "arn:one"),
            "clusterArn": f"arn:aws:ecs:us-east-1:123456789012:cluster/{cluster}",
            "taskDefinitionArn": self.definitions[family],
            "group": group or f"family:{family}",
            "lastStatus": "STOPPED",
            "createdAt": iso(created),
            "startedAt": iso(created + 5),
            "stoppedAt": iso(stopped),
            **(on or {"launchType": "EC2"}),
        }
        self.keep("ECS Task State Change", stopped, detail, **options)


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


@pytest.fixture
def account(aws: boto3.Session) -> Account:
    return Account(aws)


def test_jobs_are_what_ran_without_a_service(account: Account) -> None:
    account.stopped("crunch", START + 100, START + 700, twice=True)
    account.stopped("crunch", START - 500, START + 60)
    account.stopped("crunch", START + 200, START + 300, cluster="another")

    found = record_cluster(account.runtime, "web", hours=1)

    assert found.jobs == ((0.0, "crunch", 256, 512, 60.0), (100.0, "crunch", 256, 512, 595.0))
    assert found.services == ()


def test_services_are_how_many_of_their_tasks_there_were(account: Account) -> None:
    account.stopped("api", START - 100, START + 1000, group="service:api")
    account.stopped("api", START + 600, START + 3000, group="service:api")

    found = record_cluster(account.runtime, "web", hours=1)

    assert found.jobs == ()
    assert [(at, name, count) for at, name, count, *_ in found.services] == [
        (0.0, "api", 1),
        (600.0, "api", 2),
        (1020.0, "api", 1),
        (3000.0, "api", 0),
    ]


def test_a_task_whose_end_is_said_twice_is_one_task(account: Account) -> None:
    for _ in range(2):
        account.stopped("crunch", START + 100, START + 700, task=1)

    assert len(record_cluster(account.runtime, "web", hours=1).jobs) == 1


def test_what_ran_elsewhere_than_on_the_pool_is_no_trace(account: Account) -> None:
    for on in ({"launchType": "FARGATE"}, {"launchType": "EXTERNAL"}, {"capacityProviderName": "theirs"}):
        account.stopped("crunch", START + 100, START + 700, on=on)

    assert record_cluster(account.runtime, "web", hours=1).jobs == ()


def test_what_still_runs_is_counted_too(account: Account) -> None:
    account.aws.client("ecs").run_task(cluster="web", taskDefinition="crunch", launchType="EC2")

    [job] = record_cluster(account.runtime, "web", hours=1).jobs

    # moto does not say since when: it has run all the time.
    assert job == (0.0, "crunch", 256, 512, 3600.0)


def test_the_market_is_what_was_left_of_the_fleet(account: Account) -> None:
    account.keep("EC2 Spot Instance Interruption Warning", START + 650, {"instance-id": account.instance_id})
    account.keep("EC2 Spot Instance Interruption Warning", START + 660, {"instance-id": "i-0123456789abcdef0"})

    market = record_cluster(account.runtime, "web", hours=1).market

    # The second instance is forgotten by EC2, and may have been ours.
    assert market == {"metadata": {"gap_seconds": 300}, "data": [2, 2, 0, *[2] * 10]}


def test_the_traces_are_read_by_the_simulator(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.stopped("crunch", START + 100, START + 700)
    account.stopped("api", START + 600, START + 3000, group="service:api")
    account.keep("EC2 Spot Instance Interruption Warning", START + 650, {"instance-id": account.instance_id})
    monkeypatch.setattr("cli.record.command.runtime", lambda profile, region: account.runtime)
    monkeypatch.setattr("cli.record.events.kept_since", lambda runtime: START - 3600)

    done = CliRunner().invoke(app, ["record", "web", "--hours", "1", "--out", str(tmp_path)])

    assert done.exit_code == 0, done.output
    [job] = traces.jobs(tmp_path / "jobs.csv")
    assert (job.submit_s, job.size, job.run_s) == (100.0, Size(256, 512), 595.0)
    assert [change.desired for change in traces.services(tmp_path / "services.csv")] == [1, 0]
    assert traces.spot_market(tmp_path / "spot.json").most == 1
    assert f"steady tune --jobs {tmp_path}/jobs.csv --services {tmp_path}/services.csv" in done.stdout
    assert "--hours 1 --cluster web" in done.stdout


def test_where_no_events_are_kept_that_is_said(aws: boto3.Session) -> None:
    aws.client("ecs").create_cluster(clusterName="web")
    accounts.fleet(aws, accounts.template(aws, ""))

    with pytest.raises(NoRecords, match="/steady/events is missing: deploy the suite here"):
        record_cluster(Runtime(session=aws, now=lambda: NOW), "web", hours=1)
    done = CliRunner().invoke(app, ["record", "web"])
    assert done.exit_code == 2
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_cluster_that_is_not_managed_is_refused(aws: boto3.Session) -> None:
    done = CliRunner().invoke(app, ["record", "old"])

    assert done.exit_code == 2
    assert "cluster old is not managed: no cluster of this account and Region has a parameter" in done.stderr


def test_a_young_suite_makes_no_trace_of_the_time_before_it(account: Account, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["record", "web", "--hours", "24", "--out", str(tmp_path), "--json", "-"])

    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["hours"] == 0.1
    assert "the suite has kept events here for 0.1 h: 24 h were asked for" in done.stderr


def test_all_hours_are_recorded_of_which_events_are_kept(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.record.events.kept_since", lambda runtime: NOW - 3 * 3600 - 60)

    assert [recorded_hours(account.runtime, hours) for hours in (1, 3, 24)] == [1, 3, 3]


def test_of_a_cluster_without_work_no_traces_and_no_simulation_are_advised(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.record.events.kept_since", lambda runtime: 0.0)
    done = CliRunner().invoke(app, ["record", "web", "--hours", "1", "--out", str(tmp_path)])

    assert done.exit_code == 0, done.output
    assert "steady tune" not in done.stdout
    assert "nothing ran on cluster web in the last 1 h that could be simulated" in done.stderr
