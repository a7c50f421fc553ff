"""Metrics, dashboards and alarms of clusters with several pools: which pool is full, passed over, or broken."""

from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
import pytest

from cli.cost.bill import METRICS_OF_A_POOL, bill_of
from infra import stacks
from infra.watched import OF_POOLS
from simulator.several_pools import PoolPlan, cluster_of_pools
from simulator.world import World
from steady.aws.telemetry import PowertoolsTelemetry
from steady.metrics import MetricName
from steady.pools import PoolKind
from steady.scaling.by_pool import BY_POOL
from tests.infra.watched import watch_template

QUIET = {"start_at_once_share": 0, "learning": "off", "expander": "priority"}
ROW = {
    "name": "mix",
    "pools": [
        {"name": "base", "capacity": "auto-scaling-group:mix-base"},
        {"name": "spot", "capacity": "spot-fleet:sfr-1"},
    ],
}
ONE = {"name": "web", "capacity": "auto-scaling-group:web"}


def watched() -> Any:
    [added] = stacks.add_to(cdk.App(context={"clusters": [ROW, ONE]}))
    return watch_template(added)


def alarms_of_pools() -> list[dict[str, Any]]:
    every = (a["Properties"] for a in watched().find_resources("AWS::CloudWatch::Alarm").values())
    return [a for a in every if "pool" in {d["Name"] for d in a.get("Dimensions", [])}]


def run(seed: int, hurt: Any) -> World:
    world = World(seed=seed)
    pools = {
        "base": PoolPlan(PoolKind.AUTO_SCALING_GROUP, 2, parameters={"max_capacity": 4}),
        "spot": PoolPlan(PoolKind.SPOT_FLEET, 2, parameters={"priority": 10, "max_capacity": 20}),
    }
    views = cluster_of_pools(world, "mix", pools, **QUIET)
    hurt(world, views)
    world.run(120)
    views["base"].service("api", tasks=16, cpu=1024, memory=3000)
    world.run(900)
    return world


def test_a_pool_that_does_not_deliver_and_one_at_its_maximum_are_told_apart() -> None:
    telemetry = run(1, lambda world, pools: world.account.spot.set_available(pools["spot"].pool, 0.0)).suite.telemetry

    assert telemetry.counts["PassedOver/spot"] > 2
    assert "PassedOver/base" not in telemetry.counts
    assert max(telemetry.measured["OfMaximum/base", "mix"]) == 100
    assert max(telemetry.measured["OfMaximum/spot", "mix"]) < 100
    held = [telemetry.measured[f"Held/{pool}", "mix"][-1] for pool in ("base", "spot")]
    assert sum(held) == telemetry.measured["Held", "mix"][-1]


def test_a_pool_that_is_gone_is_counted_by_its_name() -> None:
    telemetry = run(2, lambda world, pools: world.account.groups.groups.pop("mix-base")).suite.telemetry

    assert telemetry.counts["PoolUnreadable/base"] > 3
    assert "PoolUnreadable/spot" not in telemetry.counts
    assert ("Held/base", "mix") not in telemetry.measured


def test_a_cluster_with_one_pool_puts_out_nothing_by_pool() -> None:
    world = World(seed=3)
    web = world.spot_cluster("web", 2, max_capacity=3)
    web.service("api", 20, cpu=1024, memory=3000)
    world.run(600)
    telemetry = world.suite.telemetry

    assert telemetry.counts["AtMaximum"] > 3
    assert [name for name in (*telemetry.counts, *(name for name, _ in telemetry.measured)) if "/" in name] == []


def test_every_alarm_of_a_pool_looks_at_what_the_functions_put_out(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "autoscaler")
    telemetry = PowertoolsTelemetry()
    for pool in ("base", "spot"):
        for name in (*(reason.__name__ for reason in BY_POOL), MetricName.POOL_UNREADABLE):
            telemetry.count(name, cluster="mix", pool=pool)
        telemetry.gauges({MetricName.HELD: 1, MetricName.OF_MAXIMUM: 50}, "mix", pool)
    put_out = set()
    for line in map(json.loads, capsys.readouterr().out.splitlines()):
        [described] = line["_aws"]["CloudWatchMetrics"]
        [dimensions] = described["Dimensions"]
        assert sorted(dimensions) == ["cluster", "pool", "service"], "as the dashboard searches for them"
        put_out |= {(m["Name"], frozenset((d, line[d]) for d in dimensions)) for m in described["Metrics"]}

    looked_at = {
        (a["MetricName"], frozenset((d["Name"], d["Value"]) for d in a["Dimensions"])) for a in alarms_of_pools()
    }
    assert looked_at - put_out == set()
    assert len(looked_at) == 2 * len(OF_POOLS)


def test_an_alarm_of_a_pool_names_it() -> None:
    names = {a["AlarmName"] for a in alarms_of_pools()}

    assert "steady: mix pool spot does not deliver" in names
    assert all(
        "pool base of cluster mix" in a["AlarmDescription"] for a in alarms_of_pools() if "base" in a["AlarmName"]
    )


def test_the_dashboard_of_such_a_cluster_shows_its_pools_and_stays_under_fifty_metrics() -> None:
    dashboards = [d["Properties"] for d in watched().find_resources("AWS::CloudWatch::Dashboard").values()]
    texts = {d["DashboardName"]: json.dumps(d) for d in dashboards}
    names = (MetricName.HELD, MetricName.OF_MAXIMUM, MetricName.POOL_UNREADABLE, *(one.__name__ for one in BY_POOL))

    assert texts["steady-mix"].count("SEARCH(") == 4
    assert "{Steady,cluster,pool,service} cluster=" in texts["steady-mix"]
    assert all(name in texts["steady-mix"] for name in names)
    assert "SEARCH(" not in texts["steady-web"]
    assert "PassedOver" not in texts["steady-web"]


def test_the_bill_counts_the_metrics_of_each_pool() -> None:
    world = run(4, lambda world, pools: None)
    by_pool = {name for name, _ in world.suite.telemetry.measured if "/" in name}
    assert len(by_pool) == 2 * METRICS_OF_A_POOL

    def metrics(*rows: dict[str, Any]) -> float:
        app = cdk.App(context={"clusters": list(rows)})
        stacks.add_to(app)
        return {line.what: line.units for line in bill_of(s.template for s in app.synth().stacks)}["custom metrics"]

    assert metrics(ROW) == metrics(ONE) + 2 * METRICS_OF_A_POOL
