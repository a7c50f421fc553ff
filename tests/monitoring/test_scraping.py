"""Prometheus finds instances by their tags, and shows each container by what people know it by."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from monitoring.dashboards import DASHBOARDS
from tests.monitoring.live import FakeContainer, Live, started, wait_for
from tests.monitoring.test_rules import rules

# By loopback addresses: two instances of web, one of batch, and one that is nobody's.
ONE, TWO, BATCH, FOREIGN = "127.0.1.1", "127.0.1.2", "127.0.1.3", "127.0.1.4"
PAUSE = "~internal~ecs~pause"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with started(tmp_path_factory.mktemp("prometheus")) as running:
        running.launch(
            "web",
            ONE,
            FakeContainer("api", "app", "t1"),
            FakeContainer("api", "envoy", "t1", cores=0.1, shares=256),
            FakeContainer("api", "fluentd", "t1", cores=0.1, shares=128, limit_bytes=0, reserved_bytes=500_000_000),
            # The task's network, as in awsvpc mode; and the ECS agent, which is no task's.
            FakeContainer("api", PAUSE, "t1", shares=2),
            FakeContainer("", "ecs-agent", ""),
        )
        # Far over what it reserves, so that it shows within seconds.
        loop = FakeContainer("loop", "app", "t3", cores=300.0, used_bytes=600_000_000, reserved_bytes=500_000_000)
        running.launch("web", TWO, FakeContainer("api", "app", "t2"), loop, spot=True)
        running.launch("batch", BATCH, FakeContainer("nightly", "app", "run-1", cores=2.0), spot=True)
        running.launch("theirs", FOREIGN, FakeContainer("other", "app", "t9"), tag="team")
        wait_for("three instances are scraped", lambda: len(running.query("up == 1")) == 3)
        wait_for("rates are there", lambda: running.query('reservation:cpu_use:ratio{family="nightly"}'))
        wait_for("clusters are summed up", lambda: len(running.query("cluster:cpu_usage:ratio")) == 2)
        # Each group of rules has its own moment, and some are made of what others have recorded.
        wait_for("tasks are summed up", lambda: running.query("family:task_cpu_cores:avg"))
        yield running


def test_instances_are_found_by_the_clusters_tag_and_no_others(live: Live) -> None:
    found = {(t["labels"]["cluster"], t["labels"]["instance"], t["labels"]["lifecycle"]) for t in live.targets()}
    by_address = {c.address: c.instance_id for c in live.cadvisors.values()}

    assert found == {
        ("web", by_address[ONE], "on-demand"),
        ("web", by_address[TWO], "spot"),
        ("batch", by_address[BATCH], "spot"),
    }


def test_a_container_is_told_by_what_people_know_it_by_and_by_nothing_else(live: Live) -> None:
    [sample] = live.query('container_memory_working_set_bytes{task="t2"}')
    by_address = {c.address: c.instance_id for c in live.cadvisors.values()}

    assert sample["value"] == 400_000_000
    assert sample["metric"] == {
        "__name__": "container_memory_working_set_bytes",
        "job": "cadvisor",
        "cluster": "web",
        "family": "api",
        "revision": "7",
        "container": "app",
        "role": "application",
        "task": "t2",
        "instance": by_address[TWO],
        "instance_type": "m5.large",
        "lifecycle": "spot",
    }


def test_a_task_of_run_task_is_there_like_any_other(live: Live) -> None:
    [sample] = live.query('container:cpu_usage_cores:rate2m{family="nightly",task="run-1"}')

    # How much is for the rules' own tests: a rate over two minutes is not there in seconds.
    assert sample["value"] > 0
    assert sample["metric"]["cluster"] == "batch"


def test_sidecars_are_told_from_the_application(live: Live) -> None:
    roles = {
        s["metric"]["container"]: s["metric"]["role"]
        for s in live.query('container_start_time_seconds{cluster="web",family="api"}')
    }

    assert roles == {"app": "application", "envoy": "sidecar", "fluentd": "sidecar"}
    [memory] = live.query('application:memory_working_set_bytes:sum{family="api"}')
    assert memory["value"] == 2 * 400_000_000


def test_what_is_no_task_s_and_what_nobody_uses_is_not_kept(live: Live) -> None:
    names = {s["metric"]["__name__"] for s in live.query('{job="cadvisor"}')}

    assert "container_memory_cache" not in names
    assert live.query('container_start_time_seconds{container="ecs-agent"}') == []
    # The pause container has the task's traffic, and counts for nothing else.
    pause = {s["metric"]["__name__"] for s in live.query(f'{{container="{PAUSE}"}}')}
    assert {n for n in pause if n.startswith("container_")} == {
        "container_network_receive_bytes_total",
        "container_network_transmit_bytes_total",
    }


def test_every_recording_rule_has_something_to_say(live: Live) -> None:
    for record in [rule["record"] for rule in rules() if "record" in rule]:
        wait_for(f"{record} is recorded", partial(live.query, record))


QUERIES = [
    pytest.param(target.expr, id=f"{page.uid}: {panel.title}: {target.legend_format}")
    for page in (dashboard.build() for dashboard in DASHBOARDS)
    for row in page.panels or []
    for panel in (row.panels if row.type_val == "row" else [row])
    if panel.datasource.uid == "prometheus"
    for target in panel.targets
]


@pytest.mark.parametrize("expr", QUERIES)
def test_every_query_of_the_dashboards_shows_something(live: Live, expr: str) -> None:
    # What is chosen: a family with sidecars, one that uses more than it reserves, and any of its tasks.
    family = "loop" if "> 1" in expr else "api"
    chosen = expr.replace("$cluster", "web").replace("$family", family).replace("$task", ".*")

    assert "$" not in chosen
    assert wait_for(chosen, lambda: _shown(live, chosen))


def _shown(live: Live, expr: str) -> list[dict[str, Any]]:
    return live.query(expr)


@pytest.mark.parametrize("chosen", ["arn:aws:ecs:us-east-1:123456789012:task/batch/run-1", "run-1"])
def test_a_batch_task_is_found_by_its_arn_or_its_id_alone(live: Live, chosen: str) -> None:
    [page] = [built for built in (dashboard.build() for dashboard in DASHBOARDS) if built.uid == "steady-task"]
    exprs = [target.expr for panel in page.panels or [] for target in panel.targets]

    for expr in exprs:
        asked = expr.replace("$cluster", "batch").replace("$family", ".*").replace("$task", chosen)
        assert {sample["metric"]["task"] for sample in live.query(asked)} == {"run-1"}, asked


def test_a_container_that_starts_again_is_counted(live: Live) -> None:
    [container] = [c for cadvisor in live.cadvisors.values() for c in cadvisor.containers if c.family == "loop"]
    before = live.query('application:container_starts:sum10m{family="loop"}')[0]["value"]

    for _ in range(2):
        container.started = time.time()
        time.sleep(2.5)

    starts = 'application:container_starts:sum10m{family="loop"}'
    wait_for("two starts more", lambda: live.query(starts)[0]["value"] == before + 2)


def test_a_new_instance_is_found_and_one_that_has_gone_is_dropped(live: Live) -> None:
    new = live.launch("batch", "127.0.1.9", FakeContainer("nightly", "app", "run-2"), spot=True)
    wait_for("the new one is scraped", lambda: live.query(f'up{{instance="{new.instance_id}"}} == 1'))
    wait_for("its task is there", lambda: live.query('container_start_time_seconds{task="run-2"}'))

    live.ec2.terminate_instances(InstanceIds=[new.instance_id])

    wait_for("it is dropped", lambda: not live.query(f'up{{instance="{new.instance_id}"}}'))
    # At once, and not after the five minutes for which Prometheus looks back.
    wait_for("its task is gone", lambda: not live.query('container_start_time_seconds{task="run-2"}'), within_s=10)


def test_an_instance_that_goes_wild_is_dropped_and_the_others_are_not(live: Live) -> None:
    wild = live.launch("web", "127.0.1.8", *(FakeContainer("wild", "app", f"w{n}") for n in range(2000)))

    wait_for("it is not scraped", lambda: live.query(f'up{{instance="{wild.instance_id}"}} == 0'))
    assert live.query('container_start_time_seconds{family="wild"}') == []
    assert len(live.query("up == 1")) == 3
