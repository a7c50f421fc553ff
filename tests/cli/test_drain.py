"""`steady drain`, on the simulated account."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from cli import drain
from cli.drain import drain_instances, take_back
from cli.main import app
from interruption_handler.notices import rebalance_recommendation
from simulator.ecs.state import TaskStatus
from simulator.world import World


def test_instances_are_drained_by_hand_and_no_request_is_lost() -> None:
    world = World(seed=1)
    web = world.spot_cluster("web", 4, mode="paused")
    web.service("api", 8, requests_per_s=2)
    world.run(60)
    ids = [i.ec2_id for i in web.instances()[:2]]

    done = drain_instances(world.suite.runtime("operator"), ids, deadline_s=600)

    assert done["web"]["instances"] == ids
    assert done["web"]["stopped"] == 0, "there is time: ECS has replaced them"
    world.run(60)
    assert {i.ec2_id for i in web.instances() if i.status == "DRAINING"} == set(ids)
    assert [t for t in web.running() if t.instance.ec2_id in ids] == []
    assert world.account.balancing.failed_requests == 0
    assert len(web.ec2_instances()) == 4, "nothing is terminated"


def test_a_batch_task_is_given_up_at_the_deadline_that_was_given() -> None:
    world = World(seed=2)
    web = world.spot_cluster("web", 1, mode="paused")
    batch = web.batch_task(web.instances()[0], run_s=3600)
    world.run(20)
    start = world.clock.now

    drain_instances(world.suite.runtime("operator"), [batch.instance.ec2_id], deadline_s=100)

    world.run(35)
    assert batch.status is TaskStatus.STOPPED
    assert batch.sigterm_at is not None
    assert 50 <= batch.sigterm_at - start <= 75


def test_what_was_drained_by_hand_stays_so_until_it_is_taken_back_by_hand() -> None:
    world = World(seed=4)
    web = world.spot_cluster("web", 3, scale_in_after_seconds=86_400, learning="off")
    web.service("api", 3, requests_per_s=2)
    world.run(60)
    mine = web.instances()[0]
    operator = world.suite.runtime("operator")

    drain_instances(operator, [mine.ec2_id], deadline_s=600)
    world.run(7200)
    assert mine.status == "DRAINING"
    assert mine.attributes["steady.drained"].startswith("operator:")

    assert take_back(operator, [mine.ec2_id]) == {"web": {"instances": [mine.ec2_id]}}
    assert mine.status == "ACTIVE"
    world.run(1200)
    assert (mine.status, mine.attributes) == ("ACTIVE", {})
    assert world.account.balancing.failed_requests == 0


def test_taking_back_ends_the_steps_of_the_notice_that_drained_it() -> None:
    world = World(seed=5)
    web = world.spot_cluster("web", 2, mode="paused", on_rebalance="drain")
    batch = web.batch_task(web.instances()[0], run_s=100_000)
    world.run(60)
    recommended = {"instance-id": batch.instance.ec2_id}
    world.account.messaging.put_event({**rebalance_recommendation.SAMPLE, "detail": recommended})
    world.run(60)
    assert batch.instance.status == "DRAINING"

    take_back(world.suite.runtime("operator"), [batch.instance.ec2_id])
    world.run(90_000)

    assert batch.instance.status == "ACTIVE"
    assert batch.status is TaskStatus.RUNNING


def test_an_instance_of_nobodys_cluster_is_refused_before_anything_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    world = World(seed=3)
    web = world.spot_cluster("web", 1, mode="paused")

    with pytest.raises(typer.Exit):
        drain_instances(world.suite.runtime("operator"), [web.instances()[0].ec2_id, "i-0123456789abcdef0"], 60)

    refusal = capsys.readouterr().err
    assert "i-0123456789abcdef0 is in no managed cluster" in refusal
    assert refusal.endswith("an instance of one of these is needed: web\n")
    assert web.instances()[0].status == "ACTIVE"


def test_a_whole_cluster_is_drained_and_only_what_was_drained_by_hand_comes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(seed=6)
    web = world.spot_cluster("web", 3, mode="paused")
    web.service("api", 3, requests_per_s=2)
    world.run(60)
    monkeypatch.setattr(drain, "runtime", lambda profile, region: world.suite.runtime("operator"))
    doomed = web.instances()[0]
    world.account.spot.reclaim([i for i in web.ec2_instances() if i.id == doomed.ec2_id])
    world.run(10)

    done = CliRunner().invoke(app, ["drain", "--cluster", "web", "--all", "--deadline", "60", "--json", "-"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["web"]["instances"] == sorted(i.ec2_id for i in web.instances()[1:])
    assert {i.status for i in web.instances()} == {"DRAINING"}

    done = CliRunner().invoke(app, ["drain", "--cluster", "web", "--all", "--cancel"])
    assert done.exit_code == 0, done.output
    assert "2 instances ACTIVE again" in done.stdout
    done = CliRunner().invoke(app, ["drain", "--cluster", "web", "--all", "--cancel"])
    assert done.exit_code == 2
    assert done.stderr == "error: cluster web has no instance that steady drain has drained\n"
    done = CliRunner().invoke(app, ["drain", "--cluster", "old", "--all"])
    assert done.exit_code == 2
    assert "cluster old is not managed: one of web is needed" in done.stderr


@pytest.mark.parametrize(
    "given", [[], ["--all"], ["--cluster", "web"], ["i-0123456789abcdef0", "--all", "--cluster", "web"]]
)
def test_which_instances_must_be_said_in_one_way(given: list[str]) -> None:
    done = CliRunner().invoke(app, ["drain", *given])

    assert done.exit_code == 2
    assert "either ids of instances are needed, or --cluster NAME and --all" in done.stderr


def test_without_a_region_the_command_says_how_to_give_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")

    done = CliRunner().invoke(app, ["drain", "i-0123456789abcdef0"])

    assert done.exit_code == 2
    assert "give --region" in done.stderr


@pytest.mark.parametrize("given", ["foo", "i-1", "i-0123456789ABCDEF0", "mi-0123456789abcdef0", "web", "[x]"])
def test_what_is_no_instance_id_is_refused_before_aws_is_asked(given: str) -> None:
    done = CliRunner().invoke(app, ["drain", "i-0123456789abcdef0", given])

    assert done.exit_code == 2
    assert done.stderr == (
        f'error: "{given}" is no id of an EC2 instance: one such as i-0123456789abcdef0 is needed (steady explain '
        "CLUSTER lists those of a cluster)\n"
    )
