"""`steady clusters`: each managed cluster has a row, and one that cannot be read does not hide the others."""

from __future__ import annotations

import json

import boto3
import pytest
from typer.testing import CliRunner

from cli import clusters, watch
from cli.main import app
from simulator.suite import LEDGER_TABLE
from simulator.world import World
from steady.aws.settings.parameters import NO_CLUSTERS


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(seed=1)
    world.spot_cluster("web", 2, max_capacity=9).service("api", 2, cpu=1000, memory=1000)
    world.group_cluster("batch", 1, mode="dry-run")
    world.run(60)
    monkeypatch.setattr(clusters, "runtime", lambda profile, region: world.suite.runtime("operator"))
    return world


def test_each_cluster_has_its_pool_and_its_counts(world: World) -> None:
    batch, web = json.loads(CliRunner().invoke(app, ["clusters", "--json", "-"]).stdout)

    assert (batch["cluster"], batch["mode"]) == ("batch", "dry-run")
    assert (batch["instances"], batch["running"]) == (1, 0)
    assert web["pool"] == "spot-fleet:sfr-web"
    assert (web["target"], web["held"], web["maximum"]) == (2, 2, 9)
    assert (web["instances"], web["services"], web["running"], web["pending"]) == (2, 1, 2, 0)
    assert web["problem"] == ""


def test_one_that_cannot_be_read_has_its_reason_and_the_others_their_rows(world: World) -> None:
    world.account.parameters.put("/steady/clusters/lost/capacity", "spot-fleet:sfr-gone")
    world.account.parameters.put("/steady/clusters/batch/capacity", "auto-scaling-group:gone")

    done = CliRunner().invoke(app, ["clusters"])

    assert done.exit_code == 0, done.output
    rows = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert "ECS has no such cluster" in rows["lost"]
    assert "gone" in rows["batch"]
    assert "spot-fleet:sfr-web" in rows["web"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["doctor", "lost"],
        ["explain", "lost"],
        ["watch", "lost"],
        ["record", "lost"],
        ["renew", "lost", "--dry-run"],
        ["drain", "--cluster", "lost", "--all"],
    ],
    ids=" ".join,
)
def test_a_managed_cluster_that_ecs_does_not_have_is_said_in_one_line(
    world: World, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    world.account.parameters.put("/steady/clusters/lost/capacity", "auto-scaling-group:batch")
    world.account.parameters.put("/steady/ledger", LEDGER_TABLE)
    for module in ("doctor.command", "explain", "watch", "record.command", "renewal", "drain"):
        monkeypatch.setattr(f"cli.{module}.runtime", lambda profile, region: world.suite.runtime("operator"))
    monkeypatch.setattr(watch, "log_groups", lambda aws: ["group"])

    done = CliRunner().invoke(app, arguments)

    if arguments[0] == "renew":
        assert done.exit_code == 0, "its pool alone is read"
        return
    assert done.exit_code == 2, done.output
    assert done.stderr == (
        "error: ECS has no cluster lost, whose parameter /steady/clusters/lost/capacity is there: create it, "
        "or remove the rest of it (docs/cluster-removal.md)\n"
    )


@pytest.mark.parametrize("arguments", [["clusters"], ["config", "check"], ["report"], ["run", "family"]], ids=" ".join)
def test_an_account_without_a_cluster_is_told_how_to_add_one(aws: boto3.Session, arguments: list[str]) -> None:
    for name in ("ledger", "launches", "launch-queue"):
        aws.client("ssm").put_parameter(Name=f"/steady/{name}", Value="x", Type="String")

    done = CliRunner().invoke(app, arguments)

    assert done.exit_code == (2 if arguments[0] in ("report", "run") else 0)
    assert (
        done.output.removeprefix("error: ") == f"{NO_CLUSTERS}: add a row to cdk.json and deploy (docs/clusters.md)\n"
    )
