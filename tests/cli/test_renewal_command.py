"""`steady renew`, and what `steady explain` tells of a renewal, on the simulated account."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from cli import explain, renewal
from cli.main import app
from simulator.suite import LAUNCHES_TABLE, LEDGER_TABLE
from simulator.world import SimulatedCluster, World
from steady.names import LAUNCHES_PARAMETER, LEDGER_PARAMETER

IMAGE = "ami-00000000000000002"


def outdated(monkeypatch: pytest.MonkeyPatch, **thresholds: int | str) -> SimulatedCluster:
    world = World(seed=1)
    web = world.group_cluster("web", 3, min_capacity=3, renew_bake_seconds=60, **thresholds)
    web.service("api", 3, cpu=256, memory=512)
    world.account.parameters.put(LEDGER_PARAMETER, LEDGER_TABLE)
    world.account.parameters.put(LAUNCHES_PARAMETER, LAUNCHES_TABLE)
    world.run(300)
    world.account.ec2.templates.of(web.pool.template).images.append(IMAGE)
    web.pool.template_version = "$Latest"
    runtime = world.suite.runtime("operator")
    runtime.sleep = world.run
    for command in (renewal, explain):
        monkeypatch.setattr(command, "runtime", lambda *_: runtime)
    return web


def steady(*command: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(command))
    assert isinstance(done.exception, SystemExit | None), done.exception
    return done.exit_code, done.output


def test_what_is_out_of_date_is_listed_and_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    web = outdated(monkeypatch)

    code, said = steady("renew", "web", "--dry-run", "--json", "-")

    assert code == 0
    found = json.loads(said)
    assert set(found["drifted"].values()) == {"image"}
    assert len(found["drifted"]) == 3
    assert "to renew: 3 of 3 instances (3 by image)" in steady("explain", "web")[1]
    web.world.run(1800)
    assert {one.image for one in web.ec2_instances()} != {IMAGE}


def test_renewal_is_followed_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    web = outdated(monkeypatch, renew="drift")

    code, said = steady("renew", "web")

    assert (code, "all instances are renewed" in said) == (0, True)
    assert {one.image for one in web.ec2_instances()} == {IMAGE}
    assert "none out of date" in steady("renew", "web")[1]


def test_a_renewal_that_stops_is_exit_code_1_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    web = outdated(monkeypatch, renew="drift", boot_timeout_seconds=300)
    web.world.account.ec2.templates.broken.add(IMAGE)

    code, said = steady("renew", "web")

    assert code == 1
    assert "renewal stopped: no instance of ami-00000000000000002" in " ".join(said.split())


@pytest.mark.parametrize("mode", ["dry-run", "paused"])
def test_a_mode_in_which_nothing_is_renewed_is_said(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    outdated(monkeypatch, mode=mode)

    code, said = steady("renew", "web")

    assert code == 2
    assert f"mode is {mode}" in said
