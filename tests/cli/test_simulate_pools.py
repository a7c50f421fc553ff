"""`steady simulate --pool`: one cluster with several pools, each shown by itself; a wrong pool is one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from simulator.workload.pool_rows import BadPool, pools_of
from steady.pools import PoolKind

TWO = ["--pool", "base=m5.2xlarge:on-demand", "--pool", "lean=m6g.2xlarge,m5.2xlarge:spot-fleet"]


def test_each_pool_is_shown_with_its_hours_dollars_and_waits(tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    result = CliRunner().invoke(
        app, ["simulate", *TWO, "--hours", "0.5", "--json", str(tmp_path / "found.json"), "--report", str(report)]
    )

    assert result.exit_code == 0, result.output
    assert "the pools of cluster work" in result.output
    [figures] = json.loads((tmp_path / "found.json").read_text())
    pools = figures["clusters"]["work"]["pools"]
    assert set(pools) == {"base", "lean"}
    for pool in pools.values():
        assert 0 <= pool["usd"] <= pool["list_usd"]
        assert set(pool["wait_seconds"]) == {"p50", "p95", "p99", "max", "total"}
    assert sum(pool["tasks"] for pool in pools.values()) == figures["tasks"] - figures["unplaced_tasks"]
    hours = sum(sum(of.values()) for pool in pools.values() for of in pool["instance_hours_by"].values())
    assert hours == pytest.approx(figures["instance_hours"], abs=0.1)
    assert "lean: m6g.2xlarge, m5.2xlarge" in report.read_text()


@pytest.mark.parametrize("policy", ["capacity-providers", "cluster-autoscaler-least-waste", "karpenter"])
def test_a_peer_runs_on_the_same_pools(policy: str, tmp_path: Path) -> None:
    out = tmp_path / "found.json"
    result = CliRunner().invoke(app, ["simulate", *TWO, "--hours", "0.5", "--policy", policy, "--json", str(out)])

    assert result.exit_code == 0, result.output
    [figures] = json.loads(out.read_text())
    assert figures["tasks"] > 50
    assert figures["unplaced_tasks"] < 20


@pytest.mark.parametrize(
    ("options", "needed"),
    [
        (["--pool", "base=m5.large"], "NAME=TYPE[,TYPE...]:KIND is needed"),
        (["--pool", "base=m5.large:group"], 'its kind is "group": one of on-demand, spot, spot-fleet is needed'),
        (["--pool", "base=m9.large:spot"], '"m9.large" is no EC2 instance type'),
        (["--pool", "base=t3.large:spot"], 'the list price of "t3.large" is not known'),
        (["--pool", "base=m5.large,m5.large:spot"], 'the type "m5.large" is there twice'),
        (["--pool", "=m5.large:spot"], 'its name is ""'),
        (["--pool", "a=m5.large:spot", "--pool", "a=m5.large:spot"], 'the pool "a" is there twice'),
        ([*TWO, "--policy", "escalator"], '"escalator" is no policy of a cluster with several pools'),
        (["--pools", "/there/is/none.json"], "/there/is/none.json: No such file"),
    ],
)
def test_a_wrong_pool_is_refused_in_one_line(options: list[str], needed: str) -> None:
    result = CliRunner().invoke(app, ["simulate", *options])

    assert result.exit_code == 2
    assert needed in " ".join(result.output.split())
    assert result.output.startswith("error: ")


def test_rows_are_read_from_a_file_as_cdk_json_has_them(tmp_path: Path) -> None:
    file = tmp_path / "pools.json"
    row = {"name": "spot", "kind": "spot", "types": {"m5.large": 1, "m5.xlarge": 2}, "min": 1, "max": 9, "priority": 4}
    file.write_text(json.dumps({"name": "web", "pools": [row]}))

    pools = pools_of((), file)

    assert pools["spot"].kind is PoolKind.AUTO_SCALING_GROUP
    assert pools["spot"].buys_spot
    assert pools["spot"].types == {"m5.large": 1, "m5.xlarge": 2}
    assert pools["spot"].parameters == {"min_capacity": 1, "max_capacity": 9, "priority": 4}


@pytest.mark.parametrize(
    ("content", "needed"),
    [
        ("{", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("{}", "has no list of pools"),
        ("[1]", "pool 1 is 1: an object"),
        ('[{"name": "a", "capacity": "auto-scaling-group:a"}]', '"capacity" is no key of a simulated pool'),
        ('[{"name": "a", "kind": "spot", "types": {"m5.large": 0}}]', "its units of m5.large are 0"),
        ('[{"name": "a", "kind": "spot", "types": {}}]', "its types are {}"),
        ('[{"name": "a", "kind": "spot", "types": {"m5.large": 1}, "max": "9"}]', 'its max is "9"'),
        ('[{"name": "a", "kind": "spot", "types": {"m5.large": 1}, "min": 3, "max": 2}]', "its max is 2 and its min 3"),
    ],
)
def test_a_wrong_row_is_named_with_its_number(content: str, needed: str, tmp_path: Path) -> None:
    file = tmp_path / "pools.json"
    file.write_text(content)

    with pytest.raises(BadPool) as told:
        pools_of((), file)

    assert needed in str(told.value)
    assert str(file) in str(told.value)
