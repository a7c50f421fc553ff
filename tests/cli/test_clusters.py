"""`steady clusters`: each managed cluster has a row, and one that cannot be read does not hide the others."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from cli import clusters
from cli.main import app
from simulator.world import World


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


def test_without_clusters_it_says_how_to_add_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "runtime", lambda profile, region: World(seed=1).suite.runtime("operator"))

    done = CliRunner().invoke(app, ["clusters"])

    assert done.exit_code == 0
    assert "no cluster of this account and Region" in done.stdout
    assert "cdk.json" in done.stdout
