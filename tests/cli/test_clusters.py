"""`steady clusters`: each managed cluster has a row, and one that cannot be read does not hide the others."""

from __future__ import annotations

import json

import boto3
import pytest
from typer.testing import CliRunner

from cli import clusters, watch
from cli.main import app
from simulator.several_pools import cluster_of_pools
from simulator.suite import LEDGER_TABLE
from simulator.workload.pool_plan import PoolPlan
from simulator.world import World
from steady.aws.settings.parameters import NO_CLUSTERS
from steady.pools import PoolKind


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


@pytest.fixture
def without_a_pool(world: World) -> World:
    """A cluster of two pools, one of which somebody has deleted."""
    plans = {"base": PoolPlan(PoolKind.AUTO_SCALING_GROUP, 2), "spot": PoolPlan(PoolKind.SPOT_FLEET, 2)}
    cluster_of_pools(world, "mix", plans, min_capacity=1)
    del world.account.fleets.fleets["sfr-mix-spot"]
    world.account.parameters.put("/steady/ledger", LEDGER_TABLE)
    return world


def test_a_pool_that_is_gone_hides_no_other_pool(without_a_pool: World) -> None:
    rows = {row["cluster"]: row for row in json.loads(CliRunner().invoke(app, ["clusters", "--json", "-"]).stdout)}

    [base] = rows["mix"]["pools"]
    assert (base["name"], base["target"], base["minimum"]) == ("base", 2, 1)
    assert "pool spot: there is no running Spot Fleet request sfr-mix-spot" in rows["mix"]["problem"]


@pytest.mark.parametrize("arguments", [["explain", "mix"], ["renew", "mix", "--dry-run"]], ids=" ".join)
def test_a_command_shows_the_pools_that_are_there(
    without_a_pool: World, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    for module in ("explain", "renewal"):
        monkeypatch.setattr(f"cli.{module}.runtime", lambda profile, region: without_a_pool.suite.runtime("operator"))

    done = CliRunner().invoke(app, arguments)

    assert done.exit_code == 0, done.output
    assert "auto-scaling-group:mix-base" in done.stdout


def test_the_bounds_are_those_that_decisions_keep(world: World) -> None:
    """The group's own minimum is over the operator's maximum."""
    world.account.parameters.put("/steady/clusters/batch/max_capacity", 3)
    world.account.groups.groups["batch"].minimum = world.account.groups.groups["batch"].desired = 5

    batch, _ = json.loads(CliRunner().invoke(app, ["clusters", "--json", "-"]).stdout)

    assert (batch["minimum"], batch["maximum"]) == (5, 5)
